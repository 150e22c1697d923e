// Texts of a cache change places: what beam search needs, whose best continuations may all come from one text.
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType, type Values } from './op.ts';

/** So many, where there are fewer rows than that. */
const WORKGROUPS = 128;

/** @throws InputError where the parts do not fit together */
function reorderShape({ keys, values, rows, begin, end }: Values) {
  const [B, capacity, W] = keys!.shape as [number, number, number];
  expectReal('cache_reorder', 'keys', keys!);
  expectShape('cache_reorder', 'keys', keys!, [B, capacity, W]);
  expectShape('cache_reorder', 'values', values!, keys!.shape);
  expectType('cache_reorder', 'values', values!, keys!.dtype);
  expectType('cache_reorder', 'rows', rows!, 'i32');
  for (const [name, tensor] of Object.entries({ rows: rows!, begin: begin!, end: end! }))
    expectShape('cache_reorder', name, tensor, [B]);
  for (const [name, tensor] of Object.entries({ begin: begin!, end: end! }))
    expectType('cache_reorder', name, tensor, 'f32');
  return { B, capacity, W };
}

export const cacheReorderOp = defineOp<null>({
  name: 'cache_reorder',
  outputs: (inputs) => {
    reorderShape(inputs);
    return {};
  },
  writes: ['keys', 'values'],
  forms: [
    {
      name: 'rows',
      dispatches: ({ inputs }) => {
        const { B, capacity, W } = reorderShape(inputs);
        const sizes = { B, W, capacity, PARTS: Math.max(1, Math.floor(WORKGROUPS / B)) };
        return [{ kernel: 'cache_reorder', sizes, threads: [B * sizes.PARTS * 64] }];
      },
    },
  ],
  backward: 'not differentiable',
});

/**
 * Row b becomes a copy of row rows[b], in the positions begin[b] <= t < end[b]; the others stay. In place: a row that others are
 * copied from must stay where it is, rows[rows[b]] = rows[b].
 * keys, values: state (B,capacity,W)  rows i32 (B)  begin, end f32 (B), whole numbers
 * @throws InputError where the shapes or the types do not fit
 */
export function cacheReorder(
  cache: { keys: Tensor; values: Tensor },
  where: { rows: Tensor; begin: Tensor; end: Tensor },
): void {
  currentTape().push(cacheReorderOp, { ...cache, ...where }, null);
}
