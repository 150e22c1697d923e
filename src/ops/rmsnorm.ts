// Root-mean-square normalization over the last axis: layer norm without mean and bias, as Llama has it.
import type { Tensor } from '../tensor/tensor.ts';
import { onto } from './onto.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType, type Site } from './op.ts';
import { rowForms, rowSumForms, rowsOf } from './rows.ts';

export interface RmsnormAttrs {
  /** Added to the mean of the squares, inside the root. */
  eps: number;
  /** Added to the weight. */
  weightOffset: number;
}

export interface RmsnormOptions {
  eps: number;
  /** Added to the weight, which then stands for a difference. Default 0. */
  weightOffset?: number | undefined;
}

export const rmsnormBackwardWeightOp = defineOp<null>({
  name: 'rmsnorm_backward_weight',
  outputs: ({ x, dy }) => {
    expectType('rmsnorm', 'dy', dy!, x!.dtype);
    return { dweight: { shape: [rowsOf('rmsnorm', x!).C] } };
  },
  forms: rowSumForms(
    'rmsnorm',
    'rmsnorm_backward_weight',
    { dweight: 'partial' },
    ({ C, parts }, { dweight }, { partial }) => ({
      kernel: 'sum',
      sizes: { N: C, R: parts, inner: C, parts: 1, chunk: parts },
      threads: [C],
      bind: { x: partial!, y: dweight! },
    }),
  ),
  backward: 'not differentiable',
});

type RmsnormBackwardAttrs = Pick<RmsnormAttrs, 'weightOffset'>;

/** Fields of the kernels' Sizes. */
function backwardSizes({ inputs: { x, add }, attrs }: Site<RmsnormBackwardAttrs>) {
  return { ...rowsOf('rmsnorm', x!), ACCUMULATE: add ? 1 : 0, weight_offset: attrs.weightOffset };
}

export const rmsnormBackwardOp = defineOp<RmsnormBackwardAttrs>({
  name: 'rmsnorm_backward',
  outputs: ({ x, dy, add }) => {
    const { shape, dtype } = x!;
    expectType('rmsnorm', 'dy', dy!, dtype);
    if (add) expectType('rmsnorm', 'add', add, dtype);
    return { dx: { shape, dtype } };
  },
  inPlace: { dx: 'add' },
  forms: rowForms('rmsnorm', 'rmsnorm_backward', backwardSizes),
  backward: 'not differentiable',
});

/** Fields of the kernels' Sizes. */
function sizesOf({ inputs: { x }, attrs: { eps, weightOffset } }: Site<RmsnormAttrs>) {
  return { ...rowsOf('rmsnorm', x!), eps, weight_offset: weightOffset };
}

export const rmsnormOp = defineOp<RmsnormAttrs>({
  name: 'rmsnorm',
  outputs: ({ x, weight }) => {
    const { C } = rowsOf('rmsnorm', x!);
    expectReal('rmsnorm', 'x', x!);
    expectType('rmsnorm', 'weight', weight!, 'f32');
    expectShape('rmsnorm', 'weight', weight!, [C]);
    const { shape, dtype } = x!;
    return { y: { shape, dtype }, rstd: { shape: shape.slice(0, -1) } };
  },
  forms: rowForms('rmsnorm', 'rmsnorm', sizesOf),
  backward: ({ inputs: { x, weight }, outputs: { rstd }, attrs: { weightOffset }, grads: { y: dy }, needs }) => {
    const tape = currentTape();
    const attrs = { weightOffset };
    return {
      weight: needs('weight') ? tape.push(rmsnormBackwardWeightOp, { x, rstd, dy }, null).dweight : undefined,
      x: (before) =>
        onto(before, x!.dtype, (add) => tape.push(rmsnormBackwardOp, { x, weight, rstd, dy, add }, attrs).dx!),
    };
  },
});

/**
 * y = w * x * rstd over the last axis, rstd = 1 / sqrt(mean(x^2) + eps), w = weightOffset + weight.
 * x (...,C)  weight (C)  ->  y (...,C) of x's type; weight and its gradient are f32
 * With xhat = x * rstd and g = dy * w:
 *   dx = rstd * (g - xhat * mean(g * xhat))    dweight = sum over rows of dy * xhat
 * Source: Zhang and Sennrich 2019 (arXiv:1910.07467); an offset of 1 as Gemma has it. Saves rstd, one f32 a row.
 * @throws InputError if weight has another shape than (C)
 */
export function rmsnorm(x: Tensor, weight: Tensor, { eps, weightOffset = 0 }: RmsnormOptions): Tensor {
  return currentTape().push(rmsnormOp, { x, weight }, { eps, weightOffset }).y!;
}
