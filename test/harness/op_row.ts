// What a row of the tests' op table looks like, and the values that samples are made of.
import { constant } from '../../src/ops/op.ts';
import { normal } from '../../src/tensor/random.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { Sample } from './op_sample.ts';

export interface OpRow {
  /** Names in the table of ops: the op and its backward ops. */
  ops: readonly string[];
  samples: readonly Sample[];
  /** Largest error of a kernel, relative to the largest expected value, and the reason for it. */
  tolerance: number;
  because: string;
  /** Absent: the op takes f32 only. */
  half?: HalfRow;
  /** Gradients that a NaN reaches though it should not: neighbours in a tile, which a mask multiplies with 0. */
  nanReaches?: readonly string[];
  /** Calls that must be refused, and the sentence that says why. */
  refuses?: readonly [(t: (...shape: number[]) => Tensor) => unknown, RegExp][];
}

/** How an op is asked with values stored as f16. */
export interface HalfRow {
  /** Inputs that are f32 all the same: weights of norms. */
  kept?: readonly string[];
  /** Roundings to f16 that stand one behind the other in a sample, or as many that add up. Default 1. */
  roundings?: number;
  /** Where that is not plain: what is rounded. */
  because?: string;
  /** Samples of types that are mixed on purpose. */
  samples?: readonly Sample[];
}

/** Normal deviates around a large mean. */
export const around = (center: number, shape: Shape, spread = 1) => ({
  shape,
  values: normal(sizeOf(shape), spread, 3, 0).map((x) => x + center),
});
/** These numbers. */
export const listed = (...values: number[]) => ({ shape: [values.length], values: Float32Array.from(values) });
/** Whole numbers below a bound, with repeats. */
export const ids = (shape: Shape, below: number) => ({
  shape,
  values: Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7 + (i >> 2)) % below),
});
/** These whole numbers. */
export const wholes = (shape: Shape, ...values: number[]) => ({ shape, values });

/** What takes the place of ids in a call that is refused. */
export const i32 = (...shape: number[]) => new Tensor({ kind: 'state', shape, dtype: 'i32', name: 'ids' });

/** The number of a step, the same at every replay. */
export const stepNumber = (n: number) => constant('randomStep', [1], () => Uint32Array.of(n), 'u32');
