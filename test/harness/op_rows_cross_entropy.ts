// Samples of cross-entropy, whole and over a vocabulary in chunks.
import { crossEntropy, crossEntropyOf } from '../../src/ops/cross_entropy.ts';
import { scale } from '../../src/ops/scale.ts';
import { softmaxStats } from '../../src/ops/softmax_stats.ts';
import { around, i32, ids, type OpRow, wholes } from './op_row.ts';
import type { Sample } from './op_sample.ts';
import { lossInChunks, statsInChunks } from './vocabulary.ts';

/** A sample whose logits come in these chunks, as x0, x1, ... */
const chunks = (
  name: string,
  x: readonly Sample['real'][string][],
  y: NonNullable<Sample['whole']>[string],
  options: Parameters<typeof crossEntropy>[2] = {},
): Sample => ({
  name,
  real: Object.fromEntries(x.map((chunk, i) => [`x${i}`, chunk])),
  whole: { y },
  build: (t) => {
    const { loss, tokenLoss, kept } = lossInChunks(
      x.map((_, i) => t[`x${i}`]!),
      t.y!,
      options,
    );
    return { loss, tokenLoss, kept };
  },
});

export const crossEntropies: readonly OpRow[] = [
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
        name: 'each token alone',
        real: { x: [5, 17] },
        whole: { y: wholes([5], 3, -100, 4, 16, 0) },
        build: (t) => crossEntropy(t.x!, t.y!).tokenLoss,
      },
      {
        name: 'each token, their mean, and how many; smoothed',
        real: { x: [2, 70, 17] },
        whole: { y: ids([2, 70], 19) },
        build: (t) => {
          const { loss, tokenLoss, kept } = crossEntropy(t.x!, t.y!, { labelSmoothing: 0.3 });
          return { loss, tokenLoss, kept };
        },
      },
      {
        name: 'one row without an axis before it',
        real: { x: [7] },
        whole: { y: wholes([], 3) },
        build: (t) => crossEntropy(t.x!, t.y!).loss,
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
    half: { roundings: 2, because: 'logits that are read again have two gradients' },
    refuses: [
      [(t) => crossEntropy(t(2, 3), i32(3)), /^crossEntropy: targets has shape \(3\), expected \(2\)\.$/],
      [(t) => crossEntropy(t(2, 3), t(2)), /^crossEntropy: targets holds f32, expected i32\.$/],
      [
        (t) => crossEntropy(t(2, 3), i32(2), { labelSmoothing: 2 }),
        /^crossEntropy: labelSmoothing is 2, expected a number from 0 to 1\.$/,
      ],
      [
        (t) => crossEntropyOf(t(3, 4), i32(2), { vocabSize: 3 }),
        /^crossEntropy: stats has shape \(3,4\), expected \(2,4\)\.$/,
      ],
      [
        (t) => crossEntropyOf(t(2, 4), i32(2), { vocabSize: 0 }),
        /^crossEntropy: vocabSize is 0, expected a whole number of at least 1\.$/,
      ],
    ],
  },
  {
    ops: ['softmax_stats', 'softmax_stats_backward', 'softmax_stats_backward_before'],
    samples: [
      chunks('one chunk', [[5, 9]], wholes([5], 0, 3, -100, 8, 9)),
      chunks(
        'two chunks, a target in each',
        [
          [5, 4],
          [5, 5],
        ],
        wholes([5], 0, 3, 4, 8, -100),
      ),
      chunks(
        'three chunks, smoothed',
        [
          [7, 1],
          [7, 33],
          [7, 3],
        ],
        wholes([7], 0, 1, 33, 34, 36, 37, -1),
        {
          labelSmoothing: 0.2,
        },
      ),
      chunks(
        'three chunks of several axes, one ignored id',
        [
          [2, 3, 5],
          [2, 3, 5],
          [2, 3, 2],
        ],
        ids([2, 3], 12),
        {
          ignoreIndex: 7,
        },
      ),
      chunks(
        'wide chunks and a narrow one',
        [
          [3, 1500],
          [3, 33],
          [3, 1024],
        ],
        wholes([3], 1499, 1501, 2556),
        {
          labelSmoothing: 0.1,
        },
      ),
      chunks(
        'everything ignored',
        [
          [2, 4],
          [2, 5],
        ],
        wholes([2], -100, 9),
      ),
      {
        ...chunks(
          'logits of 1e4 whose largest grows',
          [around(1e4, [4, 17], 3), around(1e4 + 5, [4, 9], 3), around(1e4 + 5, [4, 12], 8)],
          wholes([4], 3, 20, 30, 37),
        ),
        notSmooth: true,
      },
      {
        ...chunks(
          'chunks so far apart that the first vanishes, and the last',
          [around(-1e4, [3, 5]), around(1e4, [3, 6]), around(0, [3, 7])],
          wholes([3], 1, 8, 15),
        ),
        notSmooth: true,
      },
      {
        name: 'the statistics themselves',
        real: { x0: [4, 9], x1: around(5, [4, 3]), x2: [4, 2000] },
        whole: { y: wholes([4], 0, 10, 2011, -1) },
        build: (t) => statsInChunks([t.x0!, t.x1!, t.x2!], t.y!),
        forwardOnly: true,
      },
    ],
    tolerance: 1e-5,
    because: 'exp and log of differences to the largest logit',
    half: {},
    refuses: [
      [
        (t) => softmaxStats(t(2, 3), i32(2), { first: 3 }),
        /^softmaxStats: first is 3 without stats of the classes before\. Pass both, or neither for the first chunk\.$/,
      ],
      [
        (t) => softmaxStats(t(2, 3), i32(2), { before: t(2, 4) }),
        /^softmaxStats: first is 0 with stats of the classes before\. Pass both, or neither for the first chunk\.$/,
      ],
      [
        (t) => softmaxStats(t(2, 3), i32(2), { first: 3, before: t(2) }),
        /^softmaxStats: before has shape \(2\), expected \(2,4\)\.$/,
      ],
    ],
  },
];
