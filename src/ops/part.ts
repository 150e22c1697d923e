// A window of a tensor under a shape of its own: no dispatch, no copy.
import { InputError } from '../errors.ts';
import { type Shape, show, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectShape } from './op.ts';

export interface PartBackwardAttrs {
  /** Where the window begins in x (elements). */
  start: number;
  /** x's. */
  shape: Shape;
}

export const partBackwardOp = defineOp<PartBackwardAttrs>({
  name: 'part_backward',
  outputs: ({ add }, { shape }) => {
    if (add) expectShape('part_backward', 'add', add, shape);
    return { dx: { shape } };
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
  // Onto what is there: many parts of one tensor cost their windows, not the whole tensor each.
  backward: ({ inputs: { x }, attrs: { start }, grads: { y: dy } }) => ({
    x: (add) => currentTape().push(partBackwardOp, { dy, add: add ?? undefined }, { start, shape: x!.shape }).dx!,
  }),
});

/**
 * The elements of x from number `start` on, as `shape`. A kernel can read it where `start` is a multiple of 64 elements: a binding
 * starts at a multiple of 256 bytes. dx is dy in that window and 0 elsewhere.
 * @throws InputError if x ends before
 */
export function part(x: Tensor, start: number, shape: Shape): Tensor {
  return currentTape().push(partOp, { x }, { start, shape }).y!;
}
