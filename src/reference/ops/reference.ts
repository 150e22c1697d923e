// What the plain form of an op looks like: float64 values by name in, float64 values by name out. It shares nothing with the kernels.
import type { Site } from '../../ops/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Numbers } from '../store.ts';

/** Values of the node's inputs; an optional one that the node does not have is missing. */
export type Inputs = Readonly<Record<string, Numbers>>;

/**
 * One op in float64. It returns fresh arrays: one for each output, and one for each input that the op overwrites (`writes`), which
 * hold what stands there afterwards. Inputs are never changed in place.
 */
// biome-ignore lint/suspicious/noExplicitAny: each op knows its own attributes
export type Reference = (inputs: Inputs, site: Site<any>) => Record<string, Float64Array>;

export type References = Readonly<Record<string, Reference>>;

/** Rows and columns of a tensor read as a matrix over its last axis. */
export function rowsOf(tensor: Tensor): { rows: number; width: number } {
  const width = tensor.shape.at(-1) ?? 1;
  return { rows: tensor.size / width, width };
}

/** f(i) for every element. */
export function fill(size: number, f: (i: number) => number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => f(i));
}

/** x, or zeros where the node does not have it: what a gradient is added onto. */
export function startFrom(x: Numbers | undefined, size: number): Float64Array {
  return x ? Float64Array.from(x) : new Float64Array(size);
}
