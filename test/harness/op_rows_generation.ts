// Samples of what generation adds: the choice of a token, and the cache of keys and values.
import { argmax } from '../../src/ops/argmax.ts';
import { attentionPacked } from '../../src/ops/attention.ts';
import { cacheReorder } from '../../src/ops/cache_reorder.ts';
import { cacheWrite, cacheWritePacked } from '../../src/ops/cache_write.ts';
import { cast } from '../../src/ops/cast.ts';
import { assign } from '../../src/ops/copy.ts';
import { constant } from '../../src/ops/op.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { type DType, Tensor } from '../../src/tensor/tensor.ts';
import type { OpRow } from './op_row.ts';
import type { Named } from './op_sample.ts';

const numbers = (shape: Shape) => new Float32Array(sizeOf(shape)).map((_, i) => i % 101);
const numbered = (shape: Shape) => constant('numbers', shape, () => numbers(shape));
const state = (name: string, shape: Shape, dtype: DType) =>
  new Tensor({ kind: 'state', name, shape, dtype, init: () => numbers(shape) });
const floats = (...values: number[]) => constant('start', [values.length], () => Float32Array.from(values));
const wholes = (...values: number[]) => constant('rows', [values.length], () => Int32Array.from(values), 'i32');
const row = (values: Float32Array) => ({ shape: [1, values.length], values });

type Cache = { keys: Tensor; values: Tensor };

/** One cache for each type that it is asked for in. */
function cacheOf(shape: Shape) {
  const made = new Map<DType, Cache>();
  return (dtype: DType): Cache => {
    const cache = made.get(dtype) ?? { keys: state('keys', shape, dtype), values: state('values', shape, dtype) };
    made.set(dtype, cache);
    return cache;
  };
}

/** New tokens into a cache of B rows that is full of other numbers, and stored as they are. */
function written(B: number, capacity: number, width: number, starts: number[]) {
  const caches = cacheOf([B, capacity, width]);
  return ({ qkv, k, v }: Named) => {
    const cache = caches((qkv ?? k)!.dtype);
    if (qkv) cacheWritePacked(cache.keys, cache.values, qkv, floats(...starts));
    else cacheWrite(cache.keys, cache.values, k!, v!, floats(...starts));
    return { ...cache };
  };
}

function reordered(shape: Shape, rows: number[], begin: number[], end: number[]) {
  const caches = cacheOf(shape);
  return ({ x }: Named) => {
    const cache = caches(x!.dtype);
    // Each replay begins with the same numbers: what it leaves is not what it found.
    for (const part of Object.values(cache)) assign(part, cast(numbered(shape), part.dtype));
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
    half: {},
    refuses: [[(t) => argmax(t(4)), /^argmax: found x \(4\), expected \(\.\.\.,C\)\.$/]],
  },
  {
    ops: ['cache_write'],
    samples: [
      { name: 'a token', real: { k: [1, 1, 8], v: [1, 1, 8] }, build: written(1, 5, 8, [3]), forwardOnly: true },
      {
        name: 'rows of their own',
        real: { k: [3, 4, 33], v: [3, 4, 33] },
        build: written(3, 9, 33, [0, 5, 2]),
        forwardOnly: true,
      },
      {
        name: 'up to the end, the rest left out',
        real: { k: [2, 4, 5], v: [2, 4, 5] },
        build: written(2, 6, 5, [4, 1]),
        forwardOnly: true,
      },
      { name: 'packed', real: { qkv: [2, 3, 28] }, build: written(2, 7, 8, [1, 4]), forwardOnly: true },
    ],
    tolerance: 0,
    because: 'a copy',
    half: {},
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
        name: 'rows become another',
        real: { x: [1] },
        build: reordered([3, 5, 7], [1, 1, 1], [0, 0, 0], [5, 4, 3]),
        forwardOnly: true,
      },
      {
        name: 'from the middle on',
        real: { x: [1] },
        build: reordered([4, 40, 33], [3, 3, 3, 3], [4, 4, 4, 4], [37, 9, 5, 37]),
        forwardOnly: true,
      },
      {
        name: 'more rows than workgroups',
        real: { x: [1] },
        build: reordered(
          [150, 3, 5],
          Array.from({ length: 150 }, (_, b) => b - (b % 3)),
          Array.from({ length: 150 }, (_, b) => b % 2),
          Array.from({ length: 150 }, (_, b) => b % 4),
        ),
        forwardOnly: true,
      },
    ],
    tolerance: 0,
    because: 'a copy',
    half: {},
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
