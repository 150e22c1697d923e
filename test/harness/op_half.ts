// Samples of ops as they are with values stored as f16, and how close a kernel must then come to the twin, which rounds as it does.
import { expect } from 'vitest';
import { cast } from '../../src/ops/cast.ts';
import { scale } from '../../src/ops/scale.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { HalfRow } from './op_row.ts';
import type { Sample } from './op_sample.ts';

/** What an op may read as f16: a weight that is f32 itself, and keeps its gradient there, or a value that is f16 all its life. */
export const ways = {
  'cast from f32': (x: Tensor) => cast(x, 'f16'),
  'values that are f16': (x: Tensor) => scale(cast(x, 'f16'), 1),
} as const;

/** The sample with all its real inputs as f16, but for those that an op keeps in f32; its real results as f32. */
export function halved(sample: Sample, way: keyof typeof ways, { kept = [] }: HalfRow): Sample {
  const isHalf = (name: string) => name in sample.real && !kept.includes(name);
  return {
    ...sample,
    name: `${sample.name}, ${way}`,
    build: (t) => {
      const given = Object.entries(t).map(([name, x]) => [name, isHalf(name) ? ways[way](x) : x]);
      const built = sample.build(Object.fromEntries(given));
      const outputs = built instanceof Tensor ? { y: built } : built;
      return Object.fromEntries(
        Object.entries(outputs).map(([name, y]) => [name, y.dtype === 'f16' ? cast(y, 'f32') : y]),
      );
    },
  };
}

/** Half a unit of the last of 11 bits, relative; and half of the distance between two of the smallest numbers. */
const ROUNDING = 2 ** -11;
const SMALLEST = 2 ** -25;

/**
 * Fails with name, index, expected and got. A rounding may fall either way where a kernel's f32 lies on the other side of a tie: that
 * counts twice. What was rounded on the way counts relative to the largest expected value, as `tolerance` of f32 does.
 */
export function expectCloseHalf(
  name: string,
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  roundings = 1,
): void {
  expect(got.length, name).toBe(expected.length);
  const finite = Array.from(expected).filter(Number.isFinite);
  const largest = finite.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const onTheWay = (tolerance + 2 * ROUNDING * (roundings - 1)) * largest;
  for (let i = 0; i < expected.length; i++) {
    const allowed = onTheWay + 2 * (ROUNDING * Math.abs(expected[i]!) + SMALLEST);
    if (!Object.is(got[i], expected[i]) && !(Math.abs(got[i]! - expected[i]!) <= allowed))
      expect.fail(`${name}[${i}]: expected ${expected[i]}, got ${got[i]} (allowed ${allowed})`);
  }
}
