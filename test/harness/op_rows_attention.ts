// Samples of attention: packed and separate, every layout, shared heads, masks, offsets, and sizes that fill no tile.
import { type AttentionDropout, type AttentionOptions, attention, attentionPacked } from '../../src/ops/attention.ts';
import { constant } from '../../src/ops/op.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { i32, type OpRow, stepNumber, wholes } from './op_row.ts';
import type { Named, Sample } from './op_sample.ts';

const separate = (name: string, q: Shape, kv: Shape, options: AttentionOptions = {}): Sample => ({
  name,
  real: { q, k: kv, v: kv },
  build: (t) => attention(t.q!, t.k!, t.v!, options),
});
const packed = (name: string, qkv: Shape, options: Parameters<typeof attentionPacked>[1]): Sample => ({
  name,
  real: { qkv },
  build: (t) => attentionPacked(t.qkv!, options),
});
const masked = (name: string, mask: readonly number[], options: AttentionOptions): Sample => ({
  name,
  real: { q: [2, 3, 5, 4], k: [2, 3, 5, 4], v: [2, 3, 5, 4] },
  whole: { keep: wholes([2, 5], ...mask) },
  build: (t) => attention(t.q!, t.k!, t.v!, { ...options, keyMask: t.keep! }),
});
/** Rows of examples of these lengths, one behind the other, and what is left of T columns padded: each its own example. */
const startsOf = (T: number, ...rows: readonly (readonly number[])[]) => {
  const values = rows.flatMap((lengths) => {
    const begins = lengths.map((_, n) => lengths.slice(0, n).reduce((sum, length) => sum + length, 0));
    const own = begins.flatMap((begin, n) => Array.from({ length: lengths[n]! }, () => begin));
    return Array.from({ length: T }, (_, t) => own[t] ?? t);
  });
  return wholes([rows.length, T], ...values);
};
type Lengths = readonly (readonly number[])[];
const examples = (name: string, lengths: Lengths, q: Shape, kv: Shape, options: AttentionOptions = {}): Sample => ({
  name: `packed rows: ${name}`,
  real: { q, k: kv, v: kv },
  whole: { starts: startsOf(q[options.layout === 'bthd' ? 1 : 2]!, ...lengths) },
  build: (t) => attention(t.q!, t.k!, t.v!, { ...options, causal: true, starts: t.starts! }),
});
const examplesPacked = (
  name: string,
  lengths: Lengths,
  qkv: Shape,
  options: Parameters<typeof attentionPacked>[1],
): Sample => ({
  name: `packed rows: ${name}`,
  real: { qkv },
  whole: { starts: startsOf(qkv[1]!, ...lengths) },
  build: (t) => attentionPacked(t.qkv!, { ...options, causal: true, starts: t.starts! }),
});
/** The same with dropout, p = 0.3. */
const thinned = (sample: Sample, build: (t: Named, dropout: AttentionDropout) => Tensor): Sample => ({
  ...sample,
  name: `dropout: ${sample.name}`,
  build: (t) => build(t, { p: 0.3, seed: 5, site: 2, step: stepNumber(7) }),
});
const thinnedPacked = (name: string, qkv: Shape, options: Parameters<typeof attentionPacked>[1]): Sample =>
  thinned(packed(name, qkv, options), (t, dropout) => attentionPacked(t.qkv!, { ...options, dropout }));
const thinnedSeparate = (name: string, q: Shape, kv: Shape, options: AttentionOptions = {}): Sample =>
  thinned(separate(name, q, kv, options), (t, dropout) => attention(t.q!, t.k!, t.v!, { ...options, dropout }));

export const attentions: readonly OpRow[] = [
  {
    ops: ['attention', 'attention_backward', 'part'],
    samples: [
      packed('as GPT-2 has it', [2, 9, 24], { heads: 2, causal: true }),
      packed('packed, heads of 5', [2, 7, 30], { heads: 2, causal: true }),
      packed('packed, kv heads shared by two, heads of 3', [1, 7, 24], { heads: 4, kvHeads: 2, causal: true }),
      separate('one query, one key, one number', [1, 1, 1, 1], [1, 1, 1, 1]),
      separate('33 positions', [1, 2, 33, 8], [1, 2, 33, 8], { causal: true }),
      separate('257 keys', [1, 1, 3, 4], [1, 1, 257, 4]),
      separate('130 queries', [1, 1, 130, 4], [1, 1, 130, 4], { causal: true }),
      separate('cross-attention in three axes', [2, 3, 12], [2, 6, 12], { heads: 3 }),
      separate('four axes, tokens first, one kv head', [1, 5, 4, 8], [1, 6, 1, 8], { layout: 'bthd', kvHeads: 1 }),
      separate('from the middle of a cache', [2, 2, 3, 4], [2, 2, 9, 4], { causal: true, qOffset: 6 }),
      separate('queries before the first key see nothing', [1, 1, 5, 4], [1, 1, 5, 4], { causal: true, qOffset: -2 }),
      {
        name: 'an offset a row, sent with the batch',
        real: { q: [2, 2, 3, 4], k: [2, 2, 9, 4], v: [2, 2, 9, 4] },
        build: (t) => {
          const qOffset = constant('offset', [2], () => Float32Array.of(6, 2));
          return attention(t.q!, t.k!, t.v!, { causal: true, qOffset });
        },
      },
      separate('a window of one key, heads of one number', [1, 2, 7, 1], [1, 2, 7, 1], { causal: true, window: 1 }),
      separate('a window of 2', [1, 2, 7, 4], [1, 2, 7, 4], { causal: true, window: 2 }),
      separate('a window of 5 among 33', [1, 2, 33, 8], [1, 2, 33, 8], { causal: true, window: 5 }),
      separate('a window over all', [1, 2, 9, 4], [1, 2, 9, 4], { causal: true, window: 9 }),
      separate('a window of 3, a key head for two, heads of 3', [2, 4, 11, 3], [2, 2, 11, 3], {
        causal: true,
        window: 3,
      }),
      packed('packed, a window of 4', [2, 13, 24], { heads: 2, causal: true, window: 4 }),
      separate('from the middle of a cache, a window of 3', [2, 4, 3, 4], [2, 2, 9, 4], {
        causal: true,
        qOffset: 6,
        window: 3,
      }),
      separate('windows that begin behind the keys', [1, 1, 5, 4], [1, 1, 8, 4], {
        causal: true,
        qOffset: 9,
        window: 4,
      }),
      separate('a window, queries before the first key', [1, 1, 9, 4], [1, 1, 9, 4], {
        causal: true,
        qOffset: -3,
        window: 2,
      }),
      {
        name: 'an offset a row, sent with the batch, and a window of 6',
        real: { q: [2, 4, 5, 4], k: [2, 2, 21, 4], v: [2, 2, 21, 4] },
        build: (t) => {
          const qOffset = constant('offset', [2], () => Float32Array.of(16, 3));
          return attention(t.q!, t.k!, t.v!, { causal: true, qOffset, window: 6 });
        },
      },
      masked('padded on the left, a window of 2', [0, 0, 1, 1, 1, 1, 1, 0, 1, 1], { causal: true, window: 2 }),
      masked('padded on the right', [1, 1, 1, 0, 0, 1, 1, 1, 1, 1], { causal: true }),
      masked('padded on the left: the first queries see nothing', [0, 0, 1, 1, 1, 1, 1, 1, 1, 1], { causal: true }),
      masked('a row without any key', [0, 0, 0, 0, 0, 1, 0, 1, 0, 1], {}),
      ...[16, 32, 64, 80, 128].map((D) =>
        separate(`heads of ${D}, a key head for two`, [1, 4, 6, D], [1, 2, 6, D], { causal: true }),
      ),
      thinnedPacked('as GPT-2 has it', [2, 9, 24], { heads: 2, causal: true }),
      thinnedPacked('packed, kv heads shared by two, heads of 3', [1, 7, 24], { heads: 4, kvHeads: 2, causal: true }),
      thinnedSeparate('130 queries, 33 keys, kv heads shared by two', [1, 4, 130, 4], [1, 2, 33, 4]),
      thinnedSeparate('cross-attention in three axes', [2, 3, 12], [2, 6, 12], { heads: 3 }),
      thinnedSeparate('a window of 5 among 33', [1, 2, 33, 8], [1, 2, 33, 8], { causal: true, window: 5 }),
      thinnedSeparate('from the middle of a cache', [2, 2, 3, 4], [2, 2, 9, 4], { causal: true, qOffset: 6 }),
      thinned(masked('a row without any key', [0, 0, 0, 0, 0, 1, 0, 1, 0, 1], {}), (t, dropout) =>
        attention(t.q!, t.k!, t.v!, { keyMask: t.keep!, dropout }),
      ),
      examplesPacked('as GPT-2 has it', [[4, 5], [9]], [2, 9, 24], { heads: 2 }),
      examplesPacked(
        'three and padding, heads of 5',
        [
          [1, 3, 2],
          [2, 2, 2],
        ],
        [2, 7, 30],
        { heads: 2 },
      ),
      examples('four queries', [[1, 3]], [1, 2, 4, 8], [1, 2, 4, 8]),
      examples('one column', [[1]], [1, 1, 1, 4], [1, 1, 1, 4]),
      examples('130 columns, a key head for two', [[31, 1, 64, 34]], [1, 4, 130, 4], [1, 2, 130, 4]),
      examples('heads of 3, a key head for four', [[6, 5], [3]], [2, 4, 11, 3], [2, 1, 11, 3]),
      examples('tokens first', [[2, 3, 4]], [1, 9, 2, 8], [1, 9, 2, 8], { layout: 'bthd' }),
      examples('a window of 5 among 33', [[3, 17, 11]], [1, 2, 33, 8], [1, 2, 33, 8], { window: 5 }),
      examples('a window wider than any', [[4, 4, 3]], [1, 2, 11, 4], [1, 1, 11, 4], { window: 7 }),
      {
        ...examples(
          'and hidden keys',
          [
            [2, 3],
            [4, 1],
          ],
          [2, 3, 5, 4],
          [2, 3, 5, 4],
        ),
        whole: { starts: startsOf(5, [2, 3], [4, 1]), keep: wholes([2, 5], 0, 1, 1, 0, 1, 1, 1, 0, 1, 1) },
        build: (t) => attention(t.q!, t.k!, t.v!, { causal: true, starts: t.starts!, keyMask: t.keep! }),
      },
      thinned(examplesPacked('as GPT-2 has it', [[4, 5], [9]], [2, 9, 24], { heads: 2 }), (t, dropout) =>
        attentionPacked(t.qkv!, { heads: 2, causal: true, starts: t.starts!, dropout }),
      ),
      thinned(examples('a window of 3, heads of 3', [[6, 5], [3]], [2, 4, 11, 3], [2, 2, 11, 3]), (t, dropout) =>
        attention(t.q!, t.k!, t.v!, { causal: true, window: 3, starts: t.starts!, dropout }),
      ),
      { ...separate('sharp scores', [1, 2, 9, 4], [1, 2, 9, 4], { scale: 30 }), notSmooth: true, tolerance: 1e-4 },
    ],
    tolerance: 1e-5,
    because:
      'exp of differences and sums over up to 257 keys; scores of a hundred keep only four digits behind the point',
    half: {
      roundings: 2,
      because: 'y, and p and ds between the kernels, are rounded before products are made of them',
    },
    nanReaches: ['dqkv'],
    refuses: [
      [
        (t) => attention(t(1, 2, 12), t(1, 2, 12), t(1, 2, 12)),
        /^attention: q \(1,2,12\) does not say how many heads it has\. Pass heads\.$/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 13), { heads: 2 }),
        /^attention: found qkv \(1,2,13\), expected \(B,T,\(H\+2\*KV\)\*D\) with H = 2 heads and KV = 2 kv heads\.$/,
      ],
      [
        (t) => attention(t(1, 3, 2, 4), t(1, 2, 2, 4), t(1, 2, 2, 4)),
        /^attention: found heads 3 and kvHeads 2, expected whole numbers of which heads is a multiple\.$/,
      ],
      [
        (t) => attention(t(1, 2, 3, 4), t(1, 2, 5, 4), t(1, 2, 6, 4)),
        /expected one batch size, one head size, and as many keys as values\.$/,
      ],
      [
        (t) => attention(t(1, 2, 3, 4), t(1, 2, 5, 4), t(1, 2, 5, 4), { keyMask: i32(1, 4) }),
        /^attention: found keyMask \(1,4\), expected \(1,5\)/,
      ],
      [
        (t) => attention(t(2, 2, 3, 4), t(2, 2, 5, 4), t(2, 2, 5, 4), { qOffset: t(3) }),
        /^attention: found qOffset \(3\), expected \(1\), or \(2\) for one a batch row\.$/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, causal: true, window: 0 }),
        /^attention: found window 0, expected a whole number of keys, 1 to 1073741824\.$/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, causal: true, window: 2.5 }),
        /^attention: found window 2\.5, expected a whole number of keys, 1 to 1073741824\.$/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, window: 3 }),
        /^attention: found window 3 without causal: a window ends at the query's own key\. Pass causal\.$/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, causal: true, starts: i32(1, 3) }),
        /^attention: found starts \(1,3\), expected \(1,2\): of each query the column at which its example begins\.$/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, causal: true, starts: t(1, 2) }),
        /^attention: starts holds f32, expected i32\.$/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, starts: i32(1, 2) }),
        /^attention: found starts without causal: a query sees its example up to itself\. Pass causal\.$/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, causal: true, qOffset: 1, starts: i32(1, 2) }),
        /^attention: found starts with 2 queries, 2 keys and qOffset 1, expected as many keys as queries and no offset/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, causal: true, qOffset: t(1), starts: i32(1, 2) }),
        /^attention: found starts with 2 queries, 2 keys and a qOffset, expected as many keys as queries/,
      ],
      [
        (t) => attention(t(1, 2, 3, 4), t(1, 2, 5, 4), t(1, 2, 5, 4), { causal: true, starts: i32(1, 3) }),
        /^attention: found starts with 3 queries, 5 keys and qOffset 0, expected as many keys as queries/,
      ],
      [
        (t) => attentionPacked(t(1, 2, 12), { heads: 2, dropout: { p: 1, seed: 1, site: 0, step: stepNumber(1) } }),
        /^attention: found dropout 1, expected a number from 0 to below 1: the share of values that is dropped\.$/,
      ],
    ],
  },
];
