// What makes one kind of training differ from another, seen from the loop.
import type { Scalars } from '../autograd/machine.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface Task {
  /** loss (1), and kept (1): the number of targets that it is the mean of. */
  loss(model: LanguageModel, batch: Record<string, Tensor>): { loss: Tensor; kept: Tensor };
  /** Numbers that the loss asks for beside its batch. @param pass how many batches the run has trained on before this one */
  scalars?(pass: number): Scalars;
}
