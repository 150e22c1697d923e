// The file layer under saving and loading: a dozen calls, each of which can be replaced, so that tests can fail the n-th call or
// lose what was not synced. The real one is node:fs, synchronous: a save is a short burst between steps, and order is everything.

import fs from 'node:fs';
import { InputError } from '../errors.ts';
import type { FileContent } from './manifest.ts';
import type { ByteSource } from './safetensors.ts';

export interface FileStat {
  /** `other` is a pipe, a socket or a device: opening one may wait for ever. */
  readonly kind: 'file' | 'folder' | 'other';
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** Every call throws an Error with a `code` such as ENOSPC, as node:fs does. */
export interface FileLayer {
  /** `new` refuses an existing file with EEXIST; `append` makes or continues one. */
  open(path: string, mode: 'read' | 'new' | 'append'): number;
  /** At most `length` bytes from `offset`; fewer at the end of the file. */
  read(handle: number, offset: number, length: number): Uint8Array;
  /** Returns how many bytes were taken. */
  write(handle: number, bytes: Uint8Array): number;
  sync(handle: number): void;
  close(handle: number): void;
  rename(from: string, to: string): void;
  makeFolder(path: string): void;
  list(path: string): string[];
  /** A file, or a folder with all it holds; no error if there is none. */
  remove(path: string): void;
  syncFolder(path: string): void;
  /** `null` if nothing has this name. */
  stat(path: string): FileStat | null;
}

const flags = { read: 'r', new: 'wx', append: 'a' } as const;

/** The disk. */
export const diskLayer: FileLayer = {
  open: (path, mode) => fs.openSync(path, flags[mode]),
  read(handle, offset, length) {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = fs.readSync(handle, bytes, filled, length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  },
  write: (handle, bytes) => fs.writeSync(handle, bytes),
  sync: (handle) => fs.fsyncSync(handle),
  close: (handle) => fs.closeSync(handle),
  rename: (from, to) => fs.renameSync(from, to),
  makeFolder: (path) => fs.mkdirSync(path),
  list: (path) => fs.readdirSync(path).sort(),
  remove: (path) => fs.rmSync(path, { recursive: true, force: true }),
  syncFolder(path) {
    // Windows cannot open a folder; there the rename is written through by the file system's own journal.
    if (process.platform === 'win32') return;
    const handle = fs.openSync(path, 'r');
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  },
  stat(path) {
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (!found) return null;
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
    return { kind, size: found.size, modified: found.mtimeMs };
  },
};

/** Writes what the system takes of `bytes` in one call, at least one of them. @returns how many */
export function writeSome(layer: FileLayer, handle: number, bytes: Uint8Array): number {
  const count = layer.write(handle, bytes);
  if (count <= 0) throw Object.assign(new Error('ENOSPC: no bytes were taken, write'), { code: 'ENOSPC' });
  return count;
}

/** Writes all of `bytes`, however many calls the system needs. */
export function writeAll(layer: FileLayer, handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSome(layer, handle, bytes.subarray(at));
}

/** Runs `use` with an open file and closes it whatever happens. A failed close after a good `use` counts as a failure. */
async function withFile<T>(
  layer: FileLayer,
  path: string,
  mode: 'read' | 'new' | 'append',
  use: (handle: number) => T | Promise<T>,
): Promise<T> {
  const handle = layer.open(path, mode);
  let result: T;
  try {
    result = await use(handle);
  } catch (error) {
    try {
      layer.close(handle);
    } catch {
      // The first error is the one to tell.
    }
    throw error;
  }
  layer.close(handle);
  return result;
}

/** A small text file, whole; `null` if there is none or it is over `maxBytes`. */
export function readText(layer: FileLayer, path: string, maxBytes = 2 ** 20): string | null {
  const found = layer.stat(path);
  if (found?.kind !== 'file' || found.size > maxBytes) return null;
  const handle = layer.open(path, 'read');
  try {
    return new TextDecoder().decode(layer.read(handle, 0, found.size));
  } finally {
    layer.close(handle);
  }
}

/** A file replaced at once: whoever reads it sees the old content or the new one, also after a power cut. */
export async function replaceFile(layer: FileLayer, folder: string, name: string, content: FileContent): Promise<void> {
  const temporary = `${folder}/.tmp-${name}`;
  layer.remove(temporary);
  await withFile(layer, temporary, 'new', async (handle) => {
    for await (const chunk of content instanceof Uint8Array ? [content] : content) writeAll(layer, handle, chunk);
    layer.sync(handle);
  });
  layer.rename(temporary, `${folder}/${name}`);
  layer.syncFolder(folder);
}

/** A file on disk as a byte source for `SafetensorsReader`; close it when done. @throws InputError for what is no file */
export function fileSource(path: string, layer: FileLayer = diskLayer): ByteSource & { close(): void } {
  const found = layer.stat(path);
  if (found && found.kind !== 'file')
    throw new InputError(`${path}: found ${nameOfKind(found)}, expected a file. Check the path.`);
  const handle = layer.open(path, 'read');
  return {
    name: path,
    size: found?.size ?? 0,
    read: (offset, length) => layer.read(handle, offset, length),
    close: () => layer.close(handle),
  };
}

/** What is not a file, in words. */
export function nameOfKind({ kind }: FileStat): string {
  return kind === 'folder' ? 'a folder' : kind === 'file' ? 'a file' : 'a device or pipe';
}

const codes = new Map([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the quota is used up'],
  ['EFBIG', 'the file is over the size limit'],
  ['EACCES', 'no permission'],
  ['EPERM', 'no permission'],
  ['EROFS', 'the file system is read-only'],
  ['ENOENT', 'no such file or folder'],
  ['ENOTDIR', 'a part of the path is a file'],
  ['EISDIR', 'it is a folder'],
  ['EIO', 'the device failed'],
  ['EMFILE', 'too many open files'],
  ['EEXIST', 'something of that name is there already'],
  ['ENOTEMPTY', 'it is a folder with files in it'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['ELOOP', 'its links lead back to themselves'],
]);

/** The code of a system error (`ENOSPC`), or undefined for any other value. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** A system error in words: `ENOSPC, the disk is full`. */
export function systemError(error: unknown): string {
  const code = codeOf(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  return `${code}, ${codes.get(code) ?? 'the system refused'}`;
}
