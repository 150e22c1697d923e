// What makes one kind of training differ from another, seen from the loop.
import type { Scalars } from '../autograd/machine.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface TaskLoss {
  /** (1): a mean. */
  loss: Tensor;
  /** (1): the number of targets that it is the mean of. */
  kept: Tensor;
  /** (B,T): the loss of each target, 0 where there is none. */
  tokenLoss: Tensor;
}

export interface Task {
  /** See TaskLoss. */
  loss(model: LanguageModel, batch: Record<string, Tensor>): TaskLoss;
  /** Numbers that the loss asks for beside its batch. @param pass how many batches the run has trained on before this one */
  scalars?(pass: number): Scalars;
}
