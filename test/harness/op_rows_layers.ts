// Samples of the operations that layers are made of.
import { gelu, relu, silu } from '../../src/ops/activations.ts';
import { layernorm } from '../../src/ops/layernorm.ts';
import { mul } from '../../src/ops/mul.ts';
import { softmax } from '../../src/ops/softmax.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { around, listed, type OpRow } from './op_row.ts';
import type { Named, Sample } from './op_sample.ts';

const activation = (name: string, f: (x: Tensor) => Tensor): OpRow => ({
  ops: [name, `${name}_backward`],
  samples: [
    ...[[1], [33], [257], [3, 5, 1000]].map((shape) => ({
      name: `(${shape})`,
      real: { x: shape },
      build: (t: Named) => f(t.x!),
    })),
    { name: 'its input is used again', real: { x: [33] }, build: (t) => mul(f(t.x!), t.x!) },
    {
      name: 'far out',
      real: { x: listed(-1e4, -100, -20, -6, -1e-3, 0, 1e-3, 6, 20, 100, 1e4) },
      build: (t) => f(t.x!),
      notSmooth: true,
    },
  ],
  tolerance: 2e-6,
  because: 'exp and tanh of WGSL are good to a few units of the last place',
  half: { roundings: 2, because: 'a value that is used twice has two gradients' },
});

const norms = (x: Sample['real'][string], C: number, name: string): Sample => ({
  name,
  real: { x, weight: around(1, [C], 0.3), bias: [C] },
  build: (t) => layernorm(t.x!, t.weight!, t.bias!, { eps: 1e-5 }),
});

export const layers: readonly OpRow[] = [
  {
    ops: ['layernorm', 'layernorm_backward', 'layernorm_backward_params'],
    samples: [
      norms([4, 33], 33, '4 rows of 33'),
      norms([257, 5], 5, '257 rows of 5: two stages'),
      norms([257, 36], 36, '257 rows of whole vectors: two stages'),
      norms([2, 3, 257], 257, 'rows of 257'),
      norms([5, 1], 1, 'rows of one'),
      norms(around(300, [8, 64]), 64, 'mean 300'),
      {
        name: 'no bias',
        real: { x: [3, 33], weight: [33] },
        build: (t) => layernorm(t.x!, t.weight!, null, { eps: 1e-5 }),
      },
      ...[33, 36].map((C) => ({
        name: `rows of ${C}: gradient onto what is there`,
        real: { x: [3, C], weight: [C] },
        build: (t: Named) => mul(layernorm(t.x!, t.weight!, null, { eps: 1e-5 }), t.x!),
      })),
    ],
    tolerance: 3e-5,
    because: 'at mean 300 the difference to the mean keeps 16 bits; else 1e-6',
    half: {
      kept: ['weight', 'bias'],
      roundings: 2,
      because: 'the normalised values are multiplied and their gradient added to another',
    },
    refuses: [
      [(t) => layernorm(t(2, 3), t(2), null, { eps: 1e-5 }), /^layernorm: weight has shape \(2\), expected \(3\)\.$/],
      [
        (t) => layernorm(t(2, 3), t(3), t(1, 3), { eps: 1e-5 }),
        /^layernorm: bias has shape \(1,3\), expected \(3\)\.$/,
      ],
    ],
  },
  {
    ops: ['softmax', 'softmax_backward'],
    samples: [
      ...[
        [1, 1],
        [33, 5],
        [4, 257],
        [3, 3, 33],
      ].map((x) => ({ name: `(${x})`, real: { x }, build: (t: Named) => softmax(t.x!) })),
      { name: 'its input is used again', real: { x: [3, 5] }, build: (t) => mul(softmax(t.x!), t.x!) },
      { name: 'scores of 1e4', real: { x: around(1e4, [5, 33], 30) }, build: (t) => softmax(t.x!), notSmooth: true },
      { name: 'masked entries', real: { x: listed(1, -1e9, 2, -1e9) }, build: (t) => softmax(t.x!), notSmooth: true },
    ],
    tolerance: 1e-5,
    because: 'exp of differences, good to a few units of the last place',
    half: { roundings: 2, because: 'exponentials are stored before they are divided, and the gradient reads y' },
  },
  activation('gelu_tanh', (x) => gelu(x, 'tanh')),
  activation('gelu_erf', (x) => gelu(x, 'erf')),
  activation('silu', silu),
  activation('relu', relu),
];
