// What settings of any training must not contradict.
import { InputError } from '../errors.ts';
import type { TrainingSettings } from './settings.ts';

/** Settings of a run of so many steps. A warm-up that was not typed keeps its shape: it shrinks with them. @throws InputError as checkedLoop */
export function withSteps<S extends TrainingSettings>(settings: S, steps: number, typed: Partial<TrainingSettings>): S {
  const warmupSteps = typed.warmupSteps ?? Math.min(settings.warmupSteps, Math.floor(steps / 10));
  return checkedLoop({ ...settings, steps, warmupSteps });
}

/** A learning rate below the least of a preset takes that along; inverse-sqrt, which never ends, falls without a least. */
export function withRate<S extends TrainingSettings>(settings: S, typed: Partial<TrainingSettings>): S {
  if (typed.minLearningRate !== undefined) return settings;
  if (settings.schedule === 'inverse-sqrt') return { ...settings, minLearningRate: 0 };
  return { ...settings, minLearningRate: Math.min(settings.minLearningRate, settings.learningRate) };
}

/** @throws InputError for a warm-up longer than the run, and for a learning rate that would rise to its end */
export function checkedLoop<S extends TrainingSettings>(settings: S): S {
  const { warmupSteps, steps, learningRate, minLearningRate } = settings;
  if (warmupSteps > steps)
    throw new InputError(
      `--warmup-steps: found ${warmupSteps}, expected at most the ${steps} steps of the run. For example: --warmup-steps ${Math.floor(steps / 10)}`,
    );
  if (minLearningRate > learningRate)
    throw new InputError(
      `--min-learning-rate: found ${minLearningRate}, expected at most the learning rate, ${learningRate}.`,
    );
  return settings;
}
