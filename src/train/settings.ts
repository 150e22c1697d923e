// What decides a training, whatever is trained and on what. Plain data: each is a flag of the same name, and stands in training.json.
import type { TrainedPart } from '../optim/frozen.ts';
import type { ScheduleOptions } from '../optim/schedule.ts';
import type { Precision } from '../tensor/tensor.ts';

export interface TrainingSettings {
  /** Tokens that a row has at most. */
  context: number;
  /** Rows of a batch; a step takes `accumulate` of them. */
  batch: number;
  accumulate: number;
  steps: number;
  learningRate: number;
  minLearningRate: number;
  warmupSteps: number;
  schedule: ScheduleOptions['schedule'];
  optimizer: 'adamw' | 'muon';
  weightDecay: number;
  beta1: number;
  beta2: number;
  eps: number;
  gradClip: number;
  labelSmoothing: number;
  dropout: number;
  /** What is trained of the model; the rest is frozen. */
  train: TrainedPart;
  /** Names of parameters that are frozen besides, with commas between; '' for none. */
  freeze: string;
  /** Decay of the averaged weights; 0 keeps none. */
  ema: number;
  /** Blocks keep their inputs alone, and compute the rest again in the backward pass. */
  recompute: boolean;
  skipSpikes: boolean;
  /** Of values between layers and their gradients. */
  dtype: Precision;
  validationPart: number;
  evalEvery: number;
  /** Batches of an evaluation, spread over the validation part; 0: all of it. */
  evalBatches: number;
  saveEvery: number;
  sampleEvery: number;
}
