// Is this file text? By its bytes, read from disk. The sentences here continue "FILE: ".
import fs from 'node:fs';
import { InputError } from '../errors.ts';
import { invalidBytes, LOOKED_AT, whyNotTextHead } from './text_bytes.ts';

/** Whether a file begins as a Parquet table does. @throws InputError if it cannot be opened */
export function isParquet(file: string): boolean {
  for (const head of chunksOf(file, 4)) return String.fromCharCode(...head) === 'PAR1';
  return false;
}

/** Why a file cannot be read as text, judged by its first 64 KiB, or null. @throws InputError if it cannot be opened */
export function whyNotText(file: string): string | null {
  let head: Uint8Array = new Uint8Array(0);
  for (const chunk of chunksOf(file, LOOKED_AT)) {
    head = chunk;
    break;
  }
  const fault = whyNotTextHead(head);
  if (fault !== null) return fault;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
  } catch {
    return invalidUtf8(file);
  }
  return null;
}

/** Where the first ill-formed UTF-8 sequence of a file is. Reads the file again. */
export function invalidUtf8(file: string): string {
  return invalidBytes(chunksOf(file));
}

/**
 * The bytes of a file, chunk by chunk. Each chunk is a view of one buffer: use it before asking for the next.
 * @throws InputError if the file cannot be opened or read
 */
export function* chunksOf(file: string, size = 2 ** 20): Generator<Uint8Array> {
  const refuse = (error: unknown) =>
    new InputError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code}), expected a readable file.`);
  let fd: number;
  try {
    fd = fs.openSync(file, 'r');
  } catch (error) {
    throw refuse(error);
  }
  try {
    const buffer = new Uint8Array(size);
    for (;;) {
      let n: number;
      try {
        n = fs.readSync(fd, buffer, 0, size, null);
      } catch (error) {
        throw refuse(error);
      }
      if (n === 0) return;
      yield buffer.subarray(0, n);
    }
  } finally {
    fs.closeSync(fd);
  }
}
