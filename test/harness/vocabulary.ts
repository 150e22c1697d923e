// A vocabulary in pieces: what a table or a loss looks like when it is computed a range of classes after another.
import { type CrossEntropy, type CrossEntropyOptions, crossEntropyOf } from '../../src/ops/cross_entropy.ts';
import { embedding } from '../../src/ops/embedding.ts';
import { softmaxStats } from '../../src/ops/softmax_stats.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Statistics over all chunks of logits, side by side along the last axis. */
export function statsInChunks(chunks: readonly Tensor[], targets: Tensor): Tensor {
  let first = 0;
  let before: Tensor | undefined;
  for (const logits of chunks) {
    before = softmaxStats(logits, targets, { first, before });
    first += logits.shape.at(-1)!;
  }
  return before!;
}

export function lossInChunks(
  chunks: readonly Tensor[],
  targets: Tensor,
  options: CrossEntropyOptions = {},
): CrossEntropy {
  const vocabSize = chunks.reduce((sum, logits) => sum + logits.shape.at(-1)!, 0);
  return crossEntropyOf(statsInChunks(chunks, targets), targets, { ...options, vocabSize });
}

/** Rows of a table whose pieces stand one below the other. */
export function embeddingInPieces(pieces: readonly Tensor[], ids: Tensor): Tensor {
  let first = 0;
  let add: Tensor | undefined;
  for (const weight of pieces) {
    add = embedding(weight, ids, { first, add });
    first += weight.shape[0]!;
  }
  return add!;
}
