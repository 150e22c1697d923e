// One file of the hub onto the disk: it goes on where an earlier download stopped, and counts only if its hash is right.
import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { RunError } from '../errors.ts';
import { systemError } from './files.ts';

/** Without a byte for so long, a connection is given up. Milliseconds. */
const STALL_MS = 60_000;

export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** Hex digits. `sha256` of the content for large files; otherwise git's own id of it. */
  readonly hash: { readonly kind: 'sha256' | 'git'; readonly hex: string };
}

/**
 * @param open the bytes from a place on, asked for by range
 * @param target written as `TARGET.incomplete`, and renamed once it is whole
 * @param onBytes called with the bytes that came in, those of an earlier download first
 * @param stop looked at between pieces
 * @returns false where it was stopped; what came in stays for the next time
 * @throws RunError where the connection or the disk fails, or the content is not what the hub says
 */
export async function downloadFile(
  file: HubFile,
  target: string,
  open: (from: number) => Promise<ReadableStream<Uint8Array>>,
  onBytes: (count: number) => void,
  stop: () => boolean,
): Promise<boolean> {
  const partial = `${target}.incomplete`;
  const present = fs.existsSync(partial) ? fs.statSync(partial).size : 0;
  // More than the whole is another file's.
  if (present > file.size) fs.rmSync(partial);
  const hash = startHash(file);
  let received = present > file.size ? 0 : present;
  if (received > 0) for await (const chunk of fs.createReadStream(partial)) hash.update(chunk as Uint8Array);
  onBytes(received);
  const handle = fs.openSync(partial, 'a');
  try {
    if (received < file.size) {
      for await (const chunk of pieces(await opened(open, file, received), file, () => received)) {
        write(handle, chunk, file, partial);
        hash.update(chunk);
        received += chunk.length;
        onBytes(chunk.length);
        if (received > file.size) break;
        if (stop()) return false;
      }
    }
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  if (received < file.size)
    throw new RunError(
      `${file.path}: the connection ended at ${received} of ${file.size} bytes. Run the same command again: it goes on from there.`,
    );
  const found = hash.digest('hex');
  if (received !== file.size || found !== file.hash.hex) {
    fs.rmSync(partial);
    throw new RunError(
      `${file.path}: found ${file.hash.kind} ${found.slice(0, 12)} over ${received} bytes, expected ${file.hash.hex.slice(0, 12)} over ${file.size}: damaged on its way, and thrown away. Run the same command again.`,
    );
  }
  fs.renameSync(partial, target);
  return true;
}

function startHash({ size, hash }: HubFile): Hash {
  if (hash.kind === 'sha256') return createHash('sha256');
  // What git calls a file: SHA-1 over a header with its length, then its bytes.
  return createHash('sha1').update(`blob ${size}\0`);
}

async function opened(
  open: (from: number) => Promise<ReadableStream<Uint8Array>>,
  { path }: HubFile,
  from: number,
): Promise<ReadableStream<Uint8Array>> {
  try {
    return await open(from);
  } catch (error) {
    if (error instanceof RunError) throw error;
    throw new RunError(
      `${path}: the download does not begin (${reasonOf(error)}). Run the same command again: what is here stays.`,
      { cause: error },
    );
  }
}

async function* pieces(
  stream: ReadableStream<Uint8Array>,
  { path, size }: HubFile,
  received: () => number,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const failed = (why: string) =>
    new RunError(
      `${path}: ${why} at ${received()} of ${size} bytes. Run the same command again: it goes on from there.`,
    );
  try {
    for (;;) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stalled = new Promise<never>((_, fail) => {
        timer = setTimeout(() => fail(failed(`nothing came for ${STALL_MS / 1000} s`)), STALL_MS);
      });
      const read = reader.read().catch((error: unknown) => {
        throw failed(`the connection failed (${reasonOf(error)})`);
      });
      const { done, value } = await Promise.race([read, stalled]).finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function write(handle: number, chunk: Uint8Array, { path }: HubFile, partial: string): void {
  try {
    for (let at = 0; at < chunk.length; ) at += fs.writeSync(handle, chunk, at);
  } catch (error) {
    throw new RunError(
      `${path}: ${partial} cannot be written: ${systemError(error)}. Make room, and run the same command again.`,
      {
        cause: error,
      },
    );
  }
}

/** What a failed fetch says: its cause knows more than itself. */
export function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : String(error));
}
