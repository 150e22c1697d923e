// Samples of element-wise operations, sums and products.
import { add } from '../../src/ops/add.ts';
import { expand } from '../../src/ops/expand.ts';
import { matmul } from '../../src/ops/matmul.ts';
import { mul } from '../../src/ops/mul.ts';
import { constant } from '../../src/ops/op.ts';
import { reshape } from '../../src/ops/reshape.ts';
import { scale } from '../../src/ops/scale.ts';
import { mean, sum, sumTo } from '../../src/ops/sum.ts';
import { normal } from '../../src/tensor/random.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { around, type OpRow } from './op_row.ts';
import type { Sample } from './op_sample.ts';

const pair = (f: (a: Tensor, b: Tensor) => Tensor, a: Shape, b: Shape): Sample => ({
  name: `(${a}) with (${b})`,
  real: { a, b },
  build: (t) => f(t.a!, t.b!),
});
const broadcasts: readonly [Shape, Shape][] = [
  [[1], [1]],
  [[257], [257]],
  [
    [33, 257],
    [33, 257],
  ],
  [[3, 5, 33], [33]],
  [
    [7, 1],
    [1, 9],
  ],
  [[1], [4, 3]],
  [
    [2, 1, 3, 1],
    [4, 1, 6],
  ],
];
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

export const arithmetic: readonly OpRow[] = [
  {
    ops: ['add'],
    samples: broadcasts.map(([a, b]) => pair(add, a, b)),
    tolerance: 1e-6,
    because: 'one rounding an element; gradients of a repeated axis are short sums',
    refuses: [
      [(t) => add(t(2, 3), t(2, 4)), /^add: shapes \(2,3\) and \(2,4\) do not broadcast: axis 1 has 3 and 4\.$/],
      [
        (t) => add(t(2, 3, 2, 3, 2), t(1, 3, 1, 3, 1)),
        /^add: broadcasting to \(2,3,2,3,2\) needs more than four axes\. Reshape first\.$/,
      ],
    ],
  },
  {
    ops: ['mul'],
    samples: [
      ...broadcasts.map(([a, b]) => pair(mul, a, b)),
      { name: 'a square: both operands are one', real: { x: [33] }, build: (t) => mul(t.x!, t.x!) },
    ],
    tolerance: 1e-6,
    because: 'as add',
    refuses: [[(t) => mul(t(2, 3), t(3, 2)), /^mul: shapes \(2,3\) and \(3,2\) do not broadcast/]],
  },
  {
    ops: ['scale'],
    samples: [[1], [33], [257, 3]].map((x) => ({ name: `(${x})`, real: { x }, build: (t) => scale(t.x!, -0.3) })),
    tolerance: 1e-6,
    because: 'the factor is rounded to f32',
  },
  {
    ops: ['expand', 'reshape'],
    samples: [
      { name: 'new and repeated axes', real: { x: [33, 1] }, build: (t) => expand(t.x!, [2, 33, 5]) },
      { name: 'one number', real: { x: [1] }, build: (t) => expand(t.x!, [257]) },
      {
        name: 'seen under two shapes',
        real: { x: [6, 4] },
        build: (t) => add(reshape(mul(t.x!, t.x!), [3, 8]), reshape(t.x!, [3, 8])),
      },
    ],
    tolerance: 1e-6,
    because: 'copies; gradients are short sums',
    refuses: [
      [(t) => expand(t(3), [4]), /^expand: shapes \(3\) and \(4\) do not broadcast/],
      [(t) => expand(t(2, 3), [3]), /^expand: x \(2,3\) does not broadcast to \(3\)\.$/],
      [(t) => reshape(t(2, 3), [7]), /^reshape: x \(2,3\) has 6 elements, \(7\) has 7\.$/],
    ],
  },
  {
    ops: ['sum'],
    samples: [
      { name: 'everything, in two stages', real: { x: [33, 257] }, build: (t) => sum(t.x!) },
      { name: 'one element', real: { x: [1] }, build: (t) => sum(t.x!) },
      { name: 'rows', real: { x: [257, 5] }, build: (t) => sumTo(t.x!, [1, 5]) },
      { name: 'columns, in two stages', real: { x: [3, 1000, 2] }, build: (t) => sumTo(t.x!, [3, 1, 2]) },
      { name: 'axes that are not neighbours', real: { x: [3, 33, 4] }, build: (t) => sumTo(t.x!, [33, 1]) },
      { name: 'a mean of large numbers', real: { x: around(1000, [700]) }, build: (t) => mean(t.x!), notSmooth: true },
    ],
    tolerance: 1e-5,
    because: 'sums of up to 8,000 numbers in order',
    refuses: [[(t) => sumTo(t(2, 3), [2]), /^sum: \(2,3\) cannot be summed down to \(2\)\.$/]],
  },
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
      { name: 'large mean', real: { a: around(300, [9, 64]), b: [64, 9] }, build: (t) => matmul(t.a!, t.b!) },
    ],
    tolerance: 1e-5,
    because: 'sums of up to 257 products in order',
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
