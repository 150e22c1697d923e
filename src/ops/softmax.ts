// Softmax over the last axis.
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal, expectType } from './op.ts';
import { rowsOf, workgroupForm } from './rows.ts';

export const softmaxBackwardOp = defineOp<null>({
  name: 'softmax_backward',
  outputs: ({ y, dy }) => {
    expectType('softmax', 'dy', dy!, y!.dtype);
    return { dx: { shape: y!.shape, dtype: y!.dtype } };
  },
  forms: [
    workgroupForm('softmax_backward_workgroup', ({ inputs: { y } }) => rowsOf('softmax', y!)),
    {
      name: 'row',
      dispatches: ({ inputs: { y } }) => {
        const sizes = rowsOf('softmax', y!);
        return [{ kernel: 'softmax_backward', sizes, threads: [sizes.R] }];
      },
    },
  ],
  backward: 'not differentiable',
});

export const softmaxOp = defineOp<null>({
  name: 'softmax',
  outputs: ({ x }) => {
    expectReal('softmax', 'x', x!);
    return { y: { shape: x!.shape, dtype: x!.dtype } };
  },
  forms: [
    workgroupForm('softmax_workgroup', ({ inputs: { x } }) => rowsOf('softmax', x!)),
    {
      name: 'row',
      dispatches: ({ inputs: { x } }) => {
        const sizes = rowsOf('softmax', x!);
        return [{ kernel: 'softmax', sizes, threads: [sizes.R] }];
      },
    },
  ],
  backward: ({ outputs: { y }, grads }) => ({
    x: () => currentTape().push(softmaxBackwardOp, { y, dy: grads.y }, null).dx!,
  }),
});

/**
 * y = exp(x - max) / sum of exp(x - max), over the last axis.     x (...,C)  ->  y (...,C)
 * dx = y * (dy - sum of dy * y). An entry far below the maximum, such as a masked -1e9, gets exactly 0.
 */
export function softmax(x: Tensor): Tensor {
  return currentTape().push(softmaxOp, { x }, null).y!;
}
