// Tokens on disk: written once, read by slices. A file is 72 bytes of header, then the ids of the train part and those of the
// validation part, little-endian, 2 bytes each where the vocabulary allows it and else 4.
//   0 "SHFTOKEN"   8 u32 version   12 u32 bytes an id   16 u64 train ids   24 u64 validation ids   32 SHA-256 of the ids
//   64 u64 bytes of the validation text
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { RunError } from '../errors.ts';
import { makeFolders } from '../make_folders.ts';

export const CACHE_VERSION = 1;
const MAGIC = 'SHFTOKEN';
const HEADER = 72;
const BUFFERED = 1 << 16;

/** Writes a token file under another name, and gives it its own once it is complete and synced. */
export class TokenWriter {
  readonly #file: string;
  readonly #temporary: string;
  readonly #fd: number;
  readonly #buffer: Uint16Array | Uint32Array;
  readonly #hash = createHash('sha256');
  #filled = 0;
  #position = HEADER;
  /** Ids written so far. */
  count = 0;

  constructor(file: string, vocabSize: number) {
    makeFolders(path.dirname(file));
    removeAbandoned(file);
    this.#file = file;
    this.#temporary = `${file}.${process.pid}.tmp`;
    this.#fd = fs.openSync(this.#temporary, 'w');
    this.#buffer = vocabSize <= 65536 ? new Uint16Array(BUFFERED) : new Uint32Array(BUFFERED);
  }

  write(ids: readonly number[]): void {
    for (const id of ids) {
      this.#buffer[this.#filled++] = id;
      if (this.#filled === BUFFERED) this.#flush();
    }
    this.count += ids.length;
  }

  /** Completes the file; the first `trainLength` ids are the train part, the others stand for `validationBytes` of text. */
  commit(trainLength: number, validationBytes: number): void {
    this.#flush();
    const header = Buffer.alloc(HEADER);
    header.write(MAGIC, 'latin1');
    header.writeUInt32LE(CACHE_VERSION, 8);
    header.writeUInt32LE(this.#buffer.BYTES_PER_ELEMENT, 12);
    header.writeBigUInt64LE(BigInt(trainLength), 16);
    header.writeBigUInt64LE(BigInt(this.count - trainLength), 24);
    this.#hash.digest().copy(header, 32);
    header.writeBigUInt64LE(BigInt(validationBytes), 64);
    writeAll(this.#fd, header, 0);
    fs.fsyncSync(this.#fd);
    fs.closeSync(this.#fd);
    fs.renameSync(this.#temporary, this.#file);
  }

  /** Leaves nothing behind. */
  abort(): void {
    try {
      fs.closeSync(this.#fd);
    } catch {
      // closed already: the failure came after
    }
    fs.rmSync(this.#temporary, { force: true });
  }

  #flush(): void {
    const bytes = new Uint8Array(this.#buffer.buffer, 0, this.#filled * this.#buffer.BYTES_PER_ELEMENT);
    this.#hash.update(bytes);
    writeAll(this.#fd, bytes, this.#position);
    this.#position += bytes.length;
    this.#filled = 0;
  }
}

/** A token file open for reading. */
export class TokenFile {
  readonly trainLength: number;
  readonly validationLength: number;
  readonly validationBytes: number;
  readonly #file: string;
  readonly #fd: number;
  readonly #bytesPerId: number;

  private constructor(file: string, fd: number, header: Buffer) {
    this.#file = file;
    this.#fd = fd;
    this.#bytesPerId = header.readUInt32LE(12);
    this.trainLength = Number(header.readBigUInt64LE(16));
    this.validationLength = Number(header.readBigUInt64LE(24));
    this.validationBytes = Number(header.readBigUInt64LE(64));
  }

  /** Opens a token file and reads it once to see that it is whole; null if there is none, 'damaged' if it is not. */
  static open(file: string): TokenFile | null | 'damaged' {
    let fd: number;
    try {
      fd = fs.openSync(file, 'r');
    } catch {
      return null;
    }
    const header = Buffer.alloc(HEADER);
    const read = fs.readSync(fd, header, 0, HEADER, 0);
    if (read === HEADER && header.toString('latin1', 0, 8) === MAGIC && header.readUInt32LE(8) === CACHE_VERSION) {
      const tokens = new TokenFile(file, fd, header);
      const size = HEADER + tokens.#bytesPerId * (tokens.trainLength + tokens.validationLength);
      if (fs.fstatSync(fd).size === size && hashFrom(fd, HEADER).equals(header.subarray(32, 64))) return tokens;
    }
    fs.closeSync(fd);
    return 'damaged';
  }

  /** `n` ids from id number `start` of the file. @throws RunError if the file shrank while it was in use */
  read(start: number, n: number): Int32Array {
    const ids = this.#bytesPerId === 2 ? new Uint16Array(n) : new Int32Array(n);
    const bytes = new Uint8Array(ids.buffer);
    for (let done = 0; done < bytes.length; ) {
      const got = fs.readSync(this.#fd, bytes, done, bytes.length - done, HEADER + start * this.#bytesPerId + done);
      if (got === 0)
        throw new RunError(
          `${this.#file}: found its end too early: it was changed during the run. Delete it and resume.`,
        );
      done += got;
    }
    return ids instanceof Int32Array ? ids : Int32Array.from(ids);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

function hashFrom(fd: number, start: number): Buffer {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(2 ** 20);
  for (let at = start; ; ) {
    const n = fs.readSync(fd, buffer, 0, buffer.length, at);
    if (n === 0) return hash.digest();
    hash.update(buffer.subarray(0, n));
    at += n;
  }
}

/** A write may be cut short by the system without an error: go on until all is there. */
function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

/** Removes what writers that were killed left of this file. */
function removeAbandoned(file: string): void {
  for (const name of fs.readdirSync(path.dirname(file))) {
    const pid = /^\.(\d+)\.tmp$/.exec(name.slice(path.basename(file).length))?.[1];
    if (!pid || !name.startsWith(path.basename(file))) continue;
    try {
      process.kill(Number(pid), 0); // signal 0 asks whether the process lives
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH')
        fs.rmSync(path.join(path.dirname(file), name), { force: true });
    }
  }
}
