// y = factor * x, the factor fixed when the graph is traced. A factor that varies is a tensor: use mul.
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal } from './op.ts';

export const scaleOp = defineOp<{ factor: number }>({
  name: 'scale',
  outputs: ({ x }) => {
    expectReal('scale', 'x', x!);
    return { y: { shape: x!.shape, dtype: x!.dtype } };
  },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { x }, attrs: { factor } }) => [
        { kernel: 'scale', sizes: { N: x!.size, factor }, threads: [x!.size] },
      ],
    },
  ],
  backward: ({ grads, attrs: { factor } }) => ({ x: scale(grads.y!, factor) }),
});

/** factor * x. Any shape. */
export function scale(x: Tensor, factor: number): Tensor {
  return currentTape().push(scaleOp, { x }, { factor }).y!;
}
