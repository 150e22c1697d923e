// What byte tokens and GPT-2 tokens share: bytes written as visible characters in files, and bytes turned back into text.
import { InputError } from '../errors.ts';
import type { StreamingDecoder } from './tokenizer.ts';

/**
 * The visible character that stands for each byte in vocabulary files: printable Latin-1 stands for itself, the other 68
 * bytes are U+0100 onward, in order. (`bytes_to_unicode` of GPT-2's encoder.py, Radford et al. 2019.)
 */
export const BYTE_TO_CHAR: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(visible ? byte : next++);
  });
})();

/** A token as vocabulary files write it, from its bytes given as a string of code units 0..255. */
export function visible(byteString: string): string {
  let out = '';
  for (let i = 0; i < byteString.length; i++) out += BYTE_TO_CHAR[byteString.charCodeAt(i)];
  return out;
}

const CHAR_TO_BYTE: ReadonlyMap<string, string> = new Map(
  BYTE_TO_CHAR.map((char, byte) => [char, String.fromCharCode(byte)]),
);

/** The bytes of a token that was written with `visible`, as code units 0..255; null for characters that stand for no byte. */
export function fromVisible(token: string): string | null {
  let out = '';
  for (const char of token) {
    const byte = CHAR_TO_BYTE.get(char);
    if (byte === undefined) return null;
    out += byte;
  }
  return out;
}

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text, each as one code unit 0..255. A lone surrogate becomes U+FFFD, as everywhere on the platform. */
export function byteString(text: string): string {
  let ascii = true;
  for (let i = 0; i < text.length && ascii; i++) ascii = text.charCodeAt(i) < 0x80;
  if (ascii) return text;
  const bytes = encoder.encode(text);
  let out = '';
  for (let i = 0; i < bytes.length; i += 4096) out += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return out;
}

/** Ids to text, where each id stands for some bytes. `bytesOf` throws for an id outside the vocabulary. */
export function decodeBytes(ids: Iterable<number>, bytesOf: (id: number) => Uint8Array): string {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const id of ids) {
    const bytes = bytesOf(id);
    parts.push(bytes);
    length += bytes.length;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return newDecoder().decode(all);
}

/**
 * The same, one id at a time: the platform's decoder holds back the bytes of an unfinished character.
 * @param before ids whose text is known already
 */
export function streamBytes(bytesOf: (id: number) => Uint8Array, before: Iterable<number> = []): StreamingDecoder {
  const decoder = newDecoder();
  for (const id of before) decoder.decode(bytesOf(id), { stream: true });
  return {
    push: (id) => decoder.decode(bytesOf(id), { stream: true }),
    end: () => decoder.decode(),
  };
}

// ignoreBOM means: keep U+FEFF as the character it is, instead of dropping it at the start.
const newDecoder = () => new TextDecoder('utf-8', { ignoreBOM: true });

export function unknownId(id: number, vocabSize: number): InputError {
  return new InputError(
    `decode: found id ${id}, expected a whole number from 0 to ${vocabSize - 1}. These ids belong to another tokenizer.`,
  );
}
