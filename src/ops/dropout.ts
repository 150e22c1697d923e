// y = x / (1-p) where a random mask keeps the element, else 0. The gradient is the same op on dy: it computes the mask again.
import type { Tensor } from '../tensor/tensor.ts';
import { type DropoutAttrs, expectDropout, maskSizes } from './dropout_mask.ts';
import { currentTape, defineOp, expectReal } from './op.ts';

export const dropoutOp = defineOp<DropoutAttrs>({
  name: 'dropout',
  outputs: ({ x, randomStep }, attrs) => {
    expectReal('dropout', 'x', x!);
    expectDropout('dropout', attrs, randomStep!);
    return { y: { shape: x!.shape, dtype: x!.dtype } };
  },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { x }, attrs }) => [
        { kernel: 'dropout', sizes: { N: x!.size, ...maskSizes(attrs) }, threads: [x!.size] },
      ],
    },
  ],
  backward: ({ inputs: { randomStep }, attrs, grads }) => ({ x: () => dropout(grads.y!, randomStep!, attrs) }),
});

/**
 * Each element is 0 with probability p and x / (1-p) otherwise, so that its expected value stays. Any shape; p = 0 is x itself.
 * Source: Srivastava et al. 2014 (JMLR 15), with the scale in training as is usual now.
 * @param step (1) u32: the masks of two steps have nothing to do with each other
 * @throws InputError unless 0 <= p < 1 and seed and site are whole numbers from 0
 */
export function dropout(x: Tensor, step: Tensor, attrs: DropoutAttrs): Tensor {
  expectDropout('dropout', attrs, step);
  if (attrs.p === 0) return x;
  return currentTape().push(dropoutOp, { x, randomStep: step }, attrs).y!;
}
