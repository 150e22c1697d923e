// y = a + b, with broadcasting.
import { broadcastShapes, sameShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { broadcastSizes } from './broadcast.ts';
import { currentTape, defineOp, expectReal, expectType } from './op.ts';

export const addOp = defineOp<null>({
  name: 'add',
  outputs: ({ a, b }) => {
    expectReal('add', 'a', a!);
    expectType('add', 'b', b!, a!.dtype);
    return { y: { shape: broadcastShapes('add', a!.shape, b!.shape), dtype: a!.dtype } };
  },
  forms: [
    {
      name: 'same',
      when: ({ inputs: { a, b } }) => sameShape(a!.shape, b!.shape),
      dispatches: ({ outputs: { y } }) => [{ kernel: 'add', sizes: { N: y!.size }, threads: [y!.size] }],
    },
    {
      name: 'broadcast',
      dispatches: ({ inputs: { a, b }, outputs: { y } }) => [
        {
          kernel: 'add_broadcast',
          sizes: { N: y!.size, ...broadcastSizes('add', y!.shape, { A: a!.shape, B: b!.shape }) },
          threads: [y!.size],
        },
      ],
    },
  ],
  backward: ({ grads }) => ({ a: grads.y!, b: grads.y! }),
});

/** a + b. Axes of length 1 and missing leading axes are repeated. @throws InputError if the shapes do not broadcast */
export function add(a: Tensor, b: Tensor): Tensor {
  return currentTape().push(addOp, { a, b }, null).y!;
}
