// The character tokenizer: every different character (code point) of a text is a token, numbered in code point order.
import { InputError } from '../errors.ts';
import { unknownId } from './byte_level.ts';
import type { StreamingDecoder, Tokenizer } from './tokenizer.ts';
import { huggingFaceFiles } from './tokenizer_save.ts';

export class CharTokenizer implements Tokenizer {
  readonly kind = 'char';
  readonly eosId = null;
  readonly vocabSize: number;
  /** The characters by id. */
  readonly characters: readonly string[];
  /** Id of each code point, -1 where there is none. A table, because texts have a billion characters. */
  readonly #idOf: Int32Array;

  /**
   * @param characters one character each, no two alike; the position is the id
   * @throws InputError for an empty vocabulary, a repeated character, or half of a surrogate pair
   */
  constructor(characters: readonly string[]) {
    if (characters.length === 0)
      throw new InputError('characters: found none, expected at least one. Is the text empty?');
    const codes = characters.map((c) => {
      const code = c.codePointAt(0) ?? -1;
      if (String.fromCodePoint(Math.max(code, 0)) !== c || (code >= 0xd800 && code < 0xe000)) {
        throw new InputError(`characters: found ${JSON.stringify(c)}, expected one whole character.`);
      }
      return code;
    });
    this.#idOf = new Int32Array(codes.reduce((a, b) => Math.max(a, b), 0) + 1).fill(-1);
    codes.forEach((code, id) => {
      const other = this.#idOf[code]!;
      if (other >= 0) throw new InputError(`characters: ids ${other} and ${id} are both ${nameOf(code)}.`);
      this.#idOf[code] = id;
    });
    this.characters = characters;
    this.vocabSize = characters.length;
  }

  /** The tokenizer of all characters of a text. */
  static fromText(text: string): CharTokenizer {
    return CharTokenizer.fromCodePoints(new Set(Array.from(text, (c) => c.codePointAt(0)!)));
  }

  /** The tokenizer of these code points, given in any order. */
  static fromCodePoints(codes: Iterable<number>): CharTokenizer {
    return new CharTokenizer([...codes].sort((a, b) => a - b).map((code) => String.fromCodePoint(code)));
  }

  /** Whether a code point has an id. */
  has(code: number): boolean {
    return (this.#idOf[code] ?? -1) >= 0;
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    for (let i = 0; i < text.length; i++) {
      const code = text.codePointAt(i)!;
      const id = this.#idOf[code] ?? -1;
      if (id < 0) {
        throw new InputError(
          `text: character ${ids.length + 1}: found ${nameOf(code)}, which is not among the ${this.vocabSize} characters ` +
            'that this tokenizer knows. Leave it out, or use a model trained on texts that have it.',
        );
      }
      ids.push(id);
      if (code > 0xffff) i++;
    }
    return ids;
  }

  decode(ids: Iterable<number>): string {
    let text = '';
    for (const id of ids) text += this.#character(id);
    return text;
  }

  decoder(): StreamingDecoder {
    return { push: (id) => this.#character(id), end: () => '' };
  }

  /** A BPE without merges, whose vocabulary is single characters. */
  files(): Map<string, string> {
    return huggingFaceFiles({ kind: 'char', tokens: this.characters, merges: [] });
  }

  #character(id: number): string {
    const character = this.characters[id];
    if (character === undefined) throw unknownId(id, this.vocabSize);
    return character;
  }
}

/** A character as messages name it: "é" (U+00E9). */
export function nameOf(code: number): string {
  const hex = code.toString(16).toUpperCase().padStart(4, '0');
  return `${JSON.stringify(String.fromCodePoint(code))} (U+${hex})`;
}
