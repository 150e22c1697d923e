// A visitor's file as text: whole and well-formed, or a sentence why not. The same checks as the command line's.
import { invalidBytes, whyNotTextHead } from '../../src/data/text_bytes.ts';
import { InputError } from '../../src/errors.ts';

const LOOKED_AT = 64 * 1024;

/** UTF-8, or UTF-16 with its mark in front. @throws InputError naming the file, for all else */
export function fileText(name: string, bytes: Uint8Array<ArrayBuffer>): string {
  const wide = wideEncoding(bytes);
  const fault = wide ? null : whyNotTextHead(bytes.subarray(0, LOOKED_AT));
  if (fault !== null) throw new InputError(`${name}: ${fault}`);
  try {
    return new TextDecoder(wide ?? 'utf-8', { fatal: true }).decode(bytes);
  } catch {
    const broken = 'found UTF-16 text that is broken, expected whole characters. Save it as UTF-8.';
    throw new InputError(`${name}: ${wide ? broken : invalidBytes([bytes])}`);
  }
}

/** By its byte order mark; null without one. */
function wideEncoding([first, second]: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : null;
}
