// Layer normalization over the last axis.
import type { Tensor } from '../tensor/tensor.ts';
import { onto } from './onto.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType, type Site } from './op.ts';
import { rowForms, rowSumForms, rowsOf } from './rows.ts';

export interface LayernormAttrs {
  /** Added to the variance, inside the root. */
  eps: number;
}

export const layernormBackwardParamsOp = defineOp<null>({
  name: 'layernorm_backward_params',
  outputs: ({ x, dy }) => {
    const { C } = rowsOf('layernorm', x!);
    expectType('layernorm', 'dy', dy!, x!.dtype);
    return { dweight: { shape: [C] }, dbias: { shape: [C] } };
  },
  forms: rowSumForms(
    'layernorm',
    'layernorm_backward_params',
    { dweight: 'partWeight', dbias: 'partBias' },
    ({ C, parts }) => ({ kernel: 'layernorm_backward_params_sum', sizes: { C, parts }, threads: [C] }),
  ),
  backward: 'not differentiable',
});

/** Fields of the kernels' Sizes. */
function backwardSizes({ inputs: { x, add } }: Site<null>) {
  return { ...rowsOf('layernorm', x!), ACCUMULATE: add ? 1 : 0 };
}

export const layernormBackwardOp = defineOp<null>({
  name: 'layernorm_backward',
  outputs: ({ x, dy, add }) => {
    const { shape, dtype } = x!;
    expectType('layernorm', 'dy', dy!, dtype);
    if (add) expectType('layernorm', 'add', add, dtype);
    return { dx: { shape, dtype } };
  },
  inPlace: { dx: 'add' },
  forms: rowForms('layernorm', 'layernorm_backward', backwardSizes),
  backward: 'not differentiable',
});

/** Fields of the kernels' Sizes. */
function sizesOf({ inputs: { x, bias }, attrs: { eps } }: Site<LayernormAttrs>) {
  return { ...rowsOf('layernorm', x!), HAS_BIAS: bias ? 1 : 0, eps };
}

export const layernormOp = defineOp<LayernormAttrs>({
  name: 'layernorm',
  outputs: ({ x, weight, bias }) => {
    const { C } = rowsOf('layernorm', x!);
    expectReal('layernorm', 'x', x!);
    for (const [name, tensor] of Object.entries(bias ? { weight, bias } : { weight })) {
      expectType('layernorm', name, tensor!, 'f32');
      expectShape('layernorm', name, tensor!, [C]);
    }
    const { shape, dtype } = x!;
    return { y: { shape, dtype }, mean: { shape: shape.slice(0, -1) }, rstd: { shape: shape.slice(0, -1) } };
  },
  forms: rowForms('layernorm', 'layernorm', sizesOf),
  backward: ({ inputs: { x, weight, bias }, outputs: { mean, rstd }, grads, needs }) => {
    const dy = grads.y;
    if (!dy) return {};
    const tape = currentTape();
    const wanted = needs('weight') || (bias && needs('bias'));
    const params = wanted ? tape.push(layernormBackwardParamsOp, { x, mean, rstd, dy }, null) : {};
    return {
      weight: params.dweight,
      bias: params.dbias,
      x: (before) =>
        onto(before, x!.dtype, (add) => tape.push(layernormBackwardOp, { x, weight, mean, rstd, dy, add }, null).dx!),
    };
  },
});

/**
 * y = (x - mean) * rstd * weight (+ bias) over the last axis, rstd = 1 / sqrt(variance + eps), with the biased variance.
 * x (...,C)  weight (C)  bias (C) or null  ->  y (...,C) of x's type; weight, bias and their gradients are f32
 * With xhat = (x - mean) * rstd and g = dy * weight:
 *   dx = rstd * (g - mean(g) - xhat * mean(g * xhat))    dweight = sum over rows of dy * xhat    dbias = sum over rows of dy
 * Source: Ba et al. 2016 (arXiv:1607.06450). Saves mean and rstd, one f32 a row.
 * @throws InputError if weight or bias has another shape than (C)
 */
export function layernorm(x: Tensor, weight: Tensor, bias: Tensor | null, { eps }: LayernormAttrs): Tensor {
  return currentTape().push(layernormOp, { x, weight, bias: bias ?? undefined }, { eps }).y!;
}
