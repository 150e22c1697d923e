// The gradients of a batch as a function that writes nothing.
import { backward } from '../autograd/backward.ts';
import type { Traced } from '../autograd/graph.ts';
import { type Optimizer, seedOf } from '../optim/optimizer.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What the gradient of a parameter is called among the results; of a piece of one with the piece's own name. */
export function gradientName(parameter: Pick<Tensor, 'name'>): string {
  return `gradient of ${parameter.name}`;
}

/**
 * Of a loss the gradient by trainable parameter, by gradientName(), and what the loss gives beside it. Where the optimizer keeps a loss
 * scale, gradients come multiplied with it.
 */
export function gradientsOf(
  lossOf: (batch: Record<string, Tensor>) => Traced,
  optimizer: Optimizer,
): (batch: Record<string, Tensor>) => Traced {
  return (batch) => {
    const results = lossOf(batch);
    const gradients = [...backward(results.loss!, seedOf(optimizer))];
    return { ...results, ...Object.fromEntries(gradients.map(([parameter, g]) => [gradientName(parameter), g])) };
  };
}
