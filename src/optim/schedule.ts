// Learning-rate schedules: pure functions of the step.
import { InputError } from '../errors.ts';

export const SCHEDULES = ['cosine', 'linear', 'constant', 'wsd', 'inverse-sqrt'] as const;

export interface ScheduleOptions {
  schedule: (typeof SCHEDULES)[number];
  /** The highest. */
  learningRate: number;
  /** At the end, except for `constant`; `inverse-sqrt` does not fall below it. */
  minLearningRate: number;
  warmupSteps: number;
  maxSteps: number;
}

/** Share of the steps in which `wsd` (warm-up, stable, decay) comes down. */
const WSD_DECAY = 0.2;

/**
 * Linear warm-up from learningRate / (warmupSteps + 1), as nanoGPT's get_lr; then
 * cosine: half a cosine down to minLearningRate. linear: a straight line down. constant: stays.
 * wsd: stays, and falls in a straight line over the last fifth (Hu et al. 2024, arXiv:2404.06395).
 * inverse-sqrt: with n = step + 1, learningRate * min(n / warmupSteps, sqrt(warmupSteps / n)), where a warm-up of 0 steps counts as 1,
 * whatever maxSteps is. It is f * d^-0.5 * min(n^-0.5, n * warmupSteps^-1.5) (Vaswani et al. 2017, arXiv:1706.03762, section 5.3,
 * where f = 1 and d is the model's width) with learningRate = f * (d * warmupSteps)^-0.5: 0.0007 for their d = 512 and 4000 steps.
 * @param step optimizer step, from 0     @returns learning rate of that step
 * @throws InputError if warmupSteps exceeds maxSteps
 */
export function learningRateAt(step: number, o: ScheduleOptions): number {
  if (o.warmupSteps > o.maxSteps)
    throw new InputError(
      `schedule: found warmupSteps ${o.warmupSteps}, expected at most maxSteps, ${o.maxSteps}. Warm up for fewer steps.`,
    );
  if (o.schedule === 'inverse-sqrt') return inverseSqrt(step + 1, o);
  if (step < o.warmupSteps) return (o.learningRate * (step + 1)) / (o.warmupSteps + 1);
  const done = Math.min(1, (step - o.warmupSteps) / Math.max(1, o.maxSteps - o.warmupSteps));
  return o.minLearningRate + shape(o.schedule, done) * (o.learningRate - o.minLearningRate);
}

/** @param n number of the step, from 1 */
function inverseSqrt(n: number, { learningRate, minLearningRate, warmupSteps }: ScheduleOptions): number {
  const rising = Math.max(1, warmupSteps);
  if (n <= rising) return (learningRate * n) / rising;
  return Math.max(minLearningRate, learningRate * Math.sqrt(rising / n));
}

/** From 1 at the start to 0 at the end. */
function shape(schedule: Exclude<ScheduleOptions['schedule'], 'inverse-sqrt'>, done: number): number {
  if (schedule === 'cosine') return 0.5 * (1 + Math.cos(Math.PI * done));
  if (schedule === 'linear') return 1 - done;
  if (schedule === 'constant') return 1;
  return Math.min(1, (1 - done) / WSD_DECAY);
}
