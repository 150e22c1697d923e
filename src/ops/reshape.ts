// Another shape for the same numbers: no dispatch, no copy.
import { InputError } from '../errors.ts';
import { type Shape, show, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp } from './op.ts';

export const reshapeOp = defineOp<{ shape: Shape }>({
  name: 'reshape',
  outputs: ({ x }, { shape }) => {
    if (sizeOf(shape) !== x!.size)
      throw new InputError(
        `reshape: x ${show(x!.shape)} has ${x!.size} elements, ${show(shape)} has ${sizeOf(shape)}.`,
      );
    return { y: { shape, dtype: x!.dtype } };
  },
  view: () => 0,
  forms: [],
  backward: ({ inputs, grads }) => ({ x: reshape(grads.y!, inputs.x!.shape) }),
});

/** x under another shape. @throws InputError if that has more or fewer elements */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return currentTape().push(reshapeOp, { x }, { shape }).y!;
}
