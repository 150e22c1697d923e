// Pretraining: predict the next token, everywhere.
import type { Batch } from '../autograd/machine.ts';
import { type CrossEntropyOptions, crossEntropy } from '../ops/cross_entropy.ts';
import type { Task } from './task.ts';

/** Rows of tokens and what follows each: inputs (B,T), targets (B,T) with -100 where there is nothing to predict. */
export interface TokenRows {
  inputs: Int32Array;
  targets: Int32Array;
}

/** The batch of a plan from rows of `T` tokens. */
export function languageBatch({ inputs, targets }: TokenRows, T: number): Batch {
  const shape = [inputs.length / T, T];
  return { inputs: { shape, data: inputs }, targets: { shape, data: targets } };
}

/** The task of predicting every next token. */
export function languageTask(options: CrossEntropyOptions = {}): Task {
  return {
    loss(model, batch) {
      const logits = model.head(model.hidden(batch.inputs!));
      const { loss, kept } = crossEntropy(logits, batch.targets!, options);
      return { loss, kept };
    },
  };
}
