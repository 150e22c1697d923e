// SwiGLU: a gate through SiLU times what it lets through, each way in one kernel.
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType } from './op.ts';

export const swigluBackwardOp = defineOp<null>({
  name: 'swiglu_backward',
  outputs: ({ gate, dy }) => {
    const { shape, dtype } = gate!;
    expectType('swiglu', 'dy', dy!, dtype);
    return { dgate: { shape, dtype }, dup: { shape, dtype } };
  },
  inPlace: { dgate: 'gate', dup: 'up' },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { gate } }) => [
        { kernel: 'swiglu_backward', sizes: { N: gate!.size }, threads: [gate!.size] },
      ],
    },
  ],
  backward: 'not differentiable',
});

export const swigluOp = defineOp<null>({
  name: 'swiglu',
  outputs: ({ gate, up }) => {
    const { shape, dtype } = gate!;
    expectReal('swiglu', 'gate', gate!);
    expectType('swiglu', 'up', up!, dtype);
    expectShape('swiglu', 'up', up!, shape);
    return { y: { shape, dtype } };
  },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { gate } }) => [{ kernel: 'swiglu', sizes: { N: gate!.size }, threads: [gate!.size] }],
    },
  ],
  backward: ({ inputs: { gate, up }, grads: { y: dy } }) => {
    const { dgate, dup } = currentTape().push(swigluBackwardOp, { gate, up, dy }, null);
    return { gate: dgate, up: dup };
  },
});

/**
 * y = silu(gate) * up, silu(z) = z * sigmoid(z).     gate, up (any shape, f32 or f16)  ->  y as they are
 *   dgate = dy * up * sigmoid(gate) * (1 + gate * (1 - sigmoid(gate)))    dup = dy * silu(gate)
 * Source: Shazeer 2020 (arXiv:2002.05202), eq. 6. The gradients are made over gate and up where nobody reads these later.
 * @throws InputError if the shapes differ
 */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  return currentTape().push(swigluOp, { gate, up }, null).y!;
}
