// Rows of a table by id.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectShape, expectType } from './op.ts';

export interface EmbeddingBackwardAttrs {
  /** Rows of the table. */
  V: number;
}

export const embeddingBackwardOp = defineOp<EmbeddingBackwardAttrs>({
  name: 'embedding_backward',
  outputs: ({ dy, add }, { V }) => {
    const shape = [V, dy!.shape.at(-1)!];
    if (add) expectShape('embedding_backward', 'add', add, shape);
    return { dweight: { shape } };
  },
  inPlace: { dweight: 'add' },
  forms: [
    {
      name: 'chain',
      scratch: ({ inputs: { ids } }) => ({ links: { shape: [ids!.size, 2], dtype: 'u32' } }),
      dispatches: ({ inputs: { ids, dy, add }, outputs: { dweight }, attrs: { V } }) => {
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
          { kernel: 'embedding_links', sizes: { N, V }, threads: [N] },
          { kernel: 'embedding_backward', sizes: { N, C }, threads: [N * Math.ceil(C / 4)] },
        ];
      },
    },
  ],
  backward: 'not differentiable',
});

export const embeddingOp = defineOp<null>({
  name: 'embedding',
  outputs: ({ weight, ids }) => {
    if (weight!.shape.length !== 2) {
      throw new InputError(`embedding: weight has shape ${show(weight!.shape)}, expected (rows,columns).`);
    }
    expectType('embedding', 'weight', weight!, 'f32');
    expectType('embedding', 'ids', ids!, 'i32');
    return { y: { shape: [...ids!.shape, weight!.shape[1]!] } };
  },
  forms: [
    {
      name: 'gather',
      dispatches: ({ inputs: { weight, ids } }) => {
        const [V, C] = weight!.shape as [number, number];
        return [{ kernel: 'embedding', sizes: { N: ids!.size, V, C }, threads: [ids!.size * Math.ceil(C / 4)] }];
      },
    },
  ],
  backward: ({ inputs: { weight, ids }, grads }) => ({
    weight: (add) => {
      const inputs = { ids, dy: grads.y, add: add ?? undefined };
      return currentTape().push(embeddingBackwardOp, inputs, { V: weight!.shape[0]! }).dweight!;
    },
  }),
});

/**
 * y[n] = weight[ids[n]].     weight (V,C)  ids i32 (...)  ->  y (...,C)
 * dweight[v] = sum of dy[n] over all n with ids[n] = v, added in the order of n: the same bits on every run.
 * An id outside of 0..V-1 reads as a row of zeros and gets no gradient.
 * @throws InputError unless weight has two axes and ids are i32
 */
export function embedding(weight: Tensor, ids: Tensor): Tensor {
  return currentTape().push(embeddingOp, { weight, ids }, null).y!;
}
