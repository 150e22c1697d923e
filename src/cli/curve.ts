// The arithmetic behind loss curves, shared by the terminal's plot and the report: averaging, thinning, ranges and ticks. Pure.
import { DebiasedMean } from '../train/debiased_mean.ts';
import type { Reference } from '../train/run_data.ts';

export interface Point {
  readonly step: number;
  /** NaN or an infinity where a run went wrong */
  readonly value: number;
}

/** Each point's debiased average. Begins anew after a value that is not finite, which stays as NaN: the line breaks there. */
export function debiasedAverage(points: readonly Point[], decay = 0.9): Point[] {
  let mean = new DebiasedMean(decay);
  return points.map(({ step, value }) => {
    if (Number.isFinite(value)) return { step, value: mean.push(value) };
    mean = new DebiasedMean(decay);
    return { step, value: Number.NaN };
  });
}

/** At most 2 points for each of `buckets` equal spans of steps, its least and greatest in order, so that spikes stay; NaN stay too. */
export function thinned(points: readonly Point[], buckets: number): Point[] {
  if (points.length <= 2 * buckets) return [...points];
  const kept: Point[] = [];
  for (let b = 0; b < buckets; b++) {
    const span = points.slice(
      Math.floor((b * points.length) / buckets),
      Math.floor(((b + 1) * points.length) / buckets),
    );
    const finite = span.filter(({ value }) => Number.isFinite(value));
    const broken = span.find(({ value }) => !Number.isFinite(value));
    let [low, high] = [finite[0], finite[0]];
    for (const point of finite) {
      if (point.value < low!.value) low = point;
      if (point.value > high!.value) high = point;
    }
    const chosen = [...new Set([low, high, broken])].filter((point) => point !== undefined);
    kept.push(...chosen.sort((a, b) => a.step - b.step));
  }
  return kept;
}

/** Least and greatest finite value, widened where they are equal but for rounding; undefined when there is none. */
export function extent(values: Iterable<number>): readonly [number, number] | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return undefined;
  // A range of rounding noise is no range: ticks inside it could not be told apart.
  const size = Math.max(Math.abs(low), Math.abs(high));
  const half = high - low <= size * 1e-9 ? Math.max(size * 0.1, 1e-6) : 0;
  return [low - half, high + half];
}

/**
 * Widens a range to the references that stand near it. One that is further off than half the range would flatten the curve:
 * it is left out, to be told in words.
 */
export function withReferences(
  range: readonly [number, number],
  references: readonly Reference[],
): { range: readonly [number, number]; shown: Reference[]; left: Reference[] } {
  const reach = (range[1] - range[0]) / 2;
  const near = ({ value }: Reference) => value >= range[0] - reach && value <= range[1] + reach;
  const shown = references.filter(near);
  const left = references.filter((reference) => !near(reference) && Number.isFinite(reference.value));
  return { range: extent([...range, ...shown.map(({ value }) => value)])!, shown, left };
}

/** Round numbers (1, 2 or 5 times a power of ten) inside a range, about `count` of them. */
export function ticks([low, high]: readonly [number, number], count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const many = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.min(100, Math.max(0, many || 0)) }, (_, i) => (first + i) * step);
}

/** Tick values with as many decimals as tell them apart. */
export function tickTexts(values: readonly number[]): string[] {
  const gap = values.length > 1 ? Math.abs(values[1]! - values[0]!) : Math.abs(values[0] ?? 1);
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(gap) + 1e-9)));
  return values.map((value) => value.toFixed(decimals));
}
