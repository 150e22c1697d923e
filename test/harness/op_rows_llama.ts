// Samples of what Llama's layers have of their own.
import { constant } from '../../src/ops/op.ts';
import { rmsnorm } from '../../src/ops/rmsnorm.ts';
import { type RopeOptions, rope } from '../../src/ops/rope.ts';
import { swiglu } from '../../src/ops/swiglu.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import { around, type OpRow } from './op_row.ts';
import type { Sample } from './op_sample.ts';

const norm = (x: Sample['real'][string], eps = 1e-5, weightOffset?: number): Sample => {
  const shape: Shape = 'shape' in x ? x.shape : x;
  return {
    name: `(${shape})${weightOffset === undefined ? '' : `, ${weightOffset} + weight`}`,
    real: { x, weight: [shape.at(-1)!] },
    build: (t) => rmsnorm(t.x!, t.weight!, { eps, weightOffset }),
  };
};

/** Any table of angles, cosine and sine of each. */
const tableOf = (shape: Shape) => {
  const angles = Float32Array.from({ length: sizeOf(shape) }, (_, i) => 0.7 * i + 0.1);
  return {
    cosines: constant('cosines', shape, () => angles.map(Math.cos)),
    sines: constant('sines', shape, () => angles.map(Math.sin)),
  };
};
const turned = (name: string, x: Shape, table: Shape, options: RopeOptions = {}): Sample => ({
  name,
  real: { x },
  build: (t) => rope(t.x!, tableOf(table), options),
});

export const llamas: readonly OpRow[] = [
  {
    ops: ['rmsnorm', 'rmsnorm_backward', 'rmsnorm_backward_weight'],
    samples: [
      norm([1, 3]),
      norm([33, 257]),
      norm([3, 5, 64]),
      norm([300, 7], 1e-3),
      norm([300, 8]),
      norm([5, 33], 1e-6, 1),
      norm([300, 8], 1e-6, 1),
      { ...norm(around(100, [5, 36])), name: 'a large mean stays', notSmooth: true },
      {
        name: 'gradients onto what is there',
        real: { x: [9, 20], weight: [20] },
        build: (t) => rmsnorm(rmsnorm(t.x!, t.weight!, { eps: 1e-5 }), t.weight!, { eps: 1e-5 }),
      },
      {
        name: 'gradients onto what is there, 1 + weight',
        real: { x: [9, 21], weight: [21] },
        build: (t) => {
          const attrs = { eps: 1e-6, weightOffset: 1 };
          return rmsnorm(rmsnorm(t.x!, t.weight!, attrs), t.weight!, attrs);
        },
      },
    ],
    tolerance: 1e-5,
    because: 'sums over a row, and over the rows for the weight',
    half: { kept: ['weight'], roundings: 2, because: 'a norm of a norm, or a gradient that is added to another' },
    refuses: [
      [(t) => rmsnorm(t(2, 4), t(3), { eps: 1e-5 }), /^rmsnorm: weight has shape \(3\), expected \(4\)\.$/],
      [(t) => rmsnorm(t(), t(1), { eps: 1e-5 }), /^rmsnorm: .* has shape \(\), expected one axis or more\.$/],
    ],
  },
  {
    ops: ['rope'],
    samples: [
      turned('one pair', [1, 1, 2], [1, 1], { heads: 1 }),
      turned('heads of 6', [2, 5, 18], [5, 3], { heads: 3 }),
      turned('heads of 16', [2, 5, 48], [5, 8], { heads: 3 }),
      turned('heads first, a table as wide as a head', [2, 3, 5, 16], [5, 16]),
      turned('heads first, heads of 10', [2, 3, 7, 10], [7, 5]),
      turned('angles of each text', [2, 5, 3, 8], [2, 5, 4], { layout: 'bthd' }),
      turned('angles of each text, heads first', [2, 3, 5, 6], [2, 5, 3]),
      turned('more rows than a line of workgroups', [1, 70_000, 2], [70_000, 1], { heads: 1 }),
    ].map((sample, i) => (i === 7 ? { ...sample, notSmooth: true as const } : sample)),
    tolerance: 1e-6,
    because: 'two products and a sum an element',
    half: {},
    refuses: [
      [
        (t) => rope(t(1, 2, 6), tableOf([2, 1])),
        /^rope: x \(1,2,6\) does not say how many heads it has\. Pass heads\.$/,
      ],
      [
        (t) => rope(t(1, 2, 6), tableOf([2, 1]), { heads: 2 }),
        /^rope: found x \(1,2,6\), expected .* even head size D\.$/,
      ],
      [
        (t) => rope(t(1, 2, 8), tableOf([3, 2]), { heads: 2 }),
        /^rope: found cosines \(3,2\), expected \(2,2\), or \(1,2,2\) for angles of each text's own\.$/,
      ],
    ],
  },
  {
    ops: ['swiglu', 'swiglu_backward'],
    samples: [
      { name: 'one', real: { gate: [1], up: [1] }, build: (t) => swiglu(t.gate!, t.up!) },
      { name: 'odd', real: { gate: [33, 257], up: [33, 257] }, build: (t) => swiglu(t.gate!, t.up!) },
      {
        name: 'read again later',
        real: { gate: [7, 9], up: [7, 9] },
        build: (t) => swiglu(swiglu(t.gate!, t.up!), t.gate!),
      },
      {
        name: 'far out',
        real: { gate: { shape: [8], values: Float32Array.of(-1e4, -100, -88, -20, 20, 88, 100, 1e4) }, up: [8] },
        build: (t) => swiglu(t.gate!, t.up!),
        notSmooth: true,
      },
    ],
    tolerance: 1e-5,
    because: 'exp, and products of its result',
    half: { roundings: 2, because: 'a value that is used twice has two gradients' },
    refuses: [[(t) => swiglu(t(2, 3), t(3, 2)), /^swiglu: up has shape \(3,2\), expected \(2,3\)\.$/]],
  },
];
