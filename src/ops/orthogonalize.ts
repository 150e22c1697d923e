// The nearest matrix with orthonormal rows (or columns), roughly and fast: Newton-Schulz iteration out of matrix products.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { matmul } from './matmul.ts';
import { currentTape, defineOp, expectShape, expectType } from './op.ts';
import { globalNorm } from './optimizer.ts';
import { scale } from './scale.ts';

export const normalizeOp = defineOp<{ eps: number }>({
  name: 'normalize',
  outputs: ({ x, norm }) => {
    expectType('normalize', 'x', x!, 'f32');
    expectShape('normalize', 'norm', norm!, [1]);
    return { y: { shape: x!.shape } };
  },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { x }, attrs: { eps } }) => [
        { kernel: 'normalize', sizes: { N: x!.size, eps }, threads: [x!.size] },
      ],
    },
  ],
  backward: 'not differentiable',
});

/** x / (norm + eps). x of any shape, norm (1). */
export function normalize(x: Tensor, norm: Tensor, eps: number): Tensor {
  return currentTape().push(normalizeOp, { x, norm }, { eps }).y!;
}

/** A singular value s becomes a s + b s^3 + c s^5: chosen to lift small ones fast, ending between 0.7 and 1.2. */
export const NEWTON_SCHULZ = { a: 3.4445, b: -4.775, c: 2.0315, eps: 1e-7 } as const;

/**
 * x (rows,cols) with singular values near 1: x / (norm(x) + 1e-7), then `steps` times
 *   G = x x^T     x = a x + (b G + c G G) x
 * A tall x is multiplied from its other side, G = x^T x and x (b G + c G G), so that G is small: the same numbers as those of
 * the transpose, without transposing.
 * Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
 * @throws InputError unless x has two axes
 */
export function orthogonalize(x: Tensor, steps = 5): Tensor {
  if (x.shape.length !== 2) throw new InputError(`orthogonalize: x is ${show(x.shape)}, expected two axes.`);
  const { a, b, c, eps } = NEWTON_SCHULZ;
  const tall = x.shape[0]! > x.shape[1]!;
  let y = normalize(x, globalNorm([x]), eps);
  for (let step = 0; step < steps; step++) {
    const gram = matmul(y, y, { transposeA: tall, transposeB: !tall });
    const polynomial = matmul(scale(gram, c), gram, { add: scale(gram, b) });
    const add = scale(y, a);
    y = tall ? matmul(y, polynomial, { add }) : matmul(polynomial, y, { add });
  }
  return y;
}
