// What the chart of the losses shows: the range of its axis, and which reference lines stand inside it. Pure.

import { extent, withReferences } from '../../src/cli/curve.ts';
import type { Reference } from '../../src/train/run_data.ts';

export interface Frame {
  /** Least and greatest loss on the axis. */
  range: readonly [number, number];
  shown: Reference[];
  /** References too far away, to be told in words. */
  left: Reference[];
}

export interface FrameParts {
  /** Lines that the axis must hold whole: averages, validation, the recorded run. */
  lines: readonly (readonly (number | null)[])[];
  /** Raw losses: a spike may reach half a range above the lines, beyond that it would flatten everything else. */
  raw: readonly (number | null)[];
  references: readonly Reference[];
}

export function frameOf({ lines, raw, references }: FrameParts): Frame {
  const finite = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
  const smooth = extent(lines.flatMap(finite)) ?? [0, 1];
  const noisy = extent(finite(raw)) ?? smooth;
  const reach = (smooth[1] - smooth[0]) / 2;
  const clipped = [
    Math.min(smooth[0], Math.max(noisy[0], smooth[0] - reach)),
    Math.max(smooth[1], Math.min(noisy[1], smooth[1] + reach)),
  ] as const;
  const { range, shown, left } = withReferences(clipped, references);
  const margin = (range[1] - range[0]) * 0.05;
  // The floor of a logarithmic axis stays above zero.
  const low = range[0] > 0 ? Math.max(range[0] / 2, range[0] - margin) : range[0] - margin;
  return { range: [low, range[1] + margin], shown, left };
}

/** Index of the step nearest to one, in a rising list that is not empty. */
export function nearestIndex(steps: readonly number[], step: number): number {
  let [low, high] = [0, steps.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (steps[middle]! < step) low = middle;
    else high = middle;
  }
  return Math.abs(steps[high]! - step) < Math.abs(steps[low]! - step) ? high : low;
}

/** Label positions from top to bottom, pushed apart to stand at least `gap` from each other and above `floor`. */
export function apart(positions: readonly number[], gap: number, floor: number): number[] {
  const order = positions.map((at, i) => ({ at, i })).sort((a, b) => a.at - b.at);
  for (let i = 1; i < order.length; i++) order[i]!.at = Math.max(order[i]!.at, order[i - 1]!.at + gap);
  for (let i = order.length - 1, limit = floor; i >= 0; i--, limit -= gap) order[i]!.at = Math.min(order[i]!.at, limit);
  return order.sort((a, b) => a.i - b.i).map(({ at }) => at);
}
