// What the charts' horizontal axis counts: steps, tokens, or the time that the steps took. Every step has its place on it, those that are
// still to come too.

import { clockText } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import { nearestIndex } from './curve_frame.ts';
import type { Store } from './store.ts';
import type { Axis } from './view.ts';

export interface StepAxis {
  /** Where a step stands. */
  of(step: number): number;
  /** Where the planned run ends. */
  end: number;
  text(value: number): string;
}

/** In words, behind "by". */
export const axisNames: Record<Axis, string> = { step: 'step', tokens: 'tokens', time: 'time of the steps' };

export function stepAxis(store: Store, kind: Axis): StepAxis {
  const { record } = store;
  const { batch, context } = store.ready.peek()?.settings ?? { batch: 1, context: 1 };
  const tokens = batch * context;
  const end = Math.max(record.totalSteps, ...store.lineage.others.peek().map((other) => other.record.totalSteps));
  if (kind === 'step') return { of: (step) => step, end, text: countText };
  if (kind === 'tokens') return { of: (step) => step * tokens, end: end * tokens, text: countText };
  const { steps } = record;
  let sum = 0;
  const seconds = record.tokensPerSecond.map((speed) => (sum += speed > 0 ? tokens / speed : 0));
  const left = secondsLeft(store);
  const of = (step: number) => {
    if (step <= 0) return 0;
    if (step > record.step) return sum + (left * (step - record.step)) / Math.max(1, end - record.step);
    return seconds[nearestIndex(steps, step)]!;
  };
  return { of, end: sum + left, text: clockText };
}

function secondsLeft(store: Store): number {
  const { record } = store;
  const forecast = store.ready.peek()?.secondsForecast ?? 0;
  return store.secondsLeft.peek() ?? forecast * (1 - record.step / Math.max(1, record.totalSteps));
}

const countText = (n: number) => (n >= 1e6 ? `${Number((n / 1e6).toFixed(2))} M` : grouped(n));
