// Root-mean-square normalization over the last axis: layer norm without mean and bias, as Llama has it.
import type { Tensor } from '../tensor/tensor.ts';
import { onto } from './onto.ts';
import {
  currentTape,
  type Dispatch,
  defineOp,
  expectReal,
  expectShape,
  expectType,
  type Form,
  type Site,
} from './op.ts';
import { onGPU, rowsOf, workgroupForm } from './rows.ts';

export interface RmsnormAttrs {
  /** Added to the mean of the squares, inside the root. */
  eps: number;
}

/** A form twice: with the sibling kernels that read four columns at once, for rows of whole vectors, and with those for any row. */
function bothWidths<A>(form: (file: (kernel: string) => string) => Form<A>): Form<A>[] {
  const vec4 = form((kernel) => `${kernel}_vec4`);
  return [
    {
      ...vec4,
      name: `${vec4.name}_vec4`,
      when: (site) => rowsOf('rmsnorm', site.inputs.x!).C % 4 === 0 && (vec4.when?.(site) ?? true),
    },
    form((kernel) => kernel),
  ];
}

/** Rows summed by one invocation, at least, where the sums over rows are made in two stages. */
const MIN_CHUNK = 32;

/** About as many parts as rows in a part, so that both stages are short. */
function partsOf(x: Tensor) {
  const { R, C } = rowsOf('rmsnorm', x);
  const chunk = Math.max(MIN_CHUNK, Math.ceil(Math.sqrt(R)));
  return { R, C, chunk, parts: Math.ceil(R / chunk) };
}

/** Sums over the rows of a part, by a kernel whose grid covers `threads`, then over the parts. */
function twoStages(kernel: string, threads: (parts: number, C: number) => Dispatch['threads']): Form<null> {
  return {
    name: 'two_stages',
    when: ({ inputs: { x } }) => rowsOf('rmsnorm', x!).R >= 4 * MIN_CHUNK,
    scratch: ({ inputs: { x } }) => {
      const { parts, C } = partsOf(x!);
      return { partial: { shape: [parts, C] } };
    },
    dispatches: ({ inputs: { x }, outputs: { dweight } }, { partial }) => {
      const { R, C, parts, chunk } = partsOf(x!);
      return [
        { kernel, sizes: { R, C, parts, chunk }, threads: threads(parts, C), bind: { dweight: partial! } },
        {
          kernel: 'sum',
          sizes: { N: C, R: parts, inner: C, parts: 1, chunk: parts },
          threads: [C],
          bind: { x: partial!, y: dweight! },
        },
      ];
    },
  };
}

export const rmsnormBackwardWeightOp = defineOp<null>({
  name: 'rmsnorm_backward_weight',
  outputs: ({ x, dy }) => {
    expectType('rmsnorm', 'dy', dy!, x!.dtype);
    return { dweight: { shape: [rowsOf('rmsnorm', x!).C] } };
  },
  forms: [
    {
      ...twoStages('rmsnorm_backward_weight_workgroup', (parts, C) => [C, parts]),
      name: 'two_stages_workgroup',
      prefers: onGPU,
    },
    ...bothWidths<null>((file) => twoStages(file('rmsnorm_backward_weight'), (parts, C) => [parts * C])),
    ...bothWidths<null>((file) => ({
      name: 'one_stage',
      dispatches: ({ inputs: { x } }) => {
        const { R, C } = rowsOf('rmsnorm', x!);
        return [{ kernel: file('rmsnorm_backward_weight'), sizes: { R, C, parts: 1, chunk: R }, threads: [C] }];
      },
    })),
  ],
  backward: 'not differentiable',
});

/** Fields of the kernels' Sizes. */
function backwardSizes({ inputs: { x, add } }: Site<null>) {
  return { ...rowsOf('rmsnorm', x!), ACCUMULATE: add ? 1 : 0 };
}

export const rmsnormBackwardOp = defineOp<null>({
  name: 'rmsnorm_backward',
  outputs: ({ x, dy, add }) => {
    const { shape, dtype } = x!;
    expectType('rmsnorm', 'dy', dy!, dtype);
    if (add) expectType('rmsnorm', 'add', add, dtype);
    return { dx: { shape, dtype } };
  },
  inPlace: { dx: 'add' },
  forms: [
    workgroupForm('rmsnorm_backward_workgroup', backwardSizes),
    ...bothWidths<null>((file) => ({
      name: 'row',
      dispatches: (site) => {
        const sizes = backwardSizes(site);
        return [{ kernel: file('rmsnorm_backward'), sizes, threads: [sizes.R] }];
      },
    })),
  ],
  backward: 'not differentiable',
});

/** Fields of the kernels' Sizes. */
function sizesOf({ inputs: { x }, attrs: { eps } }: Site<RmsnormAttrs>) {
  return { ...rowsOf('rmsnorm', x!), eps };
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
  forms: [
    workgroupForm('rmsnorm_workgroup', sizesOf),
    ...bothWidths<RmsnormAttrs>((file) => ({
      name: 'row',
      dispatches: (site) => {
        const sizes = sizesOf(site);
        return [{ kernel: file('rmsnorm'), sizes, threads: [sizes.R] }];
      },
    })),
  ],
  backward: ({ inputs: { x, weight }, outputs: { rstd }, grads: { y: dy }, needs }) => {
    const tape = currentTape();
    return {
      weight: needs('weight') ? tape.push(rmsnormBackwardWeightOp, { x, rstd, dy }, null).dweight : undefined,
      x: (before) =>
        onto(before, x!.dtype, (add) => tape.push(rmsnormBackwardOp, { x, weight, rstd, dy, add }, null).dx!),
    };
  },
});

/**
 * y = weight * x * rstd over the last axis, rstd = 1 / sqrt(mean(x^2) + eps).
 * x (...,C)  weight (C)  ->  y (...,C) of x's type; weight and its gradient are f32
 * With xhat = x * rstd and g = dy * weight:
 *   dx = rstd * (g - xhat * mean(g * xhat))    dweight = sum over rows of dy * xhat
 * Source: Zhang and Sennrich 2019 (arXiv:1910.07467). Saves rstd, one f32 a row.
 * @throws InputError if weight has another shape than (C)
 */
export function rmsnorm(x: Tensor, weight: Tensor, { eps }: RmsnormAttrs): Tensor {
  return currentTape().push(rmsnormOp, { x, weight }, { eps }).y!;
}
