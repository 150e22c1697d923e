// The tokenizer of whole words: a word is a token, all words that are not in the vocabulary are one. What stood between words is not
// kept, so that decoding gives the words with a space between.
import { unknownId } from './byte_level.ts';
import { isAllowed, SpecialFinder } from './pieces.ts';
import type { EncodeOptions, StreamingDecoder, Tokenizer } from './tokenizer.ts';
import { wordFiles } from './word_files.ts';
import { lastWordCut, lowercase, wordsOf } from './words.ts';

export interface WordParts {
  /** By id, special ones among them. */
  readonly tokens: readonly string[];
  /** Ids of the special tokens, that of unknown words among them. */
  readonly special: readonly number[];
  readonly unknownId: number;
  /** The special token that fills up rows, and the one that ends a document. */
  readonly padId: number | null;
  readonly eosId: number | null;
  /** Whether texts are taken in small letters. */
  readonly lowercase: boolean;
}

export class WordTokenizer implements Tokenizer {
  readonly kind = 'word';
  readonly vocabSize: number;
  readonly eosId: number | null;
  readonly specialTokens: readonly string[];
  readonly parts: WordParts;
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #idOfSpecial: ReadonlyMap<string, number>;
  readonly #finder: SpecialFinder;

  /** From parts that `wordFrom` checked, or that were counted. */
  constructor(parts: WordParts) {
    const { tokens, special } = parts;
    this.parts = parts;
    this.vocabSize = tokens.length;
    this.eosId = parts.eosId;
    this.specialTokens = special.map((id) => tokens[id]!);
    this.#idOfSpecial = new Map(special.map((id) => [tokens[id]!, id]));
    this.#finder = new SpecialFinder(this.specialTokens);
    const whole = new Set(special);
    this.#idOf = new Map(tokens.flatMap((token, id): [string, number][] => (whole.has(id) ? [] : [[token, id]])));
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    const allowed = (_: string, from: number, to: number) => isAllowed(options, from, to);
    for (const { text: part, special } of this.#finder.split(text, allowed)) {
      for (const word of wordsOf(this.parts.lowercase ? lowercase(part) : part))
        ids.push(this.#idOf.get(word) ?? this.parts.unknownId);
      if (special !== null) ids.push(this.#idOfSpecial.get(special)!);
    }
    return ids;
  }

  decode(ids: Iterable<number>): string {
    return Array.from(ids, (id) => this.#token(id)).join(' ');
  }

  decoder(before: Iterable<number> = []): StreamingDecoder {
    let begun = false;
    for (const id of before) begun = this.#token(id) !== '';
    return {
      push: (id) => {
        const text = `${begun ? ' ' : ''}${this.#token(id)}`;
        begun = true;
        return text;
      },
      end: () => '',
    };
  }

  lastCut(text: string, from: number): number {
    return lastWordCut(text, from);
  }

  /** A WordLevel model. */
  files(): Map<string, string> {
    return wordFiles(this.parts);
  }

  #token(id: number): string {
    const token = this.parts.tokens[id];
    if (token === undefined) throw unknownId(id, this.vocabSize);
    return token;
  }
}
