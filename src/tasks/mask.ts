// Guess tokens that were taken out of a text, from both sides: what an encoder learns by itself.
// Source: Devlin et al. 2018 (arXiv:1810.04805), section 3.1, task 1.

import { RANDOM_STEP } from '../nn/dropout.ts';
import type { ForwardOptions, LanguageModel } from '../nn/model.ts';
import { argmax } from '../ops/argmax.ts';
import { cast } from '../ops/cast.ts';
import { type CrossEntropyOptions, crossEntropy } from '../ops/cross_entropy.ts';
import { embedding } from '../ops/embedding.ts';
import { reshape } from '../ops/reshape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Task } from './task.ts';

export interface MaskTaskOptions
  extends Pick<CrossEntropyOptions, 'labelSmoothing'>,
    Pick<ForwardOptions, 'dropout' | 'recompute' | 'dtype'> {}

/**
 * Cross-entropy of the tokens that were taken out, and how many of them are guessed.
 * A batch is inputs (B,T) i32, mask (B,T) f32, places (B,K) i32, targets (B,K) i32, -100 where there is none. See maskBatch.
 */
export function maskTask({ dropout, recompute, dtype, labelSmoothing }: MaskTaskOptions = {}): Task {
  return {
    loss(model, batch) {
      const logits = logitsAt(model, batch, { dropout, recompute, dtype });
      const { loss, tokenLoss, kept } = crossEntropy(logits, batch.targets!, { labelSmoothing: labelSmoothing ?? 0 });
      return { loss, kept, tokenLoss, observed: { guesses: argmax(logits) } };
    },
    metrics({ targets }, { guesses }) {
      const accuracy: number[] = [];
      for (const [i, target] of targets!.data.entries()) if (target >= 0) accuracy.push(guesses![i] === target ? 1 : 0);
      return { accuracy };
    },
    ...(dropout && { scalars: (pass: number) => ({ [RANDOM_STEP]: pass }) }),
  };
}

/**
 * Logits of the tokens at some places alone: most of a text is not asked about, and a vocabulary is large.
 * inputs (B,T) i32, mask (B,T), places (B,K) i32, as columns counted through all rows, -1 for none  ->  (B,K,V)
 */
export function logitsAt(
  model: LanguageModel,
  { inputs, mask, places }: Record<string, Tensor>,
  options: MaskTaskOptions,
): Tensor {
  const hidden = model.hidden(inputs!, { ...options, mask });
  const states = reshape(hidden, [inputs!.size, hidden.shape.at(-1)!]);
  // Rows are gathered as those of a table are, whose gradients are f32.
  return model.head(embedding(cast(states, 'f32'), places!, { dtype: options.dtype ?? 'f32' }));
}
