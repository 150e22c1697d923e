// A window of a tensor under a shape of its own: no dispatch, no copy.
import { InputError } from '../errors.ts';
import { type Shape, show, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp } from './op.ts';

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
  backward: 'not differentiable',
});

/**
 * The elements of x from number `start` on, as `shape`. A kernel can read it where `start` is a multiple of 64 elements: a binding
 * starts at a multiple of 256 bytes.
 * @throws InputError if x ends before
 */
export function part(x: Tensor, start: number, shape: Shape): Tensor {
  return currentTape().push(partOp, { x }, { start, shape }).y!;
}
