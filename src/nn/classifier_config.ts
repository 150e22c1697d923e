// What a classifier is beside its body, before any tensor exists. Plain data: files of checkpoints are read into it, and the model and
// its batches are made from it.

/**
 * Where the answer to a text is read from. last-token: its last token. last-position: the last column, to which every text is
 * padded. mean: the mean over its tokens.
 */
export const POOLINGS = ['last-token', 'last-position', 'mean'] as const;
export type Pooling = (typeof POOLINGS)[number];

export interface ClassifierConfig {
  /** Names of the classes; a label is its number here. */
  labels: readonly string[];
  pooling: Pooling;
  /** Tokens that every text is cut or padded to with last-position, so that its answer depends on it alone; null for other poolings. */
  width: number | null;
  /** What stands behind texts that are shorter than a batch; null where the tokenizer has no such token: then it is 0. */
  padId: number | null;
  /** Scores have a bias, which transformers' classes have not: such a classifier is trained, but not kept. */
  bias: boolean;
}
