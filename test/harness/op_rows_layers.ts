// Samples of the operations that layers are made of.
import { gelu, relu, silu } from '../../src/ops/activations.ts';
import { crossEntropy } from '../../src/ops/cross_entropy.ts';
import { embedding } from '../../src/ops/embedding.ts';
import { layernorm } from '../../src/ops/layernorm.ts';
import { matmul } from '../../src/ops/matmul.ts';
import { mul } from '../../src/ops/mul.ts';
import { scale } from '../../src/ops/scale.ts';
import { softmax } from '../../src/ops/softmax.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { around, i32, ids, listed, type OpRow, wholes } from './op_row.ts';
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
  },
  activation('gelu_tanh', (x) => gelu(x, 'tanh')),
  activation('gelu_erf', (x) => gelu(x, 'erf')),
  activation('silu', silu),
  activation('relu', relu),
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
    ],
    tolerance: 2e-6,
    because: 'a few gradients meet in a row',
    refuses: [
      [(t) => embedding(t(3), i32(2)), /^embedding: weight has shape \(3\), expected \(rows,columns\)\.$/],
      [(t) => embedding(t(3, 2), t(2)), /^embedding: ids holds f32, expected i32\.$/],
    ],
  },
  {
    ops: ['cross_entropy', 'cross_entropy_backward'],
    samples: [
      {
        name: '33 rows',
        real: { x: [33, 65] },
        whole: { y: ids([33], 65) },
        build: (t) => crossEntropy(t.x!, t.y!).loss,
      },
      {
        name: 'a wide vocabulary',
        real: { x: [3, 2, 1500] },
        whole: { y: ids([3, 2], 1500) },
        build: (t) => crossEntropy(t.x!, t.y!).loss,
      },
      {
        name: 'ignored and impossible targets',
        real: { x: [6, 9] },
        whole: { y: wholes([6], 0, -100, 8, -100, 9, -5) },
        build: (t) => crossEntropy(t.x!, t.y!).loss,
      },
      {
        name: 'everything ignored',
        real: { x: [2, 9] },
        whole: { y: wholes([2], -100, -100) },
        build: (t) => crossEntropy(t.x!, t.y!).loss,
      },
      {
        name: 'smoothed, another ignored id',
        real: { x: [5, 33] },
        whole: { y: wholes([5], 0, 1, 2, 0, 32) },
        build: (t) => crossEntropy(t.x!, t.y!, { ignoreIndex: 0, labelSmoothing: 0.1 }).loss,
      },
      {
        name: 'logits of 1e4',
        real: { x: around(1e4, [4, 17], 30) },
        whole: { y: ids([4], 17) },
        build: (t) => crossEntropy(t.x!, t.y!).loss,
        notSmooth: true,
      },
      {
        name: 'each token, and how many',
        real: { x: [5, 17] },
        whole: { y: wholes([5], 3, -100, 4, 16, 0) },
        build: (t) => {
          const { loss, tokenLoss, kept } = crossEntropy(t.x!, t.y!);
          return { loss, tokenLoss, kept };
        },
        forwardOnly: true,
      },
      {
        name: 'logits that are read again',
        real: { x: [4, 5] },
        whole: { y: ids([4], 5) },
        build: (t) => {
          const logits = scale(t.x!, 2);
          return { loss: crossEntropy(logits, t.y!).loss, logits };
        },
      },
    ],
    tolerance: 1e-5,
    because: 'exp and log of differences to the largest logit',
    refuses: [
      [(t) => crossEntropy(t(2, 3), i32(3)), /^crossEntropy: targets has shape \(3\), expected \(2\)\.$/],
      [(t) => crossEntropy(t(2, 3), t(2)), /^crossEntropy: targets holds f32, expected i32\.$/],
      [
        (t) => crossEntropy(t(2, 3), i32(2), { labelSmoothing: 2 }),
        /^crossEntropy: labelSmoothing is 2, expected a number from 0 to 1\.$/,
      ],
    ],
  },
];
