// Samples of what generation adds: the choice of a token, and the cache of keys and values.
import { argmax } from '../../src/ops/argmax.ts';
import { attentionPacked } from '../../src/ops/attention.ts';
import { cacheReorder } from '../../src/ops/cache_reorder.ts';
import { cacheWrite, cacheWritePacked } from '../../src/ops/cache_write.ts';
import { cast } from '../../src/ops/cast.ts';
import { constant } from '../../src/ops/op.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { type Precision, Tensor } from '../../src/tensor/tensor.ts';
import type { OpRow } from './op_row.ts';
import type { Named } from './op_sample.ts';

const state = (name: string, shape: Shape, dtype: Precision = 'f32') =>
  new Tensor({ kind: 'state', name, shape, dtype, init: () => new Float32Array(sizeOf(shape)).map((_, i) => i % 101) });
const floats = (...values: number[]) => constant('start', [values.length], () => Float32Array.from(values));
const wholes = (...values: number[]) => constant('rows', [values.length], () => Int32Array.from(values), 'i32');
const row = (values: Float32Array) => ({ shape: [1, values.length], values });

/** New tokens into a cache that is full of other numbers. */
function written(capacity: number, starts: number[], { packed = 0, dtype = 'f32' as Precision } = {}) {
  let cache: { keys: Tensor; values: Tensor } | undefined;
  return (t: Named) => {
    const [B, , W] = (t.k ?? t.qkv)!.shape as [number, number, number];
    const shape = [B, capacity, packed || W];
    cache ??= { keys: state('keys', shape, dtype), values: state('values', shape, dtype) };
    const stored = (x: Tensor) => cast(x, dtype);
    if (packed) cacheWritePacked(cache.keys, cache.values, stored(t.qkv!), floats(...starts));
    else cacheWrite(cache.keys, cache.values, stored(t.k!), stored(t.v!), floats(...starts));
    return cache;
  };
}

function reordered(shape: Shape, rows: number[], begin: number[], end: number[]) {
  const cache = { keys: state('keys', shape), values: state('values', shape) };
  return ({ x }: Named) => {
    cacheReorder(cache, { rows: wholes(...rows), begin: floats(...begin), end: floats(...end) });
    return { ...cache, x: x! };
  };
}

export const generation: readonly OpRow[] = [
  {
    ops: ['argmax'],
    samples: [
      { name: '(1,1)', real: { x: [1, 1] }, build: (t) => argmax(t.x!), forwardOnly: true },
      { name: '(3,2,257)', real: { x: [3, 2, 257] }, build: (t) => argmax(t.x!), forwardOnly: true },
      { name: '(2,50257)', real: { x: [2, 50257] }, build: (t) => argmax(t.x!), forwardOnly: true },
      {
        name: 'the first of equals, also of 0 and -0',
        real: { x: row(Float32Array.from({ length: 200 }, (_, i) => (i < 70 ? -1 : i % 2 ? 0 : -0))) },
        build: (t) => argmax(t.x!),
        forwardOnly: true,
      },
      {
        name: 'all below zero, and minus infinity',
        real: { x: row(Float32Array.of(Number.NEGATIVE_INFINITY, -3e38, -1, -2)) },
        build: (t) => argmax(t.x!),
        forwardOnly: true,
      },
      {
        name: 'infinity',
        real: { x: row(Float32Array.of(3e38, Number.POSITIVE_INFINITY, 1)) },
        build: (t) => argmax(t.x!),
        forwardOnly: true,
      },
      {
        name: 'a NaN, whatever else there is',
        real: { x: row(Float32Array.of(Number.POSITIVE_INFINITY, -Number.NaN, 1)) },
        build: (t) => argmax(t.x!),
        forwardOnly: true,
      },
    ],
    tolerance: 0,
    because: 'a choice',
    refuses: [[(t) => argmax(t(4)), /^argmax: found x \(4\), expected \(\.\.\.,C\)\.$/]],
  },
  {
    ops: ['cache_write'],
    samples: [
      { name: 'a token', real: { k: [1, 1, 8], v: [1, 1, 8] }, build: written(5, [3]), forwardOnly: true },
      {
        name: 'rows of their own',
        real: { k: [3, 4, 33], v: [3, 4, 33] },
        build: written(9, [0, 5, 2]),
        forwardOnly: true,
      },
      {
        name: 'up to the end, the rest left out',
        real: { k: [2, 4, 5], v: [2, 4, 5] },
        build: written(6, [4, 1]),
        forwardOnly: true,
      },
      { name: 'packed', real: { qkv: [2, 3, 28] }, build: written(7, [1, 4], { packed: 8 }), forwardOnly: true },
    ],
    tolerance: 0,
    because: 'a copy',
    refuses: [
      [
        (t) => cacheWrite(t(2, 4, 8), t(2, 4, 8), t(2, 5, 8), t(2, 5, 8), t(2)),
        /^cache_write: found k \(2,5,8\) for keys \(2,4,8\), expected \(2,T,8\) with T up to 4\.$/,
      ],
      [
        (t) => cacheWrite(t(2, 4, 8), t(2, 4, 8), t(2, 1, 8), t(2, 1, 8), t(1)),
        /^cache_write: start has shape \(1\), expected \(2\)\.$/,
      ],
    ],
  },
  {
    ops: ['cache_reorder'],
    samples: [
      {
        name: 'rows change places',
        real: { x: [1] },
        build: reordered([3, 5, 7], [1, 0, 1], [0, 0, 0], [5, 4, 3]),
        forwardOnly: true,
      },
      {
        name: 'from the middle on',
        real: { x: [1] },
        build: reordered([4, 40, 33], [3, 3, 3, 3], [4, 4, 4, 4], [37, 9, 5, 37]),
        forwardOnly: true,
      },
    ],
    tolerance: 0,
    because: 'a copy',
    refuses: [
      [
        (t) => cacheReorder({ keys: t(2, 4, 8), values: t(2, 4, 8) }, { rows: t(2), begin: t(2), end: t(2) }),
        /^cache_reorder: rows holds f32, expected i32\.$/,
      ],
    ],
  },
  {
    ops: ['attention'],
    samples: [
      ...([1, 3, 6] as const).map((T) => ({
        name: `${T} packed queries over a cache`,
        real: { qkv: [2, T, 32], keys: [2, 70, 8], values: [2, 70, 8] },
        build: ({ qkv, keys, values }: Named) => {
          const cached = { keys: keys!, values: values! };
          return attentionPacked(qkv!, { heads: 4, kvHeads: 2, causal: true, qOffset: floats(66, 3), cached });
        },
        forwardOnly: true as const,
      })),
    ],
    tolerance: 2e-5,
    because: 'a softmax over the keys, in another order',
  },
];
