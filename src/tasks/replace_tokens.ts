// Noise on what a model reads: some tokens are exchanged for others by chance, so that no single word decides.
import type { Batch } from '../autograd/machine.ts';
import { InputError } from '../errors.ts';
import { uniform } from '../tensor/random.ts';

export interface ReplaceOptions {
  /** Of the tokens, from 0 below 1. */
  readonly share: number;
  /** Ids that stand for others: from `from`, below `below`. Tokens below `from`, the special ones, are left as they are. */
  readonly from: number;
  readonly below: number;
  /** Whole number from 0 below 2^32. */
  readonly seed: number;
}

/**
 * The batch with a share of the tokens of `inputs` replaced, each by any id alike; targets and padding stay. Which ones is a pure
 * function of the seed, the pass and the place in the batch. Source: the "replace" of Wei and Zou 2019 (EDA, arXiv:1901.11196), with
 * words by chance in place of synonyms, as word dropout (Iyyer et al. 2015).
 * @param lengths of the rows, so that padding is known   @param pass how many batches the run has trained on before this one
 * @throws InputError for a share or ids out of range
 */
export function replaceTokens(
  batch: Batch,
  lengths: readonly number[],
  { share, from, below, seed }: ReplaceOptions,
  pass: number,
): Batch {
  if (!(share >= 0 && share < 1))
    throw new InputError(`replacing tokens: found a share of ${share}, expected a number from 0 below 1.`);
  if (!(from >= 0 && below > from))
    throw new InputError(`replacing tokens: found ids from ${from} below ${below}, expected at least one.`);
  if (share === 0) return batch;
  const inputs = batch.inputs!;
  const T = inputs.shape[1]!;
  const data = Int32Array.from(inputs.data);
  for (const [row, length] of lengths.entries())
    for (let t = 0; t < length; t++) {
      const at = row * T + t;
      if (data[at]! < from || uniform(seed ^ WHETHER, pass, at) >= share) continue;
      data[at] = from + Math.floor(uniform(seed ^ WHICH, pass, at) * (below - from));
    }
  return { ...batch, inputs: { shape: inputs.shape, data } };
}

// Streams of the run's seed, away from those of weights, dropout and orders.
const WHETHER = 0x72657030;
const WHICH = 0x72657031;
