// SwiGLU: a gate through SiLU times what it lets through, each way in one kernel.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType, type OutputSpec, type Values } from './op.ts';
import { rowsOf } from './rows.ts';

/** Sizes in vec4s. Apart, gate and up are one long row. */
function sizesOf({ gate, x }: Values): { N: number; width: number; row: number; up_start: number } {
  if (gate) return { N: gate.size, width: Math.ceil(gate.size / 4), row: 0, up_start: 0 };
  const { R, C } = rowsOf('swiglu', x!);
  return { N: (R * C) / 2, width: C / 8, row: C / 4, up_start: C / 8 };
}

/** Inputs gate and up, or x with both, and dy  ->  dgate and dup, or dgate alone, packed as x is. */
export const swigluBackwardOp = defineOp<null>({
  name: 'swiglu_backward',
  outputs: ({ gate, x = gate, dy }): Record<string, OutputSpec> => {
    const { shape, dtype } = x!;
    expectType('swiglu', 'dy', dy!, dtype);
    return gate ? { dgate: { shape, dtype }, dup: { shape, dtype } } : { dx: { shape, dtype } };
  },
  inPlace: { dx: 'x', dgate: 'gate', dup: 'up' },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs, outputs: { dx } }) => {
        const sizes = { ...sizesOf(inputs), PACKED: dx ? 1 : 0 };
        return [{ kernel: 'swiglu_backward', sizes, threads: [sizes.N], ...(dx && { bind: { dgate: dx } }) }];
      },
    },
  ],
  backward: 'not differentiable',
});

/** Inputs gate and up, or x with both. */
export const swigluOp = defineOp<null>({
  name: 'swiglu',
  outputs: ({ gate, up, x }) => {
    if (!x) {
      expectReal('swiglu', 'gate', gate!);
      expectType('swiglu', 'up', up!, gate!.dtype);
      expectShape('swiglu', 'up', up!, gate!.shape);
      return { y: { shape: gate!.shape, dtype: gate!.dtype } };
    }
    expectReal('swiglu', 'x', x);
    const { C } = rowsOf('swiglu', x);
    if (C % 8 !== 0)
      throw new InputError(
        `swiglu: found x ${show(x.shape)}, expected a last axis of two halves, each divisible by 4. Pass gate and up apart.`,
      );
    return { y: { shape: [...x.shape.slice(0, -1), C / 2], dtype: x.dtype } };
  },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs }) => {
        const sizes = sizesOf(inputs);
        const { x } = inputs;
        return [{ kernel: 'swiglu', sizes, threads: [sizes.N], ...(x && { bind: { gate: x, up: x } }) }];
      },
    },
  ],
  backward: ({ inputs, grads: { y: dy } }) => {
    const { dx, dgate, dup } = currentTape().push(swigluBackwardOp, { ...inputs, dy }, null);
    return dx ? { x: dx } : { gate: dgate, up: dup };
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

/**
 * The same of gate and up side by side on the last axis.     x (...,2I)  ->  (...,I)
 * @throws InputError if I is not divisible by 4
 */
export function swigluPacked(x: Tensor): Tensor {
  return currentTape().push(swigluOp, { x }, null).y!;
}
