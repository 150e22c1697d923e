// Samples of products of matrices: every stored layout, sizes that are whole tiles and vectors and such that are not, and what is
// done in passing. Between them they reach every form.
import { add } from '../../src/ops/add.ts';
import { cast } from '../../src/ops/cast.ts';
import { matmul } from '../../src/ops/matmul.ts';
import { constant } from '../../src/ops/op.ts';
import { roundToHalf } from '../../src/tensor/halves.ts';
import { normal } from '../../src/tensor/random.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { around, type OpRow } from './op_row.ts';
import type { Sample } from './op_sample.ts';

const product = (
  name: string,
  a: Shape,
  b: Shape,
  options: { transposeA?: boolean; transposeB?: boolean } = {},
): Sample => ({
  name,
  real: { a, b },
  build: (t) => matmul(t.a!, t.b!, options),
});

/** Few rows of whole vectors, with all that is done in passing. */
const decoded = (M: number, N: number, transposeB: boolean): Sample => ({
  name: `${M} rows of whole vectors, ${transposeB ? 'b stored (N,K), ' : ''}onto what is there, with bias and what goes around`,
  real: { a: [M, 20], b: transposeB ? [N, 20] : [20, N], bias: [N], residual: [M, N], c: [M, N] },
  build: (t) => matmul(t.a!, t.b!, { transposeB, bias: t.bias!, residual: t.residual!, add: t.c! }),
});

export const products: readonly OpRow[] = [
  {
    ops: ['matmul', 'matmul_backward_weights'],
    samples: [
      product('1 x 1 x 1', [1, 1], [1, 1]),
      product('33 x 257 x 1', [33, 257], [257, 1]),
      product('1 x 33 x 257', [1, 33], [33, 257]),
      product('b stored (N,K)', [33, 17], [65, 17], { transposeB: true }),
      product('a stored (K,M)', [17, 33], [17, 65], { transposeA: true }),
      product('both stored the other way', [17, 33], [65, 17], { transposeA: true, transposeB: true }),
      product('rows of four, odd inside', [33, 17], [17, 36]),
      product('rows of four, b stored (N,K)', [65, 20], [132, 20], { transposeB: true }),
      product('rows of four, a stored (K,M)', [36, 68], [36, 4], { transposeA: true }),
      product('rows of four, both stored the other way, batch', [2, 20, 12], [2, 8, 20], {
        transposeA: true,
        transposeB: true,
      }),
      {
        name: 'rows of four, onto what is there, with bias',
        real: { a: [2, 5, 7], b: [7, 40], bias: [40], c: [2, 5, 40] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias!, add: t.c! }),
      },
      product('batch', [2, 3, 5, 7], [2, 3, 7, 9]),
      product('batch, a stored (K,M)', [3, 7, 5], [3, 9, 7], { transposeA: true, transposeB: true }),
      product('b shared by the batch', [3, 5, 33], [9, 33], { transposeB: true }),
      {
        name: 'bias',
        real: { a: [65, 33], b: [33, 40], bias: [40] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias! }),
      },
      {
        name: 'bias, odd rows, b shared by the batch',
        real: { a: [3, 25, 7], b: [7, 33], bias: [33] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias! }),
      },
      {
        name: 'bias, a stored (K,M)',
        real: { a: [17, 33], b: [17, 20], bias: [20] },
        build: (t) => matmul(t.a!, t.b!, { transposeA: true, bias: t.bias! }),
      },
      {
        name: 'bias, b stored (N,K)',
        real: { a: [33, 17], b: [20, 17], bias: [20] },
        build: (t) => matmul(t.a!, t.b!, { transposeB: true, bias: t.bias! }),
      },
      {
        name: 'bias beside a weight that is not trained, and the other way round',
        real: { a: [9, 4], b: [4, 8], bias: [8] },
        build: (t) => {
          const [b, bias] = [
            constant('b', [4, 8], () => normal(32, 1, 1, 0)),
            constant('bias', [8], () => normal(8, 1, 1, 1)),
          ];
          return add(matmul(t.a!, b, { bias: t.bias! }), matmul(t.a!, t.b!, { bias }));
        },
      },
      {
        name: 'weight and bias used twice: gradients add up',
        real: { a: [65, 20], b: [20, 20], bias: [20] },
        build: (t) => matmul(matmul(t.a!, t.b!, { bias: t.bias! }), t.b!, { bias: t.bias! }),
      },
      {
        name: 'bias in a batch of products',
        real: { a: [3, 5, 7], b: [3, 7, 9], bias: [9] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias! }),
      },
      {
        name: 'residual',
        real: { a: [2, 17, 7], b: [7, 33], x: [2, 17, 33] },
        build: (t) => matmul(t.a!, t.b!, { residual: t.x! }),
      },
      {
        name: 'rows of four, with bias and residual, onto what is there, batch',
        real: { a: [2, 3, 5, 7], b: [2, 3, 7, 36], bias: [36], x: [2, 3, 5, 36], c: [2, 3, 5, 36] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias!, residual: t.x!, add: t.c! }),
      },
      {
        name: 'a residual that is also the input',
        real: { x: [33, 20], b: [20, 20], bias: [20] },
        build: (t) => matmul(t.x!, t.b!, { bias: t.bias!, residual: t.x! }),
      },
      {
        name: 'onto what is there',
        real: { a: [5, 7], b: [7, 9], c: [5, 9] },
        build: (t) => matmul(t.a!, t.b!, { add: t.c! }),
      },
      {
        name: 'weights used twice: gradients add up',
        real: { a: [5, 33], b: [33, 33] },
        build: (t) => matmul(matmul(t.a!, t.b!), t.b!, { transposeB: true }),
      },
      product('a few rows, as decoding asks for', [2, 257], [257, 66]),
      product('a few rows, b stored (N,K)', [4, 70], [65, 70], { transposeB: true }),
      product('a few rows, a stored (K,M)', [33, 2], [33, 7], { transposeA: true }),
      product('a few rows, both stored the other way', [33, 3], [7, 33], { transposeA: true, transposeB: true }),
      ...[1, 2, 3, 4].flatMap((M) => [decoded(M, 200, false), decoded(M, 33, true)]),
      {
        name: 'a row each of a batch, with bias and residual, onto what is there',
        real: { a: [2, 1, 129], b: [129, 10], bias: [10], x: [2, 1, 10], c: [2, 1, 10] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias!, residual: t.x!, add: t.c! }),
      },
      {
        name: 'long sums, in parts, with all that is done in passing',
        real: { a: [2, 33, 300], b: [2, 300, 65], bias: [65], x: [2, 33, 65], c: [2, 33, 65] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias!, residual: t.x!, add: t.c! }),
      },
      {
        name: 'gradients of weight and bias over many rows',
        real: { a: [3, 111, 7], b: [7, 66], bias: [66] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias! }),
      },
      product('whole tiles, both stored the other way', [64, 128], [64, 64], { transposeA: true, transposeB: true }),
      {
        name: 'whole blocks, with bias and residual, batch',
        real: { a: [2, 48, 32], b: [2, 32, 80], bias: [80], x: [2, 48, 80] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias!, residual: t.x! }),
      },
      {
        name: 'whole blocks and their gradients',
        real: { a: [96, 32], b: [32, 80], bias: [80] },
        build: (t) => matmul(t.a!, t.b!, { bias: t.bias! }),
      },
      { name: 'large mean', real: { a: around(300, [9, 64]), b: [64, 9] }, build: (t) => matmul(t.a!, t.b!) },
    ],
    tolerance: 1e-5,
    because: 'sums of up to 333 products in order',
    refuses: [
      [
        (t) => matmul(t(4, 64, 768), t(512, 768)),
        /^matmul: inner sizes differ: a \(4,64,768\) gives 768, b \(512,768\) gives 512\. b is stored \(out,in\): did you mean transposeB\?$/,
      ],
      [(t) => matmul(t(4), t(4, 4)), /^matmul: a \(4\) and b \(4,4\) need two axes or more\.$/],
      [(t) => matmul(t(2, 3, 4), t(3, 4, 5)), /^matmul: the leading axes of a \(2,3,4\) and b \(3,4,5\) differ\.$/],
      [(t) => matmul(t(3, 4), t(4, 5), { bias: t(4) }), /^matmul: bias has shape \(4\), expected \(5\)\.$/],
      [(t) => matmul(t(3, 4), t(4, 5), { residual: t(5) }), /^matmul: residual has shape \(5\), expected \(3,5\)\.$/],
    ],
  },
];

/** a, b and residual stored as f16. Only for adapters that have it. */
const half = (
  name: string,
  a: Shape,
  b: Shape,
  options: { transposeA?: boolean; transposeB?: boolean } = {},
): Sample => ({
  name: `f16: ${name}`,
  real: { a, b },
  build: (t) => cast(matmul(cast(t.a!, 'f16'), cast(t.b!, 'f16'), options), 'f32'),
  notSmooth: true,
});

/** Normal deviates that f16 holds exactly. */
const halves = (shape: Shape) => ({ shape, values: normal(sizeOf(shape), 1, 3, 0).map(roundToHalf) });

export const halfProducts: OpRow = {
  ops: ['matmul', 'matmul_backward_weights'],
  samples: [
    half('odd sizes', [33, 257], [257, 65]),
    half('b stored (N,K)', [33, 17], [65, 17], { transposeB: true }),
    half('a stored (K,M)', [17, 33], [17, 65], { transposeA: true }),
    half('both stored the other way, batch', [2, 20, 12], [2, 8, 20], { transposeA: true, transposeB: true }),
    half('one row', [1, 66], [66, 34]),
    half('long sums, in parts', [20, 300], [300, 40]),
    half('whole blocks', [64, 32], [32, 80]),
    half('whole blocks, both stored the other way', [32, 48], [80, 32], { transposeA: true, transposeB: true }),
    {
      name: 'f16: bias, residual and their gradients; the result as f32',
      real: { a: [96, 32], b: [32, 80], bias: [80], x: [96, 80] },
      build: (t) => {
        const [a, b, residual] = [t.a!, t.b!, t.x!].map((each) => cast(each, 'f16'));
        const options = { bias: t.bias!, residual: residual! };
        return { y: matmul(a!, b!, { ...options, dtype: 'f32' }), z: cast(matmul(a!, b!, options), 'f32') };
      },
      notSmooth: true,
    },
    {
      // Of halves as they are, nothing is rounded but the sums: as near as in f32.
      name: 'f16: the result as f32, of values that are halves',
      real: { a: halves([96, 32]), b: halves([32, 80]), bias: [80], x: halves([96, 80]) },
      build: (t) => {
        const [a, b, residual] = [t.a!, t.b!, t.x!].map((each) => cast(each, 'f16'));
        return matmul(a!, b!, { bias: t.bias!, residual: residual!, dtype: 'f32' });
      },
      forwardOnly: true,
      tolerance: 1e-5,
    },
  ],
  tolerance: 1.5e-3,
  because: 'a rounding of the result to 11 bits, which may fall either way',
};
