// Root-mean-square normalization over the last axis: layer norm without mean and bias, as Llama has it.
import type { Tensor } from '../tensor/tensor.ts';
import { onto } from './onto.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType, type Form } from './op.ts';
import { rowsOf } from './rows.ts';

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

export const rmsnormBackwardWeightOp = defineOp<null>({
  name: 'rmsnorm_backward_weight',
  outputs: ({ x, dy }) => {
    expectType('rmsnorm', 'dy', dy!, x!.dtype);
    return { dweight: { shape: [rowsOf('rmsnorm', x!).C] } };
  },
  forms: [
    ...bothWidths<null>((file) => ({
      name: 'two_stages',
      when: ({ inputs: { x } }) => rowsOf('rmsnorm', x!).R >= 4 * MIN_CHUNK,
      scratch: ({ inputs: { x } }) => {
        const { parts, C } = partsOf(x!);
        return { partial: { shape: [parts, C] } };
      },
      dispatches: ({ inputs: { x }, outputs: { dweight } }, { partial }) => {
        const { R, C, parts, chunk } = partsOf(x!);
        return [
          {
            kernel: file('rmsnorm_backward_weight'),
            sizes: { R, C, parts, chunk },
            threads: [parts * C],
            bind: { dweight: partial! },
          },
          {
            kernel: 'sum',
            sizes: { N: C, R: parts, inner: C, parts: 1, chunk: parts },
            threads: [C],
            bind: { x: partial!, y: dweight! },
          },
        ];
      },
    })),
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

export const rmsnormBackwardOp = defineOp<null>({
  name: 'rmsnorm_backward',
  outputs: ({ x, dy, add }) => {
    const { shape, dtype } = x!;
    expectType('rmsnorm', 'dy', dy!, dtype);
    if (add) expectType('rmsnorm', 'add', add, dtype);
    return { dx: { shape, dtype } };
  },
  inPlace: { dx: 'add' },
  forms: bothWidths((file) => ({
    name: 'row',
    dispatches: ({ inputs: { x, add } }) => {
      const { R, C } = rowsOf('rmsnorm', x!);
      return [{ kernel: file('rmsnorm_backward'), sizes: { R, C, ACCUMULATE: add ? 1 : 0 }, threads: [R] }];
    },
  })),
  backward: 'not differentiable',
});

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
  forms: bothWidths((file) => ({
    name: 'row',
    dispatches: ({ inputs: { x }, attrs: { eps } }) => {
      const { R, C } = rowsOf('rmsnorm', x!);
      return [{ kernel: file('rmsnorm'), sizes: { R, C, eps }, threads: [R] }];
    },
  })),
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
