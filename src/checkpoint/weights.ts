// Weights of a model as whoever loads or converts them sees them, whatever the files are: names, shapes, and values in ranges.

import { partRanges } from './parts.ts';

export interface ExpectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What weights are stored as. */
export type WeightDtype = 'F32' | 'F16' | 'BF16';

export interface Weights {
  /** In the model's order, tied ones once. */
  readonly tensors: readonly ExpectedTensor[];
  /** What the files hold; F32, which holds all exactly, where they differ. */
  readonly dtype: WeightDtype;
  /**
   * The elements `from` to `to` (not included) of one tensor, exactly, in an array of their own.
   * @throws InputError for a file that is damaged, and for NaN or infinity
   */
  read(name: string, from: number, to: number): Promise<Float32Array>;
}

/** Consecutive elements of one tensor. */
export interface WeightPart {
  readonly name: string;
  /** Element at which the part begins. */
  readonly start: number;
  readonly data: Float32Array;
}

/** Everything, in order; a part is never larger than PART_ELEMENTS. @throws InputError as `read` */
export async function* weightParts(weights: Weights): AsyncGenerator<WeightPart> {
  for (const tensor of weights.tensors) {
    for (const { from, to } of partRanges(elementsOf(tensor)))
      yield { name: tensor.name, start: from, data: await weights.read(tensor.name, from, to) };
  }
}

export function elementsOf({ shape }: { readonly shape: readonly number[] }): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The one dtype of all, or F32. */
export function commonDtype(dtypes: readonly string[]): WeightDtype {
  const [first] = dtypes;
  return (first === 'F16' || first === 'BF16') && dtypes.every((dtype) => dtype === first) ? first : 'F32';
}

/** The first element that is NaN or infinite, or -1. A plain loop over bits: a large model has billions. */
export function firstNotFinite(data: Float32Array): number {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7f800000) === 0x7f800000) return i;
  return -1;
}
