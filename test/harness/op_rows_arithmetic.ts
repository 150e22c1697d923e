// Samples of element-wise operations and sums.
import { add } from '../../src/ops/add.ts';
import { cast, castOp } from '../../src/ops/cast.ts';
import { expand } from '../../src/ops/expand.ts';
import { mul } from '../../src/ops/mul.ts';
import { currentTape } from '../../src/ops/op.ts';
import { reshape } from '../../src/ops/reshape.ts';
import { scale } from '../../src/ops/scale.ts';
import { mean, sum, sumTo } from '../../src/ops/sum.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { around, i32, listed, type OpRow } from './op_row.ts';
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

export const arithmetic: readonly OpRow[] = [
  {
    ops: ['cast'],
    // cast() itself does nothing here: this is its kernel as it stands. What f16 keeps is asked in half.test.ts.
    samples: [[1], [6], [3, 257]].map((shape) => ({
      name: `f32 to f32, (${shape})`,
      real: { x: shape },
      build: (t) => currentTape().push(castOp, { x: t.x! }, { dtype: 'f32' }).y!,
    })),
    tolerance: 0,
    because: 'nothing is computed',
    refuses: [[() => cast(i32(3), 'f32'), /^cast: x holds i32, to become f32; expected f32 or f16 for both\.$/]],
  },
  {
    ops: ['add'],
    samples: broadcasts.map(([a, b]) => pair(add, a, b)),
    tolerance: 1e-6,
    because: 'one rounding an element; gradients of a repeated axis are short sums',
    half: {},
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
    half: { roundings: 2, because: 'a square passes on two gradients' },
    refuses: [[(t) => mul(t(2, 3), t(3, 2)), /^mul: shapes \(2,3\) and \(3,2\) do not broadcast/]],
  },
  {
    ops: ['scale'],
    samples: [[1], [33], [257, 3]].map((x) => ({ name: `(${x})`, real: { x }, build: (t) => scale(t.x!, -0.3) })),
    tolerance: 1e-6,
    because: 'the factor is rounded to f32',
    half: {
      samples: [
        {
          name: 'beyond the range of f16: infinity, and what is too small becomes 0',
          real: { x: listed(1, -1, 0.25, 1e-7, 0) },
          build: (t) => {
            const x = cast(t.x!, 'f16');
            return { large: cast(scale(x, 1e5), 'f32'), small: cast(scale(x, 1e-9), 'f32') };
          },
        },
      ],
    },
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
    half: { roundings: 2, because: 'a square is added to' },
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
    half: {
      samples: [
        {
          name: 'of f16, beyond its range, as f32',
          real: { x: around(1000, [3, 700]) },
          build: (t) => sumTo(cast(t.x!, 'f16'), [3, 1], 'f32'),
        },
      ],
    },
    refuses: [[(t) => sumTo(t(2, 3), [2]), /^sum: \(2,3\) cannot be summed down to \(2\)\.$/]],
  },
];
