// A window of a tensor under a shape of its own: no dispatch, no copy.
import { InputError } from '../errors.ts';
import { type Shape, show, sizeOf } from '../tensor/shape.ts';
import type { DType, Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal, expectShape } from './op.ts';
import { reshape } from './reshape.ts';

export interface PartBackwardAttrs {
  /** Where the window begins in x (elements). */
  start: number;
  /** x's. */
  shape: Shape;
  /** x's. That of what is added to, where there is something. */
  dtype: DType;
}

export const partBackwardOp = defineOp<PartBackwardAttrs>({
  name: 'part_backward',
  outputs: ({ dy, add }, { shape, dtype }) => {
    expectReal('part_backward', 'dy', dy!);
    if (add) expectShape('part_backward', 'add', add, shape);
    return { dx: { shape, dtype: add?.dtype ?? dtype } };
  },
  inPlace: { dx: 'add' },
  forms: [
    {
      name: 'window',
      dispatches: ({ inputs: { dy, add }, outputs: { dx }, attrs: { start } }) => {
        const length = dy!.size;
        const [first, N] = add ? [start, length] : [0, dx!.size];
        const sizes = { N, first, start, length, ACCUMULATE: add ? 1 : 0 };
        return [{ kernel: 'part_backward', sizes, threads: [N] }];
      },
    },
  ],
  backward: 'not differentiable',
});

export const partOp = defineOp<{ start: number; shape: Shape }>({
  name: 'part',
  outputs: ({ x }, { start, shape }) => {
    if (start + sizeOf(shape) > x!.size) {
      throw new InputError(`part: found x ${show(x!.shape)}, expected ${sizeOf(shape)} elements from ${start} on.`);
    }
    return { y: { shape, dtype: x!.dtype } };
  },
  view: (_, { start }) => start,
  forms: [],
  // Onto what is there: many parts of one tensor cost their windows, not the whole tensor each. A part that is the whole costs nothing.
  backward: ({ inputs: { x }, attrs: { start }, grads: { y: dy } }) => ({
    x: (add) => {
      if (!add && dy!.size === x!.size) return reshape(dy!, x!.shape);
      const attrs = { start, shape: x!.shape, dtype: x!.dtype };
      return currentTape().push(partBackwardOp, { dy, add: add ?? undefined }, attrs).dx!;
    },
  }),
});

/**
 * The elements of x from number `start` on, as `shape`. A kernel can read it where `start` is a multiple of 64 elements (128 of f16):
 * a binding starts at a multiple of 256 bytes. dx is dy in that window and 0 elsewhere.
 * @throws InputError if x ends before
 */
export function part(x: Tensor, start: number, shape: Shape): Tensor {
  return currentTape().push(partOp, { x }, { start, shape }).y!;
}
