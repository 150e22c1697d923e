// Text becomes numbers here: what every tokenizer offers, and the one place to import all of them from. Nothing in these
// files touches Node, so the page uses them as they are.

export { BpeTokenizer } from './bpe.ts';
export { ByteTokenizer } from './byte.ts';
export { CharTokenizer } from './char.ts';
export { Gpt2Tokenizer } from './gpt2.ts';
export { loadTokenizer, tokenizerFromFiles } from './tokenizer_files.ts';
export { END_OF_TEXT } from './tokenizer_save.ts';

export type TokenizerKind = 'char' | 'byte' | 'gpt2' | 'bpe';

export interface EncodeOptions {
  /** Whether special tokens inside the text, such as `<|endoftext|>`, become their ids. Default false: they are text like any other. */
  readonly allowSpecial?: boolean;
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
  /** Tokens that `allowSpecial` finds in texts, as they are written. Default: none. */
  readonly specialTokens?: readonly string[];
  /** @throws InputError for a character that the vocabulary lacks */
  encode(text: string, options?: EncodeOptions): number[];
  /** @throws InputError for an id outside the vocabulary */
  decode(ids: Iterable<number>): string;
  decoder(): StreamingDecoder;
  /** `tokenizer.json` and `tokenizer_config.json` as Hugging Face's libraries read them. */
  files(): Map<string, string>;
}
