// What training and checkpoints ask of an optimizer, whatever its formula, and what all of them do alike: one norm over all
// gradients, one gate.
import type { Gradients } from '../autograd/backward.ts';
import { InputError } from '../errors.ts';
import { CONTROL, FIRST_LOSS_SCALE, gate } from '../ops/gate.ts';
import { mul } from '../ops/mul.ts';
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
  /** Why the step was not applied: 1 because its loss is a spike, 2 because its gradients have overflowed in f16; else 0. */
  skipped: Tensor;
  /** The factor on the loss in this step, where the optimizer keeps one. */
  lossScale?: Tensor;
};

export interface Optimizer {
  /** Steps applied, two bias corrections, the halt latch, statistics of the losses. See GateInputs. */
  readonly control: Tensor;
  /**
   * (2): the factor that gradients must come multiplied with, and steps since it last moved; null where there is none. A step whose
   * gradients overflow halves it and is skipped. See GateInputs.
   */
  readonly lossScale: Tensor | null;
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

/** State of a training that computes in f16, where gradients as they are would be too small. */
export function lossScaleTensor(): Tensor {
  const init = () => Float32Array.of(FIRST_LOSS_SCALE, 0);
  return new Tensor({ kind: 'state', shape: [2], name: 'optimizer.lossScale', memoryClass: 'optimizer', init });
}

/**
 * d(objective)/d(loss), as backward() takes it: `weight`, where gradients are to be multiplied with one, times the loss scale, where
 * the optimizer keeps one.
 */
export function seedOf({ lossScale }: Optimizer, weight?: Tensor): { seed?: Tensor } {
  const factor = lossScale && part(lossScale, 0, [1]);
  const seed = factor && weight ? mul(weight, factor) : (factor ?? weight);
  return seed ? { seed } : {};
}

/** What the gate of an optimizer is set to. */
export interface GateSettings {
  gradClip: number | null;
  beta1: number;
  beta2: number;
}

/** Norm and gate over gradients that stand in slabs, then whatever `update` does behind it. */
export function gatedStep(
  { control, slabs, lossScale }: { control: Tensor; slabs: readonly Tensor[]; lossScale: Tensor | null },
  { gradClip, beta1, beta2 }: GateSettings,
  { loss, totals, skipSpikes = false, ema }: StepOptions,
  update: (gated: Tensor) => void,
): StepFigures {
  const { gate: gated, seen } = gate(
    { norm: globalNorm(slabs), control, totals, loss, lossScale: lossScale ?? undefined },
    { maxNorm: gradClip, beta1, beta2, latch: true, skipSpikes },
  );
  update(gated);
  ema?.follow(gated, control);
  const figure = (i: number) => part(seen, i, [1]);
  const figures = { gradNorm: figure(0), meanLoss: figure(1), z: figure(2), skipped: figure(3) };
  return lossScale ? { ...figures, lossScale: figure(4) } : figures;
}

/** @throws InputError if the loss does not depend on the parameter */
export function gradientOf(optimizer: string, gradients: Gradients, parameter: Tensor): Tensor {
  const gradient = gradients.get(parameter);
  if (gradient) return gradient;
  throw new InputError(
    `${optimizer}: found no gradient for ${parameter.name}, expected one for each parameter: the loss does not depend on it. Leave it out, or set its trainable to false.`,
  );
}
