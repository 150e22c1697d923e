// A folder as one file: writes .zip archives without compression (weights hardly shrink), and reads those that other programs made.
// Source: PKWARE, .ZIP File Format Specification 6.3.10, sections 4.3.7 to 4.3.16. No ZIP64, no encryption.
import { InputError } from '../errors.ts';
import { quoted } from './json.ts';

export interface ZipEntry {
  /** With slashes: `run/config.json`. */
  path: string;
  bytes: Uint8Array;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const STORED = 0;
const DEFLATED = 8;
/** Names are UTF-8. */
const UTF8 = 0x0800;
/** 1 January 1980, the first day that the format knows: the same files give the same archive. */
const DATE = 0x0021;
/** Sizes and places are counted in 32 bits. */
const MOST_BYTES = 2 ** 32 - 1;
const MOST_ENTRIES = 65535;

/** @throws InputError for more than an archive of this form can hold */
export function writeZip(entries: readonly ZipEntry[]): Uint8Array<ArrayBuffer> {
  const named = entries.map(({ path, bytes }) => ({ name: new TextEncoder().encode(path), bytes, crc: crc32(bytes) }));
  const local = named.reduce((sum, { name, bytes }) => sum + 30 + name.length + bytes.length, 0);
  const central = named.reduce((sum, { name }) => sum + 46 + name.length, 0);
  const total = local + central + 22;
  if (total > MOST_BYTES || named.length > MOST_ENTRIES)
    throw new InputError(`zip: found ${total} bytes in ${named.length} files, expected at most 4 GiB in 65,535.`);
  const zip = new Uint8Array(total);
  const view = new DataView(zip.buffer);
  let at = 0;
  const put = (size: 2 | 4, ...values: number[]) => {
    for (const value of values) {
      if (size === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += size;
    }
  };
  const putBytes = (bytes: Uint8Array) => {
    zip.set(bytes, at);
    at += bytes.length;
  };
  const starts: number[] = [];
  for (const { name, bytes, crc } of named) {
    starts.push(at);
    put(4, LOCAL);
    put(2, 20, UTF8, STORED, 0, DATE);
    put(4, crc, bytes.length, bytes.length);
    put(2, name.length, 0);
    putBytes(name);
    putBytes(bytes);
  }
  const begins = at;
  for (const [i, { name, bytes, crc }] of named.entries()) {
    put(4, CENTRAL);
    put(2, 20, 20, UTF8, STORED, 0, DATE);
    put(4, crc, bytes.length, bytes.length);
    put(2, name.length, 0, 0, 0, 0);
    put(4, 0, starts[i]!);
    putBytes(name);
  }
  put(4, END);
  put(2, 0, 0, named.length, named.length);
  put(4, central, begins);
  put(2, 0);
  return zip;
}

/**
 * The files of an archive, folders left out.
 * @param mostBytes that all files together may unpack to
 * @throws InputError for what is no archive, is cut, damaged or encrypted, or unpacks to too much
 */
export async function readZip(
  fileName: string,
  zip: Uint8Array<ArrayBuffer>,
  mostBytes = 2 ** 31,
): Promise<ZipEntry[]> {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const cut = (what: string) =>
    new InputError(`${fileName}: ${what}, expected a whole .zip archive. Export the run again.`);
  let end = zip.length - 22;
  // A comment may stand behind the end's record.
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) throw cut('found no list of files');
  const count = view.getUint16(end + 10, true);
  const entries: ZipEntry[] = [];
  let at = view.getUint32(end + 16, true);
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL)
      throw cut(`the list of files breaks off at ${i} of ${count}`);
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [crc, packed, size] = [16, 20, 24].map((offset) => view.getUint32(at + offset, true)) as [
      number,
      number,
      number,
    ];
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [
      number,
      number,
      number,
    ];
    const path = new TextDecoder().decode(zip.subarray(at + 46, at + 46 + nameLength));
    const local = view.getUint32(at + 42, true);
    at += 46 + nameLength + extra + comment;
    if (path.endsWith('/')) continue;
    total += size;
    if (total > mostBytes) throw cut(`the files unpack to more than ${mostBytes} bytes`);
    if (flags & 1) throw cut(`${quoted(path)} is encrypted`);
    if (local + 30 > zip.length || view.getUint32(local, true) !== LOCAL)
      throw cut(`${quoted(path)} is not where the list says`);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (start + packed > zip.length) throw cut(`${quoted(path)} is cut off`);
    // Deflate packs 1,032 to 1 at most: nothing is allocated for what cannot come.
    if (size > 1032 * packed + 64) throw cut(`${quoted(path)} says that it unpacks to ${size} bytes`);
    const content = zip.subarray(start, start + packed);
    const bytes = method === STORED ? content.slice() : method === DEFLATED ? await inflate(content, size) : null;
    if (!bytes) throw cut(`${quoted(path)} is packed by method ${method}`);
    if (bytes.length !== size || crc32(bytes) !== crc) throw cut(`${quoted(path)} is damaged`);
    entries.push({ path, bytes });
  }
  return entries;
}

/** At most one byte more than was declared is taken; what is damaged gives what came before. */
async function inflate(content: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  try {
    const reader = new Blob([content]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return bytes.subarray(0, filled);
      if (filled + value.length > size) {
        await reader.cancel();
        return new Uint8Array(0);
      }
      bytes.set(value, filled);
      filled += value.length;
    }
  } catch {
    return new Uint8Array(0);
  }
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 as zip has it: section 4.4.7. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
