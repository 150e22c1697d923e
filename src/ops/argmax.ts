// The most probable token, chosen where the logits are.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal } from './op.ts';
import { rowsOf } from './rows.ts';

/** Parts that a row is looked through in, each by a workgroup. */
const PARTS = 16;

export const argmaxOp = defineOp<null>({
  name: 'argmax',
  outputs: ({ x }) => {
    expectReal('argmax', 'x', x!);
    if (x!.shape.length < 2) throw new InputError(`argmax: found x ${show(x!.shape)}, expected (...,C).`);
    return { y: { shape: x!.shape.slice(0, -1), dtype: 'i32' } };
  },
  forms: [
    {
      name: 'parts',
      scratch: ({ inputs }) => ({ best: { shape: [rowsOf('argmax', inputs.x!).R, PARTS, 2], dtype: 'u32' } }),
      dispatches: ({ inputs: { x } }) => {
        const { R: N, C: width } = rowsOf('argmax', x!);
        return [
          { kernel: 'argmax', sizes: { N, width, PARTS }, threads: [N * PARTS] },
          { kernel: 'argmax_parts', sizes: { N, PARTS }, threads: [N] },
        ];
      },
    },
  ],
  backward: 'not differentiable',
});

/**
 * y = the number of the largest element of each row, the first of several; -1 for a row that holds a NaN.
 * x (...,C), f32 or f16  ->  y i32 (...)
 * @throws InputError unless x has at least two axes
 */
export function argmax(x: Tensor): Tensor {
  return currentTape().push(argmaxOp, { x }, null).y!;
}
