// What counting alone can learn: the entropy of a text under token frequencies and under pairs of tokens. A network that does
// not beat these numbers has learned nothing else.
import { InputError } from '../errors.ts';
import type { ReadTokens } from './windows.ts';

export interface CountingBaselines {
  /** Mean loss in nats a token of guessing by frequency alone. */
  readonly unigram: number;
  /** The same, knowing the token before; null where the vocabulary is too large for a table of pairs. */
  readonly bigram: number | null;
  /** Predictions scored: all validation tokens but the first, as a network is scored. */
  readonly tokens: number;
}

const LARGEST_TABLE = 1024;

/**
 * Counts on the train part, scores on the validation part. One is added to every count (Laplace), so that nothing is
 * impossible: p(b) = (count(b) + 1) / (N + V), and p(b | a) = (count(ab) + 1) / (count(a) + V).
 * @param train, validation token ids in order, in chunks of any size
 * @returns nats a token   @throws InputError for ids outside the vocabulary or fewer than 2 validation tokens
 */
export function countingBaselines(
  train: Iterable<ArrayLike<number>>,
  validation: Iterable<ArrayLike<number>>,
  vocabSize: number,
): CountingBaselines {
  const V = vocabSize;
  const single = new Float64Array(V);
  const pairs = V <= LARGEST_TABLE ? new Float64Array(V * V) : null;
  const firsts = new Float64Array(V); // how often each token is the first of a pair
  let total = 0;
  walk(train, V, (id, before) => {
    single[id]!++;
    total++;
    if (before < 0) return;
    firsts[before]!++;
    if (pairs) pairs[before * V + id]!++;
  });
  let unigram = 0;
  let bigram = 0;
  let tokens = 0;
  walk(validation, V, (id, before) => {
    if (before < 0) return;
    unigram -= Math.log((single[id]! + 1) / (total + V));
    if (pairs) bigram -= Math.log((pairs[before * V + id]! + 1) / (firsts[before]! + V));
    tokens++;
  });
  if (tokens === 0) throw new InputError('counting: found fewer than 2 validation tokens, expected a pair to score.');
  return { unigram: unigram / tokens, bigram: pairs ? bigram / tokens : null, tokens };
}

/** A part of a corpus in chunks. */
export function* tokenChunks(read: ReadTokens, length: number, size = 1 << 16): Generator<Int32Array> {
  for (let start = 0; start < length; start += size) yield read(start, Math.min(size, length - start));
}

/** Calls `visit` with each id and the one before it, -1 at the start. */
function walk(chunks: Iterable<ArrayLike<number>>, V: number, visit: (id: number, before: number) => void): void {
  let before = -1;
  for (const chunk of chunks) {
    for (let i = 0; i < chunk.length; i++) {
      const id = chunk[i]!;
      if (!(id >= 0 && id < V)) throw new InputError(`counting: found id ${id}, expected 0 to ${V - 1}.`);
      visit(id, before);
      before = id;
    }
  }
}
