// What the page takes for a text, file by file.
import { expect, test } from 'vitest';
import { fileText } from '../demo/page/file_text.ts';
import { InputError } from '../src/errors.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

function refusal(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    fileText('a.txt', bytes);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('the file was taken');
}

test('text is text, with its mark or without, and in UTF-16 too', () => {
  expect(fileText('a.txt', utf8('Grüße 😀\n'))).toBe('Grüße 😀\n');
  expect(fileText('a.txt', utf8('\ufeffsea'))).toBe('sea');
  expect(fileText('a.txt', new Uint8Array([0xff, 0xfe, 0x73, 0, 0xe9, 0]))).toBe('sé');
  expect(fileText('a.txt', new Uint8Array([0xfe, 0xff, 0, 0x73, 0, 0xe9]))).toBe('sé');
});

test('what is no text is named, and where it stops being text', () => {
  expect(refusal(utf8(''))).toBe('a.txt: found an empty file, expected text.');
  expect(refusal(utf8('PK\x03\x04 and the rest'))).toContain('found a zip archive (docx, epub and xlsx are zip too)');
  expect(refusal(utf8('ab\0c'))).toContain('a NUL byte at byte 2');
  expect(refusal(new Uint8Array([...utf8('one\ntwo '), 0xc3, 0x28]))).toContain('not UTF-8 at byte 8 (line 2: C3 28)');
  expect(refusal(new Uint8Array([0xff, 0xfe, 0x73, 0, 0x41, 0xd8]))).toContain('UTF-16 text that is broken');
});
