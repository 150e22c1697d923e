// What a training is made of, what a step takes and what it gives.
import type { Traced } from '../autograd/graph.ts';
import type { Batch, CompileOptions, Machine, Scalars } from '../autograd/machine.ts';
import type { LanguageModel, Trainable } from '../nn/model.ts';
import type { Ema } from '../optim/ema.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Task } from '../tasks/task.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface StepResult {
  /** The first is 1; its loss is the untrained model's. */
  step: number;
  /** Mean over all targets of the step. */
  loss: number;
  gradNorm: number;
  learningRate: number;
  /** z-score of the loss among those before it. */
  z: number;
  /** Not applied, because its loss is a spike. */
  skipped: boolean;
  /** Not applied, because its gradients were too large for f16 at this loss scale; then `gradNorm` is not finite. */
  overflowed: boolean;
  /** The factor that the loss had in this step; null in f32. */
  lossScale: number | null;
  /** Milliseconds this step took, averaged over those read together. */
  ms: number;
  batches: readonly Batch[];
  /** For each batch the sum of the losses of each row. */
  rowLosses: readonly Float32Array[];
  /** Means over the rows of what the task tells of them. */
  metrics: Readonly<Record<string, number>>;
}

/** What a step trains on. */
export interface StepInput {
  /** As many as are accumulated, of any shapes. */
  batches: readonly Batch[];
  learningRate: number;
}

/** Which weights an evaluation is of: the trained ones, or their moving average. */
export type Weights = 'trained' | 'ema';

/** A function that a run compiles, and what it is for: a batch of a step, the end of a step, an evaluation. */
export interface RunFunction {
  kind: 'batch' | 'step' | Weights;
  fn: (batch: Record<string, Tensor>) => Traced;
  options?: CompileOptions;
}

/** The same with the batch it is planned for. */
export interface PlannedFunction extends RunFunction {
  batch: Batch;
}

/** One replay of those that a step is made of. */
export interface StepReplay extends PlannedFunction {
  /** Numbers that are sent with it. */
  scalars: Scalars;
}

export interface TrainerParts<M extends Trainable = LanguageModel> {
  machine: Machine;
  model: M;
  optimizer: Optimizer;
  task: Task<M>;
  /** The loss of an evaluation, where it differs from the one that is trained (label smoothing, dropout). */
  evaluation?: Task<M>;
  /** Batches a step. Default 1. */
  accumulate?: number;
  /** A step whose loss is a spike changes nothing. */
  skipSpikes?: boolean;
  /** Averaged weights, which follow the trained ones. */
  ema?: Ema | null;
}
