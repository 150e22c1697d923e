// Layer normalization over the last axis.
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

export interface LayernormAttrs {
  /** Added to the variance, inside the root. */
  eps: number;
}

/** A form twice: with the sibling kernels that read four columns at once, for rows of whole vectors, and with those for any row. */
function bothWidths<A>(form: (file: (kernel: string) => string) => Form<A>): Form<A>[] {
  const vec4 = form((kernel) => `${kernel}_vec4`);
  return [
    {
      ...vec4,
      name: `${vec4.name}_vec4`,
      when: (site) => rowsOf('layernorm', site.inputs.x!).C % 4 === 0 && (vec4.when?.(site) ?? true),
    },
    form((kernel) => kernel),
  ];
}

/** Rows summed by one invocation, at least, where the sums over rows are made in two stages. */
const MIN_CHUNK = 32;

/** Sums over the rows of a part, by a kernel whose grid covers `threads`, then over the parts. */
function twoStages(kernel: string, threads: (parts: number, C: number) => Dispatch['threads']): Form<null> {
  return {
    name: 'two_stages',
    when: ({ inputs: { x } }) => rowsOf('layernorm', x!).R >= 4 * MIN_CHUNK,
    scratch: ({ inputs: { x } }) => {
      const { parts, C } = partsOf(x!);
      return { partWeight: { shape: [parts, C] }, partBias: { shape: [parts, C] } };
    },
    dispatches: ({ inputs: { x } }, { partWeight, partBias }) => {
      const { R, C, parts, chunk } = partsOf(x!);
      return [
        {
          kernel,
          sizes: { R, C, parts, chunk },
          threads: threads(parts, C),
          bind: { dweight: partWeight!, dbias: partBias! },
        },
        { kernel: 'layernorm_backward_params_sum', sizes: { C, parts }, threads: [C] },
      ];
    },
  };
}

export const layernormBackwardParamsOp = defineOp<null>({
  name: 'layernorm_backward_params',
  outputs: ({ x, dy }) => {
    const { C } = rowsOf('layernorm', x!);
    expectType('layernorm', 'dy', dy!, x!.dtype);
    return { dweight: { shape: [C] }, dbias: { shape: [C] } };
  },
  forms: [
    {
      ...twoStages('layernorm_backward_params_workgroup', (parts, C) => [C, parts]),
      name: 'two_stages_workgroup',
      prefers: onGPU,
    },
    ...bothWidths<null>((file) => twoStages(file('layernorm_backward_params'), (parts, C) => [parts * C])),
    ...bothWidths<null>((file) => ({
      name: 'one_stage',
      dispatches: ({ inputs: { x } }) => {
        const { R, C } = rowsOf('layernorm', x!);
        return [{ kernel: file('layernorm_backward_params'), sizes: { R, C, parts: 1, chunk: R }, threads: [C] }];
      },
    })),
  ],
  backward: 'not differentiable',
});

/** About as many parts as rows in a part, so that both stages are short. */
function partsOf(x: Tensor) {
  const { R, C } = rowsOf('layernorm', x);
  const chunk = Math.max(MIN_CHUNK, Math.ceil(Math.sqrt(R)));
  return { R, C, chunk, parts: Math.ceil(R / chunk) };
}

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
  forms: [
    workgroupForm('layernorm_backward_workgroup', backwardSizes),
    ...bothWidths<null>((file) => ({
      name: 'row',
      dispatches: (site) => {
        const sizes = backwardSizes(site);
        return [{ kernel: file('layernorm_backward'), sizes, threads: [sizes.R] }];
      },
    })),
  ],
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
  forms: [
    workgroupForm('layernorm_workgroup', sizesOf),
    ...bothWidths<LayernormAttrs>((file) => ({
      name: 'row',
      dispatches: (site) => {
        const sizes = sizesOf(site);
        return [{ kernel: file('layernorm'), sizes, threads: [sizes.R] }];
      },
    })),
  ],
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
