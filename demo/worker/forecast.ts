// What a run will take here, said before its first step: its time, and what the twin holds. A GPU's memory is planned to the byte.
import { type ModelConfig, type PretrainSettings, stepFlops } from '../../src/index.ts';
import type { TrainingPlans } from '../../src/train/training.ts';
import type { Memory } from '../protocol.ts';
import type { AnyRun } from './any_run.ts';

/** Milliseconds of a dispatch beside its arithmetic, on the CPU and on a GPU. */
const DISPATCH = { software: 0.1, gpu: 0.01 };

/** What is known of a run before its first step. */
export interface Forecast extends Pick<AnyRun, 'events' | 'home' | 'totalSteps' | 'tokensPerStep'> {
  readonly config: ModelConfig;
  readonly settings: Pick<PretrainSettings, 'accumulate' | 'batch' | 'recompute' | 'optimizer' | 'dtype'>;
  /** null for the twin. */
  readonly plans: Pick<TrainingPlans, 'plans'> | null;
}

/** Seconds of all steps, evaluations and samples not counted. @param gflops as measured; null where it was not, and past steps tell */
export function secondsOf(run: Forecast, gflops: number | null): number {
  const { totalSteps: steps, tokensPerStep } = run;
  const past = run.events.flatMap((event) => (event.event === 'step' ? [event.tokensPerSecond] : [])).slice(-100);
  if (past.length > 0) {
    const speed = past.reduce((sum, x) => sum + x, 0) / past.length;
    return (steps * tokensPerStep) / speed;
  }
  const { device } = run.home;
  const overhead = device?.opened.software === false ? DISPATCH.gpu : DISPATCH.software;
  const dispatches = run.plans?.plans[0]?.dispatches.length ?? 0;
  const { accumulate, batch } = run.settings;
  // Rows may be shorter than the model's context.
  const share = tokensPerStep / (accumulate * batch * run.config.blockSize);
  const flops = share * stepFlops(run.config, run.settings);
  return (steps * (flops / ((gflops ?? 0.3) * 1e6) + overhead * dispatches)) / 1000;
}

/** The twin keeps float64: weights, gradients and two moments. What it makes within a step is not counted. */
export function twinMemory(parameters: number): Memory {
  const bytes = 8 * parameters;
  const sizes = { parameters: bytes, gradients: bytes, optimizer: 2 * bytes, activations: 0 };
  return { ...sizes, total: 4 * bytes, exact: false };
}
