// What makes one kind of training differ from another, seen from the loop.
import type { Batch, Scalars } from '../autograd/machine.ts';
import type { LanguageModel, Trainable } from '../nn/model.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';

export interface TaskLoss {
  /** (1): a mean. */
  loss: Tensor;
  /** (1): the number of targets that it is the mean of, or their weight. */
  kept: Tensor;
  /** (B,T) or (B): the loss of each target, 0 where there is none. */
  tokenLoss: Tensor;
  /** Small values that metrics() is given of each batch, by name; their first axis is that of the rows. */
  observed?: Readonly<Record<string, Tensor>>;
}

/** Values of a batch that were observed, by name. */
export type Observed = Readonly<Record<string, HostArray>>;

/** A figure for each row that counts, by name: accuracy, rewardMargin. */
export type RowMetrics = Readonly<Record<string, readonly number[]>>;

export interface Task<M extends Trainable = LanguageModel> {
  /** See TaskLoss. */
  loss(model: M, batch: Record<string, Tensor>): TaskLoss;
  /** Numbers that the loss asks for beside its batch. @param pass how many batches the run has trained on before this one */
  scalars?(pass: number): Scalars;
  /** What is told of rows beside their loss; the mean over all of a step or an evaluation is told. */
  metrics?(batch: Batch, observed: Observed): RowMetrics;
}
