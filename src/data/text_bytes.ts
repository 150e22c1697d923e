// Are these bytes text? First bytes that name another format, NUL bytes, UTF-16, and where exactly UTF-8 breaks. The sentences
// here continue "FILE: ". Pure: the command line and the page use it.
import { InputError } from '../errors.ts';

// First bytes of formats that people hand over by mistake, as Latin-1 text.
const FORMATS: readonly (readonly [string, string])[] = [
  ['\x89PNG', 'a PNG picture'],
  ['\xff\xd8\xff', 'a JPEG picture'],
  ['GIF8', 'a GIF picture'],
  ['%PDF-', 'a PDF document'],
  ['PK\x03\x04', 'a zip archive (docx, epub and xlsx are zip too)'],
  ['\x1f\x8b', 'a gzip archive'],
  ['BZh91AY', 'a bzip2 archive'],
  ['\x28\xb5\x2f\xfd', 'a zstd archive'],
  ['\xfd7zXZ', 'an xz archive'],
  ['7z\xbc\xaf', 'a 7z archive'],
  ['SQLite format 3', 'an SQLite database'],
  ['\x7fELF', 'a program'],
  ['GGUF', 'a GGUF model'],
];

/** So much of a file, or of a text, is looked at. */
export const LOOKED_AT = 64 * 1024;

/** Why bytes cannot be text, judged by the first of them, or null. Whether they are UTF-8 is not judged here. */
export function whyNotTextHead(head: Uint8Array): string | null {
  const start = String.fromCharCode(...head.subarray(0, 16));
  if (head.length === 0 || start === '\xef\xbb\xbf') return 'found an empty file, expected text.';
  const format = FORMATS.find(([bytes]) => start.startsWith(bytes));
  if (format) return `found ${format[1]}, expected text. Extract its text first.`;
  if (start.startsWith('\xff\xfe') || start.startsWith('\xfe\xff')) {
    return 'found UTF-16 text, expected UTF-8. Convert it: iconv -f UTF-16 -t UTF-8.';
  }
  const nul = head.indexOf(0);
  return nul >= 0 ? nulAt(nul) : null;
}

/** What a file's first bytes must not be, of a text in memory. @throws InputError */
export function requireText(name: string, text: string): void {
  const fault = whyNotTextHead(new TextEncoder().encode(text.slice(0, LOOKED_AT)));
  if (fault !== null) throw new InputError(`${name}: ${fault}`);
}

export function nulAt(offset: number): string {
  return `found binary data (a NUL byte at byte ${offset}), expected text.`;
}

/** Where the first ill-formed UTF-8 sequence is, counted from byte 0 and line 1. */
export function invalidBytes(chunks: Iterable<Uint8Array>): string {
  let offset = 0;
  let line = 1;
  let start = 0; // where the present character began
  let open = 0; // continuation bytes still to come
  let low = 0x80;
  let high = 0xbf;
  const found = (byte: string, at: number) =>
    `found bytes that are not UTF-8 at byte ${at} (line ${line}: ${byte}), expected UTF-8. ` +
    'Repair it, or convert it: iconv -f LATIN1 -t UTF-8.';
  let sequence = ''; // its bytes so far, for the message
  for (const chunk of chunks) {
    for (const byte of chunk) {
      if (open > 0) {
        if (byte < low || byte > high) return found(`${sequence} ${hex(byte)}`, start);
        sequence += ` ${hex(byte)}`;
        open--;
        low = 0x80;
        high = 0xbf;
      } else if (byte >= 0x80) {
        // Table 3-7 of the Unicode Standard: the first byte fixes the length and the range of the second.
        if (byte < 0xc2 || byte > 0xf4) return found(hex(byte), offset);
        start = offset;
        sequence = hex(byte);
        open = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
        high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
      } else if (byte === 0x0a) {
        line++;
      }
      offset++;
    }
  }
  return found(`${sequence}, then the end`, start);
}

const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, '0');
