// y = x repeated along axes of length 1 and new leading axes.
import { InputError } from '../errors.ts';
import { broadcastShapes, type Shape, sameShape, show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { broadcastSizes } from './broadcast.ts';
import { currentTape, defineOp, expectReal } from './op.ts';

export const expandOp = defineOp<{ shape: Shape }>({
  name: 'expand',
  outputs: ({ x }, { shape }) => {
    expectReal('expand', 'x', x!);
    if (!sameShape(broadcastShapes('expand', x!.shape, shape), shape))
      throw new InputError(`expand: x ${show(x!.shape)} does not broadcast to ${show(shape)}.`);
    return { y: { shape, dtype: x!.dtype } };
  },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { x }, outputs: { y } }) => [
        {
          kernel: 'expand',
          sizes: { N: y!.size, ...broadcastSizes('expand', y!.shape, { A: x!.shape }) },
          threads: [y!.size],
        },
      ],
    },
  ],
  backward: ({ grads }) => ({ x: grads.y! }),
});

/** x broadcast to `shape`. Its gradient is summed back by the walk. @throws InputError if x does not broadcast to it */
export function expand(x: Tensor, shape: Shape): Tensor {
  return currentTape().push(expandOp, { x }, { shape }).y!;
}
