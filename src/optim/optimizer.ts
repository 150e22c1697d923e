// What training and checkpoints ask of an optimizer, whatever its formula, and what all of them do alike: one norm over all
// gradients, one gate.
import type { Gradients } from '../autograd/backward.ts';
import { InputError } from '../errors.ts';
import { CONTROL, gate } from '../ops/gate.ts';
import { globalNorm } from '../ops/optimizer.ts';
import { part } from '../ops/part.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Ema } from './ema.ts';

/** What a step looks at besides gradients. */
export interface StepOptions {
  /** (1): the loss that the gradients are of. */
  loss?: Tensor | undefined;
  /** (2): sums of losses and targets over several batches, where the gradients are sums over them too. */
  totals?: Tensor | undefined;
  /** A step whose loss is a spike is not applied. */
  skipSpikes?: boolean | undefined;
  /** Moves along with the parameters. */
  ema?: Ema | undefined;
}

/** Figures of a step, (1) each. */
export type StepFigures = {
  /** Norm of the gradient of the mean loss over all parameters, before clipping. */
  gradNorm: Tensor;
  /** The mean loss; 0 where the step was told of none. */
  meanLoss: Tensor;
  /** z-score of the loss among those before it; above SPIKE it is one. */
  z: Tensor;
  /** 1 if the step was not applied because its loss is a spike. */
  skipped: Tensor;
};

export interface Optimizer {
  /** Steps applied, two bias corrections, the halt latch, statistics of the losses. See GateInputs. */
  readonly control: Tensor;
  /**
   * Appends one step to the graph being traced. Asks for the number `learningRate` at every replay. A step whose norm or
   * loss is not finite changes nothing and sets the halt latch.
   */
  step(gradients: Gradients, options?: StepOptions): StepFigures;
  /** The first half of a step: gradients to their state. */
  collect(gradients: Gradients): void;
  /** The second half, from whatever gradients stand in their state. */
  apply(options?: StepOptions): StepFigures;
  /** Everything a checkpoint needs beside the parameters, by name. */
  state(): Map<string, Tensor>;
  /** What a device holds for this optimizer: release() it there. */
  tensors(): Tensor[];
  /** Gradient by parameter: state. That of the last step, or the sum that is being accumulated. */
  gradients(): Map<Tensor, Tensor>;
  /** The slabs that hold all gradients. */
  gradientSlabs(): Tensor[];
}

/** State for the gate of an optimizer. */
export function controlTensor(): Tensor {
  return new Tensor({ kind: 'state', shape: [CONTROL], name: 'optimizer.control', memoryClass: 'optimizer' });
}

/** What the gate of an optimizer is set to. */
export interface GateSettings {
  gradClip: number | null;
  beta1: number;
  beta2: number;
}

/** Norm and gate over gradients that stand in slabs, then whatever `update` does behind it. */
export function gatedStep(
  { control, slabs }: { control: Tensor; slabs: readonly Tensor[] },
  { gradClip, beta1, beta2 }: GateSettings,
  { loss, totals, skipSpikes = false, ema }: StepOptions,
  update: (gated: Tensor) => void,
): StepFigures {
  const { gate: gated, seen } = gate(
    { norm: globalNorm(slabs), control, totals, loss },
    { maxNorm: gradClip, beta1, beta2, latch: true, skipSpikes },
  );
  update(gated);
  ema?.follow(gated, control);
  const [gradNorm, meanLoss, z, skipped] = [0, 1, 2, 3].map((i) => part(seen, i, [1]));
  return { gradNorm: gradNorm!, meanLoss: meanLoss!, z: z!, skipped: skipped! };
}

/** @throws InputError if the loss does not depend on the parameter */
export function gradientOf(optimizer: string, gradients: Gradients, parameter: Tensor): Tensor {
  const gradient = gradients.get(parameter);
  if (gradient) return gradient;
  throw new InputError(
    `${optimizer}: found no gradient for ${parameter.name}, expected one for each parameter: the loss does not depend on it. Leave it out, or set its trainable to false.`,
  );
}
