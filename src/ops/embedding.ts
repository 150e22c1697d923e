// Rows of a table by id. A table that is stored in several pieces is read by a call for each piece.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { onto } from './onto.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType } from './op.ts';

export interface EmbeddingAttrs {
  /** The id whose row is weight's row 0. */
  first: number;
  /** y's type; weight's when absent. */
  dtype?: Precision | undefined;
}

export interface EmbeddingBackwardAttrs {
  first: number;
  /** Rows of weight. */
  V: number;
}

export const embeddingBackwardOp = defineOp<EmbeddingBackwardAttrs>({
  name: 'embedding_backward',
  outputs: ({ dy, add }, { V }) => {
    const shape = [V, dy!.shape.at(-1)!];
    expectReal('embedding_backward', 'dy', dy!);
    if (add) {
      expectShape('embedding_backward', 'add', add, shape);
      expectType('embedding_backward', 'add', add, 'f32');
    }
    return { dweight: { shape } };
  },
  inPlace: { dweight: 'add' },
  forms: [
    {
      name: 'chain',
      scratch: ({ inputs: { ids } }) => ({ links: { shape: [ids!.size, 2], dtype: 'u32' } }),
      dispatches: ({ inputs: { ids, dy, add }, outputs: { dweight }, attrs: { V, first } }) => {
        const N = ids!.size;
        const C = dy!.shape.at(-1)!;
        const zero = {
          kernel: 'fill',
          sizes: { N: V * C, value: 0 },
          threads: [V * C],
          bind: { y: dweight! },
        } as const;
        return [
          ...(add ? [] : [zero]),
          { kernel: 'embedding_links', sizes: { N, V, first }, threads: [N] },
          { kernel: 'embedding_backward', sizes: { N, C, first }, threads: [N * Math.ceil(C / 4)] },
        ];
      },
    },
  ],
  backward: 'not differentiable',
});

export const embeddingOp = defineOp<EmbeddingAttrs>({
  name: 'embedding',
  outputs: ({ weight, ids, add }, { first, dtype = weight!.dtype }) => {
    if (weight!.shape.length !== 2) {
      throw new InputError(`embedding: weight has shape ${show(weight!.shape)}, expected (rows,columns).`);
    }
    expectReal('embedding', 'weight', weight!);
    expectType('embedding', 'ids', ids!, 'i32');
    if (!(Number.isInteger(first) && first >= 0)) {
      throw new InputError(`embedding: first is ${first}, expected the number of a row, 0 or more.`);
    }
    const shape = [...ids!.shape, weight!.shape[1]!];
    if (add) {
      expectShape('embedding', 'add', add, shape);
      expectType('embedding', 'add', add, dtype);
    }
    return { y: { shape, dtype } };
  },
  inPlace: { y: 'add' },
  forms: [
    {
      name: 'gather',
      dispatches: ({ inputs: { weight, ids, add }, attrs: { first } }) => {
        const [V, C] = weight!.shape as [number, number];
        const sizes = { N: ids!.size, V, C, first, ACCUMULATE: add ? 1 : 0 };
        return [{ kernel: 'embedding', sizes, threads: [sizes.N * Math.ceil(C / 4)] }];
      },
    },
  ],
  backward: ({ inputs: { weight, ids }, attrs: { first }, grads: { y: dy } }) => ({
    weight: (before) =>
      onto(before, 'f32', (add) => {
        const attrs = { V: weight!.shape[0]!, first };
        return currentTape().push(embeddingBackwardOp, { ids, dy, add }, attrs).dweight!;
      }),
    add: dy!,
  }),
});

export interface EmbeddingOptions {
  /** weight holds the rows first..first+V-1 of a larger table. By default 0. */
  first?: number;
  /** (...,C): what the rows are added to, such as the rows that another piece of the table has. */
  add?: Tensor | undefined;
  /** The type that y is stored in; weight's when absent. */
  dtype?: Precision | undefined;
}

/**
 * y[n] = weight[ids[n] - first], onto `add` where it is given.     weight (V,C)  ids i32 (...)  ->  y (...,C)
 * dweight[v] = sum of dy[n] over all n with ids[n] - first = v, added in the order of n: the same bits on every run.
 * An id outside of first..first+V-1 reads as a row of zeros and gets no gradient: a table in pieces is a chain of calls.
 * The gradient of weight is f32, whatever the types of weight and y.
 * @throws InputError unless weight has two axes, ids are i32, and `add` has y's shape and type
 */
export function embedding(weight: Tensor, ids: Tensor, options: EmbeddingOptions = {}): Tensor {
  const { first = 0, add, dtype } = options;
  return currentTape().push(embeddingOp, { weight, ids, add }, { first, dtype }).y!;
}
