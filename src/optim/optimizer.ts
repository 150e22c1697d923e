// What training and checkpoints ask of an optimizer, whatever its formula.
import type { Gradients } from '../autograd/backward.ts';
import { InputError } from '../errors.ts';
import { Tensor } from '../tensor/tensor.ts';

export interface Optimizer {
  /** Steps applied, two bias corrections, the halt latch. See gateOp. */
  readonly control: Tensor;
  /**
   * Appends one step to the graph being traced. Asks for the number `learningRate` at every replay. A step whose norm is not
   * finite changes nothing and sets the halt latch.
   * @returns gradNorm (1): the norm over all parameters before clipping
   */
  step(gradients: Gradients): { gradNorm: Tensor };
  /** Everything a checkpoint needs beside the parameters, by name. */
  state(): Map<string, Tensor>;
  /** What a device holds for this optimizer: release() it there. */
  tensors(): Tensor[];
  /** Gradient of the last step by parameter: state, to be read where one wants to look. */
  gradients(): Map<Tensor, Tensor>;
}

/** State for the gate of an optimizer. */
export function controlTensor(): Tensor {
  return new Tensor({ kind: 'state', shape: [4], name: 'optimizer.control', memoryClass: 'optimizer' });
}

/** @throws InputError if the loss does not depend on the parameter */
export function gradientOf(optimizer: string, gradients: Gradients, parameter: Tensor): Tensor {
  const gradient = gradients.get(parameter);
  if (gradient) return gradient;
  throw new InputError(
    `${optimizer}: found no gradient for ${parameter.name}, expected one for each parameter: the loss does not depend on it. Leave it out, or set its trainable to false.`,
  );
}
