// The text of a corpus as a stream: files decoded chunk by chunk and joined, so that a text of any size never stands in
// memory; and the one walk over it that counts, hashes and checks.
import { createHash } from 'node:crypto';
import { InputError } from '../errors.ts';
import { nameOf } from './char.ts';
import { chunksOf, invalidUtf8, nulAt } from './text_check.ts';
import type { TextSource } from './text_source.ts';

/** Stands between two documents where the tokenizer has an end-of-text token. */
export const DOCUMENT_END = Symbol('document end');

export type TextPart = string | typeof DOCUMENT_END;

/**
 * The text, in parts of about 1 MiB that never split a character. Files are joined by a blank line, or, if they are
 * documents and `endOfText` is asked for, by DOCUMENT_END. A byte order mark is dropped.
 * @param onFile told each file as it begins
 * @throws InputError for NUL bytes and invalid UTF-8, naming file, byte and line
 */
export function* readText(
  source: TextSource,
  endOfText: boolean,
  onFile?: (file: string) => void,
): Generator<TextPart> {
  let endsWithNewline = false;
  for (const [i, file] of source.files.entries()) {
    if (i > 0) yield source.documents && endOfText ? DOCUMENT_END : endsWithNewline ? '\n' : '\n\n';
    onFile?.(file);
    const decoder = new TextDecoder('utf-8', { fatal: true }); // also drops a byte order mark
    let offset = 0;
    const decode = (chunk?: Uint8Array): string => {
      try {
        return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
      } catch {
        throw new InputError(`${file}: ${invalidUtf8(file)}`);
      }
    };
    for (const chunk of chunksOf(file)) {
      const nul = chunk.indexOf(0);
      if (nul >= 0) throw new InputError(`${file}: ${nulAt(offset + nul)}`);
      offset += chunk.length;
      const text = decode(chunk);
      if (text !== '') yield text;
      endsWithNewline = text === '' ? endsWithNewline : text.endsWith('\n');
    }
    decode();
  }
}

export interface TextFacts {
  /** Bytes and code points of the text. A document end counts as none. */
  readonly bytes: number;
  readonly characters: number;
  /** SHA-256 of the joined text in UTF-8, document ends as `<|endoftext|>`; hex. */
  readonly hash: string;
  /** All different code points. */
  readonly codePoints: ReadonlySet<number>;
  /** Character counts at which documents end: part of what makes two token streams equal. */
  readonly documentEnds: readonly number[];
}

/** Counts a text while it streams past: feed every part, then ask. */
export class TextCounter {
  readonly #hash = createHash('sha256');
  readonly #seen = new Uint8Array(0x110000);
  readonly #ends: number[] = [];
  bytes = 0;
  characters = 0;

  add(part: TextPart): void {
    if (part === DOCUMENT_END) {
      this.#hash.update('<|endoftext|>');
      this.#ends.push(this.characters);
      return;
    }
    const utf8 = Buffer.from(part, 'utf8');
    this.#hash.update(utf8);
    this.bytes += utf8.length;
    for (let i = 0; i < part.length; i++) {
      const code = part.codePointAt(i)!;
      if (code > 0xffff) i++;
      this.#seen[code] = 1;
      this.characters++;
    }
  }

  facts(): TextFacts {
    const codePoints = new Set<number>();
    this.#seen.forEach((seen, code) => {
      if (seen) codePoints.add(code);
    });
    const { bytes, characters } = this;
    return { bytes, characters, hash: this.#hash.digest('hex'), codePoints, documentEnds: this.#ends };
  }
}

/** The sentence about the first character that is not in a vocabulary, with its file and line. Reads the text again. */
export function unknownCharacter(source: TextSource, unknown: ReadonlySet<number>, vocabSize: number): InputError {
  let file = '';
  let line = 1;
  const parts = readText(source, true, (name) => {
    file = name;
    line = 1;
  });
  for (const part of parts) {
    if (part === DOCUMENT_END) continue;
    for (const character of part) {
      const code = character.codePointAt(0)!;
      if (unknown.has(code)) {
        const more = unknown.size > 1 ? ` (and ${unknown.size - 1} other such characters later)` : '';
        return new InputError(
          `${file}: line ${line}: found ${nameOf(code)}${more}, which is not among the ${vocabSize} characters that the ` +
            'loaded tokenizer knows. Leave such characters out, or train a new model with --tokenizer char.',
        );
      }
      if (code === 0x0a) line++;
    }
  }
  return new InputError(`${source.name}: the text changed while it was read. Start again when nothing writes to it.`);
}
