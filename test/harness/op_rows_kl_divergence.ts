// Samples of the divergence of a student from its teacher, whose logits are fixed numbers.
import { cast } from '../../src/ops/cast.ts';
import { type KlDivergenceOptions, klDivergence } from '../../src/ops/kl_divergence.ts';
import { constant } from '../../src/ops/op.ts';
import { scale } from '../../src/ops/scale.ts';
import { normal } from '../../src/tensor/random.ts';
import { type Shape, sizeOf } from '../../src/tensor/shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { around, i32, ids, type OpRow, wholes } from './op_row.ts';
import type { Named, Sample } from './op_sample.ts';

type Values = (shape: Shape) => Float32Array;
const ordinary: Values = (shape) => normal(sizeOf(shape), 1.5, 9, 0);

const teacherOf = (x: Tensor, values: Values) => {
  const { shape } = x;
  return cast(
    constant('teacher', shape, () => values(shape)),
    x.dtype as 'f32' | 'f16',
  );
};
const sample = (
  name: string,
  x: Sample['real'][string],
  y: NonNullable<Sample['whole']>[string],
  options: KlDivergenceOptions & { values?: Values } = {},
): Sample => {
  const { values = ordinary, ...rest } = options;
  return {
    name,
    real: { x },
    whole: { y },
    build: (t: Named): Named => {
      const { loss, tokenLoss, kept } = klDivergence(t.x!, teacherOf(t.x!, values), t.y!, rest);
      return { loss, tokenLoss, kept };
    },
  };
};

export const klDivergences: readonly OpRow[] = [
  {
    ops: ['kl_divergence', 'kl_divergence_backward'],
    samples: [
      sample('33 rows', [33, 65], ids([33], 65)),
      sample('five rows, one ignored, one of no class', [5, 17], wholes([5], 3, -100, 17, 16, 0), { temperature: 2 }),
      sample('a wide vocabulary of several axes', [3, 2, 1500], ids([3, 2], 1500), { temperature: 4 }),
      sample('257 classes, cool', [2, 257], ids([2], 257), { temperature: 0.5 }),
      sample('everything ignored', [2, 9], wholes([2], -100, -100)),
      sample('another ignored id', [4, 9], wholes([4], 0, 1, 2, 0), { ignoreIndex: 0 }),
      sample('one class', [3, 1], wholes([3], 0, 0, 0)),
      {
        name: 'one row without an axis before it',
        real: { x: [7] },
        whole: { y: wholes([], 3) },
        build: (t) => klDivergence(t.x!, teacherOf(t.x!, ordinary), t.y!, { temperature: 3 }).loss,
      },
      {
        ...sample('logits of 1e4', around(1e4, [4, 17], 30), ids([4], 17), {
          values: (shape) => around(1e4, shape, 20).values.reverse(),
        }),
        notSmooth: true,
      },
      {
        ...sample('of 1e4 on one side, of -1e4 on the other, warm', around(-1e4, [4, 70], 30), ids([4], 70), {
          temperature: 8,
          values: (shape) => around(1e4, shape, 20).values.reverse(),
        }),
        notSmooth: true,
      },
      {
        ...sample('classes that are ruled out by either', around(0, [3, 12], 1e4), ids([3], 12), {
          values: (shape) => around(0, shape, 1e4).values.reverse(),
        }),
        notSmooth: true,
      },
      {
        name: 'logits that are read again',
        real: { x: [4, 5] },
        whole: { y: ids([4], 5) },
        build: (t) => {
          const logits = scale(t.x!, 2);
          return { loss: klDivergence(logits, teacherOf(t.x!, ordinary), t.y!).loss, logits };
        },
      },
    ],
    tolerance: 1e-5,
    because: 'exp and log of differences to the largest logit',
    half: { roundings: 2, because: 'logits that are read again have two gradients' },
    refuses: [
      [(t) => klDivergence(t(2, 3), t(2, 4), i32(2)), /^klDivergence: teacher has shape \(2,4\), expected \(2,3\)\.$/],
      [(t) => klDivergence(t(2, 3), t(2, 3), i32(3)), /^klDivergence: targets has shape \(3\), expected \(2\)\.$/],
      [(t) => klDivergence(t(2, 3), t(2, 3), t(2)), /^klDivergence: targets holds f32, expected i32\.$/],
      [(t) => klDivergence(t(2, 3), i32(2, 3), i32(2)), /^klDivergence: teacher holds i32, expected f32\.$/],
      ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY].map(
        (temperature): [(t: (...shape: number[]) => Tensor) => unknown, RegExp] => [
          (t) => klDivergence(t(2, 3), t(2, 3), i32(2), { temperature }),
          /^klDivergence: temperature is (0|-1|NaN|Infinity), expected a number above 0, such as 2\.$/,
        ],
      ),
    ],
  },
];
