// What makes one kind of training differ from another, seen from the loop.
import type { LanguageModel } from '../nn/model.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface Task {
  /** loss (1), and kept (1): the number of targets that it is the mean of. */
  loss(model: LanguageModel, batch: Record<string, Tensor>): { loss: Tensor; kept: Tensor };
}
