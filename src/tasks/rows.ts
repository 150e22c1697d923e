// Labelled rows as every task has them: what the loop, the sampler and the view of what is trained on ask for.
import type { Batch } from '../autograd/machine.ts';

/** A row token by token. */
export interface ShownRow {
  ids: readonly number[];
  /** Whether the token is predicted with a loss. */
  trained: readonly boolean[];
  /** So many of the first ids are of a source, which may have a tokenizer of its own. Default: none. */
  source?: number;
  /** What else is to be known of it: a label. */
  note?: string;
}

/** Rows that were read, tokenised, counted and, where something was wrong with them, refused before. */
export interface TaskRows {
  readonly length: number;
  /** Tokens of row i: its width in a batch before it is padded. */
  lengthOf(i: number): number;
  /** The batch of these rows, as wide as the bucket above its longest, never beyond the context. */
  batch(rows: readonly number[]): Batch;
  shown(i: number): ShownRow;
}
