// Text becomes numbers here: what every tokenizer offers, and the one place to import all of them from. Nothing in these
// files touches Node, so the page uses them as they are.

export { BpeTokenizer } from './bpe.ts';
export { ByteTokenizer } from './byte.ts';
export { CharTokenizer } from './char.ts';
export { Gpt2Tokenizer } from './gpt2.ts';
export { loadTokenizer, tokenizerFromFiles } from './tokenizer_files.ts';
export { END_OF_TEXT } from './tokenizer_save.ts';
export { WordTokenizer } from './word.ts';

export type TokenizerKind = 'char' | 'byte' | 'gpt2' | 'bpe' | 'word' | 'huggingface';

export interface EncodeOptions {
  /**
   * Whether special tokens inside the text, such as `<|endoftext|>`, become their ids, perhaps only those from one position up to
   * another. Default false: they are text like any other.
   */
  readonly allowSpecial?: boolean | ((from: number, to: number) => boolean);
  /** Whether the text goes on from one that was encoded before, so that nothing is put before it. Default false. */
  readonly continues?: boolean;
}

/** Turns ids into text one at a time, as they are generated. */
export interface StreamingDecoder {
  /** The text that this id completes; '' while a character is unfinished, so that none is ever split. */
  push(id: number): string;
  /** What is left: U+FFFD for bytes that never became a character. */
  end(): string;
}

export interface Tokenizer {
  readonly kind: TokenizerKind;
  /** Ids are 0 .. vocabSize - 1. */
  readonly vocabSize: number;
  /** The id that ends a document, or null where the vocabulary has none. */
  readonly eosId: number | null;
  /** The id that fills up texts of a batch that are shorter than others. Default: none, and the end's will do. */
  readonly padId?: number | null;
  /** Tokens that `allowSpecial` finds in texts, as they are written. Default: none. */
  readonly specialTokens?: readonly string[];
  /** Those of them that structure what a model answers, such as `<think>`, and end nothing. Default: none. */
  readonly answerTokens?: readonly string[];
  /** Tokens that are found in any text, as they are written. Default: none. */
  readonly plainTokens?: readonly string[];
  /** Ids that stand before every text that a model is to go on from, such as the one that begins a text. Default: none. */
  readonly startIds?: readonly number[];
  /** Whether a code point can be encoded. Default: all can. */
  has?(code: number): boolean;
  /** @throws InputError for a character that the vocabulary lacks */
  encode(text: string, options?: EncodeOptions): number[];
  /** @throws InputError for an id outside the vocabulary */
  decode(ids: Iterable<number>): string;
  /**
   * @param before ids whose text is known already and which the new ones go on from: the ids of a prompt
   * @throws InputError for an id outside the vocabulary, now or as it is pushed
   */
  decoder(before?: Iterable<number>): StreamingDecoder;
  /**
   * The last position at or after `from` where a text can be cut, so that its parts have the ids of the whole; 0 where there is none.
   * Default: that of GPT-2's pattern.
   */
  lastCut?(text: string, from: number): number;
  /** `tokenizer.json` and `tokenizer_config.json` as Hugging Face's libraries read them. */
  files(): Map<string, string>;
}

/** The ids of a text that a model goes on from: those that stand before every text, then its own. */
export function promptIds(tokenizer: Tokenizer, text: string): number[] {
  return [...(tokenizer.startIds ?? []), ...tokenizer.encode(text)];
}
