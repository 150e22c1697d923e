// Predict the next token: everywhere in pretraining, in answers where a model is tuned on instructions.
import type { Batch } from '../autograd/machine.ts';
import { RANDOM_STEP } from '../nn/dropout.ts';
import type { ForwardOptions } from '../nn/model.ts';
import type { TableLossOptions } from '../nn/table.ts';
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

export interface LanguageTaskOptions
  extends TableLossOptions,
    Pick<ForwardOptions, 'dropout' | 'recompute' | 'dtype'> {}

/**
 * The task of predicting the targets of a batch: inputs and targets (B,T), -100 for none; and, where rows hold several examples, their
 * positions and starts (B,T), see ForwardOptions.
 */
export function languageTask({ dropout, recompute, dtype, ...options }: LanguageTaskOptions = {}): Task {
  return {
    loss(model, batch) {
      const { inputs, targets, positions, starts } = batch;
      const hidden = model.hidden(inputs!, { positions, starts, dropout, recompute, dtype });
      return model.loss(hidden, targets!, options);
    },
    ...(dropout && { scalars: (pass: number) => ({ [RANDOM_STEP]: pass }) }),
  };
}
