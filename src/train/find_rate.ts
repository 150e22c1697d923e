// Which learning rate? A short run in which it rises from step to step until the loss leaves: where it fell fastest is a good one.
// Source: Smith 2017, "Cyclical Learning Rates" (arXiv:1506.01186), section 3.3, with the logarithmic steps, the smoothing and the
// two suggestions of fastai's lr_find.
import type { Batch } from '../autograd/machine.ts';
import { NotFiniteError } from '../errors.ts';
import { DebiasedMean } from './debiased_mean.ts';
import type { AnyTrainer } from './training.ts';

export interface RatePoint {
  /** From 1. */
  step: number;
  learningRate: number;
  /** nats a token; NaN at the step that ended the search by not being finite */
  loss: number;
}

export interface RateSearch {
  /** Learning rate of the first step. */
  from: number;
  /** Of the last. */
  to: number;
  /** Steps, if the loss does not leave before. */
  steps: number;
}

/** What is tried where nothing else is said. */
export const SEARCH: RateSearch = { from: 1e-7, to: 10, steps: 100 };

/** Weight of the past in the average by which the search ends. */
const DECAY = 0.8;
/** The search ends when the average is so many times its least. */
const DIVERGED = 4;

/** Learning rate of step number n, from 1: equal factors from step to step. */
export function rateOf(step: number, search: Partial<RateSearch> = {}): number {
  const { from, to, steps } = { ...SEARCH, ...search };
  return from * (to / from) ** ((step - 1) / Math.max(1, steps - 1));
}

/**
 * Trains with a rising learning rate and tells the loss of each step. Ends after the last, or where the averaged loss is over 4
 * times its least, or at a loss that is not finite, which is no error here. The trainer is spoilt then: release it.
 * @param batches of step number n, in the order of a run
 */
export async function* searchRates(
  trainer: Pick<AnyTrainer, 'step' | 'advance'>,
  batches: (step: number) => readonly Batch[],
  search: Partial<RateSearch> = {},
  stop?: () => boolean,
): AsyncGenerator<RatePoint> {
  const { steps } = { ...SEARCH, ...search };
  const next = (step: number) => ({ batches: batches(step), learningRate: rateOf(step, search) });
  const mean = new DebiasedMean(DECAY);
  let least = Number.POSITIVE_INFINITY;
  try {
    for await (const { step, learningRate, loss } of trainer.advance(steps, next, stop, false)) {
      yield { step, learningRate, loss };
      const average = mean.push(loss);
      least = Math.min(least, average);
      if (average > DIVERGED * least) return;
    }
  } catch (error) {
    if (!(error instanceof NotFiniteError)) throw error;
    const step = trainer.step + 1;
    yield { step, learningRate: rateOf(step, search), loss: Number.NaN };
  }
}

export interface RateSuggestion {
  /** null where the curve says nothing. */
  learningRate: number | null;
  /** One sentence. */
  reason: string;
}

/** Below this many losses there is no curve. */
const FEWEST = 10;
/** The fall must be at least this share of the first loss, and this many deviations of the losses at the beginning. */
const LEAST_FALL = 0.03;
const DEVIATIONS = 4;
/** Losses at the beginning, where the learning rate is too small to change anything. */
const BEGINNING = 10;
/** Bounds of the suggestion: the learning rate of the lowest loss divided by these. */
const [SAFE, BOLD] = [10, 3];

/**
 * The learning rate at which the loss falls fastest; but where it falls slowly over several powers of ten that place says little,
 * so no less than a tenth of the learning rate at which it is lowest, and no more than a third, since a long run must stay clear
 * of where the loss leaves.
 */
export function suggestRate(points: readonly RatePoint[]): RateSuggestion {
  const line = smoothed(points);
  const smooth = line.map(({ loss }) => loss);
  if (line.length < FEWEST)
    return {
      learningRate: null,
      reason: `${line.length} losses were seen before the search ended, too few for a curve.`,
    };
  const rateAt = (i: number) => line[i]!.learningRate;
  const lowest = smooth.indexOf(Math.min(...smooth));
  const first = smooth[0]!;
  const fall = first - smooth[lowest]!;
  const noise = deviation(points.slice(0, BEGINNING).map(({ loss }) => loss));
  if (fall <= Math.max(LEAST_FALL * first, DEVIATIONS * noise))
    return {
      learningRate: null,
      reason: `the loss never fell by more than noise: ${first.toFixed(3)} at the beginning, ${smooth[lowest]!.toFixed(3)} at the least.`,
    };
  // In steps, which are equal factors of the learning rate. Differences over two steps, not beyond the lowest point.
  let steepest = 1;
  for (let i = 1; i < Math.max(2, lowest); i++) {
    const slope = (at: number) => (smooth[at + 1] ?? smooth[at]!) - smooth[at - 1]!;
    if (slope(i) < slope(steepest)) steepest = i;
  }
  const [fast, low] = [rateAt(steepest), rateAt(lowest)];
  if (fast < low / SAFE) {
    const reason = `the loss is lowest at ${short(low)}, and a tenth of that is safe in a long run; it falls fastest already at ${short(fast)}.`;
    return { learningRate: short(low / SAFE), reason };
  }
  if (fast > low / BOLD) {
    const reason = `the loss falls fastest at ${short(fast)}, too near to ${short(low)}, where it is lowest, for a long run: a third of that.`;
    return { learningRate: short(low / BOLD), reason };
  }
  return {
    learningRate: short(fast),
    reason: `the loss falls fastest there, well before ${short(low)}, where it is lowest.`,
  };
}

/** Two digits. */
function short(rate: number): number {
  return Number(rate.toPrecision(2));
}

/** Losses above this share of those at the beginning count as that: how far it has left says nothing. */
const ROOF = 1.25;

/** The finite losses, averaged from the left and then from the right, so that they lag behind in neither direction. */
export function smoothed(points: readonly RatePoint[]): RatePoint[] {
  const finite = points.filter(({ loss }) => Number.isFinite(loss));
  const roof = ROOF * mean(finite.slice(0, BEGINNING).map(({ loss }) => loss));
  const losses = averaged(averaged(finite.map(({ loss }) => Math.min(loss, roof))).reverse()).reverse();
  return finite.map((point, i) => ({ ...point, loss: losses[i]! }));
}

function averaged(values: readonly number[]): number[] {
  const average = new DebiasedMean(DECAY);
  return values.map((value) => average.push(value));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((x) => (x - middle) ** 2)));
}
