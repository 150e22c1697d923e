// y = a * b, with broadcasting.
import { broadcastShapes, sameShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { broadcastSizes } from './broadcast.ts';
import { currentTape, defineOp, expectReal, expectType } from './op.ts';

export const mulOp = defineOp<null>({
  name: 'mul',
  outputs: ({ a, b }) => {
    expectReal('mul', 'a', a!);
    expectType('mul', 'b', b!, a!.dtype);
    return { y: { shape: broadcastShapes('mul', a!.shape, b!.shape), dtype: a!.dtype } };
  },
  forms: [
    {
      name: 'same',
      when: ({ inputs: { a, b } }) => sameShape(a!.shape, b!.shape),
      dispatches: ({ outputs: { y } }) => [{ kernel: 'mul', sizes: { N: y!.size }, threads: [y!.size] }],
    },
    {
      name: 'broadcast',
      dispatches: ({ inputs: { a, b }, outputs: { y } }) => [
        {
          kernel: 'mul_broadcast',
          sizes: { N: y!.size, ...broadcastSizes('mul', y!.shape, { A: a!.shape, B: b!.shape }) },
          threads: [y!.size],
        },
      ],
    },
  ],
  backward: ({ inputs: { a, b }, grads, needs }) => ({
    a: needs('a') ? mul(grads.y!, b!) : undefined,
    b: needs('b') ? mul(grads.y!, a!) : undefined,
  }),
});

/** a * b, element by element. Axes of length 1 and missing leading axes are repeated. @throws InputError if the shapes do not broadcast */
export function mul(a: Tensor, b: Tensor): Tensor {
  return currentTape().push(mulOp, { a, b }, null).y!;
}
