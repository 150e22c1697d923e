// A text that stands in memory, as tokens: what a page trains on. The same characters, split, hash and ids as the corpus that the
// command line reads from disk, so that a run can move between the two.
import { Sha256 } from '../checkpoint/hash.ts';
import { InputError } from '../errors.ts';
import { ByteTokenizer } from './byte.ts';
import { CharTokenizer } from './char.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A vocabulary of more characters than this costs more than bytes do. */
const MOST_CHARACTERS = 256;

/** Longer texts are for the command line, which reads them from disk. Characters. */
export const LONGEST_TEXT = 50e6;

export class TextCorpus {
  readonly name: string;
  readonly tokenizer: Tokenizer;
  /** UTF-8 bytes and characters of the text. */
  readonly bytes: number;
  readonly characters: number;
  /** SHA-256 of the text's bytes, hex. */
  readonly hash: string;
  readonly trainLength: number;
  readonly validationLength: number;
  readonly #ids: Int32Array;

  constructor(facts: Pick<TextCorpus, 'name' | 'tokenizer' | 'bytes' | 'characters' | 'hash'>, parts: Int32Array[]) {
    const { name, tokenizer, bytes, characters, hash } = facts;
    [this.name, this.tokenizer, this.bytes, this.characters, this.hash] = [name, tokenizer, bytes, characters, hash];
    [this.trainLength, this.validationLength] = [parts[0]!.length, parts[1]!.length];
    this.#ids = new Int32Array(this.trainLength + this.validationLength);
    this.#ids.set(parts[0]!);
    this.#ids.set(parts[1]!, this.trainLength);
  }

  /** `n` token ids of the train part from `start`: a window of the text's own array. */
  train(start: number, n: number): Int32Array {
    return this.#ids.subarray(start, Math.min(start + n, this.trainLength));
  }

  /** The same of the validation part. */
  validation(start: number, n: number): Int32Array {
    return this.#ids.subarray(this.trainLength + start, this.trainLength + start + n);
  }
}

/**
 * Turns a text into tokens: characters, or bytes where it has too many different ones. Its last tenth validates.
 * @param tokenizer that of a run that is gone on with; by default one is made of the text
 * @throws InputError for a text that is empty, holds NUL or half characters, is too long, or has characters unknown to the
 *   given tokenizer
 */
export function textCorpus(
  name: string,
  text: string,
  { validationPart = 0.1, tokenizer }: { validationPart?: number; tokenizer?: Tokenizer | undefined } = {},
): TextCorpus {
  refuseUnusable(name, text);
  const encoded = new TextEncoder().encode(text);
  const codePoints = new Set<number>();
  let characters = 0;
  for (const character of text) {
    codePoints.add(character.codePointAt(0)!);
    characters++;
  }
  const made = codePoints.size > MOST_CHARACTERS ? new ByteTokenizer() : CharTokenizer.fromCodePoints(codePoints);
  const used = tokenizer ?? made;
  const cut = indexOfCharacter(text, Math.floor(characters * (1 - validationPart)));
  const parts = [text.slice(0, cut), text.slice(cut)].map((part) => Int32Array.from(used.encode(part)));
  const hash = new Sha256().update(encoded).hex();
  return new TextCorpus({ name, tokenizer: used, bytes: encoded.length, characters, hash }, parts);
}

function refuseUnusable(name: string, text: string): void {
  if (text.length === 0)
    throw new InputError(`${name}: found an empty text, expected characters to learn from. Give another text.`);
  if (text.length > LONGEST_TEXT)
    throw new InputError(
      `${name}: found ${text.length} characters, expected at most ${LONGEST_TEXT}. Take a part of it, or train on all of it with the command line.`,
    );
  const nul = text.indexOf('\0');
  if (nul >= 0)
    throw new InputError(
      `${name}: found binary data (a NUL at character ${nul + 1}), expected text. Give a text file.`,
    );
  const half = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.exec(text);
  if (half)
    throw new InputError(
      `${name}: found half a character at position ${half.index + 1}, expected whole ones. Copy the text again.`,
    );
}

/** Where character number n begins, in code units. */
function indexOfCharacter(text: string, n: number): number {
  let at = 0;
  for (let i = 0; i < n; i++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}
