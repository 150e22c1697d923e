// The activations: one row and one backward row each. Their formulas, with sources, are the snippets in shaders/lib.
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal, expectType } from './op.ts';

function activation(name: string) {
  const backwardOp = defineOp<null>({
    name: `${name}_backward`,
    outputs: ({ x, dy }) => {
      expectType(name, 'dy', dy!, x!.dtype);
      return { dx: { shape: x!.shape, dtype: x!.dtype } };
    },
    forms: [
      {
        name: 'plain',
        dispatches: ({ inputs: { x } }) => [{ kernel: `${name}_backward`, sizes: { N: x!.size }, threads: [x!.size] }],
      },
    ],
    backward: 'not differentiable',
  });
  const op = defineOp<null>({
    name,
    outputs: ({ x }) => {
      expectReal(name, 'x', x!);
      return { y: { shape: x!.shape, dtype: x!.dtype } };
    },
    forms: [
      {
        name: 'plain',
        dispatches: ({ inputs: { x } }) => [{ kernel: name, sizes: { N: x!.size }, threads: [x!.size] }],
      },
    ],
    backward: ({ inputs: { x }, grads }) => ({
      x: () => currentTape().push(backwardOp, { x, dy: grads.y }, null).dx!,
    }),
  });
  return { op, backwardOp };
}

export const { op: geluTanhOp, backwardOp: geluTanhBackwardOp } = activation('gelu_tanh');
export const { op: geluErfOp, backwardOp: geluErfBackwardOp } = activation('gelu_erf');
export const { op: siluOp, backwardOp: siluBackwardOp } = activation('silu');
export const { op: reluOp, backwardOp: reluBackwardOp } = activation('relu');

/**
 * x P(x) with the normal distribution function P: 'erf' is exact, 0.5 x (1 + erf(x / sqrt(2))); 'tanh' is GPT-2's gelu_new,
 * 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). Any shape.
 * Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2.
 */
export function gelu(x: Tensor, kind: 'tanh' | 'erf'): Tensor {
  return currentTape().push(kind === 'tanh' ? geluTanhOp : geluErfOp, { x }, null).y!;
}

/** x / (1 + exp(-x)), also called swish. Any shape. Source: Ramachandran et al. 2017 (arXiv:1710.05941). */
export function silu(x: Tensor): Tensor {
  return currentTape().push(siluOp, { x }, null).y!;
}

/** max(x, 0), with slope 0 at 0. Any shape. */
export function relu(x: Tensor): Tensor {
  return currentTape().push(reluOp, { x }, null).y!;
}
