// Samples of what a vocabulary in pieces is made of: rows of a table by id, parts of a tensor, tensors side by side.

import { gelu } from '../../src/ops/activations.ts';
import { cast } from '../../src/ops/cast.ts';
import { concat } from '../../src/ops/concat.ts';
import { embedding } from '../../src/ops/embedding.ts';
import { matmul } from '../../src/ops/matmul.ts';
import { mul } from '../../src/ops/mul.ts';
import { part } from '../../src/ops/part.ts';
import { scale } from '../../src/ops/scale.ts';
import { i32, ids, type OpRow, wholes } from './op_row.ts';
import type { Named } from './op_sample.ts';
import { embeddingInPieces } from './vocabulary.ts';

export const vocabulary: readonly OpRow[] = [
  {
    ops: ['embedding', 'embedding_backward'],
    samples: [
      {
        name: 'ids that repeat',
        real: { w: [11, 33] },
        whole: { ids: ids([4, 9], 11) },
        build: (t) => embedding(t.w!, t.ids!),
      },
      {
        name: 'one row of one',
        real: { w: [1, 1] },
        whole: { ids: wholes([1], 0) },
        build: (t) => embedding(t.w!, t.ids!),
      },
      {
        name: 'ids that are no rows',
        real: { w: [5, 6] },
        whole: { ids: wholes([4], -1, 5, 2, 2) },
        build: (t) => embedding(t.w!, t.ids!),
      },
      {
        name: 'tied with the head: the gradient goes onto what is there',
        real: { w: [13, 8] },
        whole: { ids: ids([2, 7], 13) },
        build: (t) => matmul(embedding(t.w!, t.ids!), t.w!, { transposeB: true }),
      },
      {
        name: 'a table in three pieces',
        real: { w0: [5, 7], w1: [1, 7], w2: [7, 7] },
        whole: { ids: wholes([3, 4], 0, 4, 5, 6, 12, 13, -1, 5, 4, -2147483648, 2147483647, 6) },
        build: (t) => embeddingInPieces([t.w0!, t.w1!, t.w2!], t.ids!),
      },
      {
        name: 'onto a value that is read again',
        real: { w: [5, 4], x: [6, 4] },
        whole: { ids: ids([6], 9) },
        build: (t: Named) => {
          const add = scale(t.x!, 2);
          return mul(embedding(t.w!, t.ids!, { first: 3, add }), add);
        },
      },
    ],
    tolerance: 2e-6,
    because: 'a few gradients meet in a row',
    half: {
      roundings: 2,
      because: 'gradients that meet are rounded each',
      samples: [
        {
          name: 'rows of an f32 table as f16, in pieces',
          real: { w0: [5, 7], w1: [6, 7] },
          whole: { ids: ids([3, 4], 12) },
          build: (t) => {
            const add = embedding(t.w0!, t.ids!, { dtype: 'f16' });
            return cast(embedding(t.w1!, t.ids!, { dtype: 'f16', first: 5, add }), 'f32');
          },
        },
      ],
    },
    refuses: [
      [(t) => embedding(t(3), i32(2)), /^embedding: weight has shape \(3\), expected \(rows,columns\)\.$/],
      [(t) => embedding(t(3, 2), t(2)), /^embedding: ids holds f32, expected i32\.$/],
      [(t) => embedding(t(3, 2), i32(4), { add: t(4, 3) }), /^embedding: add has shape \(4,3\), expected \(4,2\)\.$/],
      [
        (t) => embedding(t(3, 2), i32(4), { first: -1 }),
        /^embedding: first is -1, expected the number of a row, 0 or more\.$/,
      ],
    ],
  },
  {
    ops: ['part', 'part_backward'],
    samples: [
      {
        name: 'one part',
        real: { x: [257] },
        build: (t) => gelu(part(t.x!, 128, [3, 11]), 'tanh'),
      },
      {
        name: 'parts that touch and overlap, and the whole',
        real: { x: [3, 128] },
        build: (t) => {
          const x = scale(t.x!, 2);
          return { a: gelu(part(x, 0, [131]), 'tanh'), b: scale(part(x, 128, [51, 5]), 3), c: mul(x, t.x!) };
        },
      },
    ],
    tolerance: 2e-6,
    because: 'a few gradients meet in an element',
    half: { roundings: 2, because: 'gradients that meet are rounded each' },
    refuses: [[(t) => part(t(5), 3, [3]), /^part: found x \(5\), expected 3 elements from 3 on\.$/]],
  },
  {
    ops: ['concat', 'concat_backward'],
    samples: [
      { name: 'two rows of columns', real: { a: [1, 5], b: [1, 1] }, build: (t) => concat([t.a!, t.b!]) },
      {
        name: 'odd widths, several axes',
        real: { a: [2, 3, 1], b: [2, 3, 33], c: [2, 3, 6] },
        build: (t) => concat([t.a!, t.b!, t.c!]),
      },
      { name: 'one axis', real: { a: [3], b: [4] }, build: (t) => concat([t.a!, t.b!]) },
      {
        name: 'a part twice, and read again',
        real: { a: [3, 4] },
        build: (t) => concat([t.a!, scale(t.a!, 2), t.a!]),
      },
      { name: 'a single part', real: { a: [3, 4] }, build: (t) => scale(concat([t.a!]), 2) },
    ],
    tolerance: 1e-6,
    because: 'copied; gradients of a part that stands there several times are short sums',
    half: { roundings: 2, because: 'gradients that meet are rounded each' },
    refuses: [
      [() => concat([]), /^concat: found no parts, expected at least one\. Pass the tensors\.$/],
      [
        (t) => concat([t(2, 3), t(3, 3)]),
        /^concat: x1 has shape \(3,3\), expected that of x0 \(2,3\) but for the last axis\.$/,
      ],
    ],
  },
];
