// A vocabulary of words from texts: the most frequent ones. What is learned depends on counts alone, so that the same texts give the
// same vocabulary in whatever order they come.
import type { Pieces } from './bpe_count.ts';
import { byteString } from './byte_level.ts';
import { END_OF_TEXT } from './tokenizer_save.ts';
import { WordTokenizer } from './word.ts';
import { lastWordCut, lowercase, wordsOf } from './words.ts';

/** Tokens that every vocabulary of words begins with: what fills up rows, so that it has the id 0, and what stands for all other words. */
export const PAD = '[PAD]';
export const UNKNOWN = '[UNK]';

/** A word that occurs once teaches nothing about itself; as one of the unknown it teaches what they are like. */
export const LEAST_OCCURRENCES = 2;

export interface WordOptions {
  /** Tokens in all, the special ones among them. Default: all words that occur twice. */
  vocabSize?: number | undefined;
  /** Whether texts are taken in small letters. Default true. */
  lowercase?: boolean | undefined;
  /** Special tokens beside those two; `<|endoftext|>` ends documents if it is among them. Default: it alone. */
  special?: readonly string[] | undefined;
}

/** The words that a PieceCounter counts. */
export function wordPieces(inSmall: boolean): Pieces & { of(text: string): string[] } {
  return { of: (text) => wordsOf(inSmall ? lowercase(text) : text), cut: lastWordCut };
}

/** The tokenizer of these texts' words. */
export function trainWords(texts: Iterable<string>, options: WordOptions = {}): WordTokenizer {
  const counts = new Map<string, number>();
  const pieces = wordPieces(options.lowercase ?? true);
  for (const text of texts) for (const word of pieces.of(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return wordTokenizer(counts, options);
}

/** The tokenizer of the words that occur most often, of equally frequent ones those that come first byte by byte. */
export function wordTokenizer(
  counts: ReadonlyMap<string, number>,
  { vocabSize = Number.POSITIVE_INFINITY, lowercase: inSmall = true, special = [END_OF_TEXT] }: WordOptions = {},
): WordTokenizer {
  const first = [PAD, UNKNOWN, ...special];
  const known = new Set(first);
  const words = [...counts]
    .filter(([word, count]) => count >= LEAST_OCCURRENCES && !known.has(word))
    .map(([word, count]) => ({ word, count, bytes: byteString(word) }))
    .sort((a, b) => b.count - a.count || (a.bytes < b.bytes ? -1 : 1))
    .slice(0, Math.max(0, vocabSize - first.length))
    .map(({ word }) => word);
  const eosId = first.indexOf(END_OF_TEXT);
  return new WordTokenizer({
    tokens: [...first, ...words],
    special: first.map((_, id) => id),
    unknownId: 1,
    padId: 0,
    eosId: eosId < 0 ? null : eosId,
    lowercase: inSmall,
  });
}
