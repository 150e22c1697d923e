// Samples of dropout: masks of odd sizes, steps at both ends of u32, and what is refused.
import { dropout } from '../../src/ops/dropout.ts';
import { constant } from '../../src/ops/op.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import { type OpRow, stepNumber } from './op_row.ts';
import type { Sample } from './op_sample.ts';

const dropped = (shape: Shape, p: number, step: number): Sample => ({
  name: `(${shape}), ${p} at step ${step}`,
  real: { x: shape },
  build: (t) => dropout(t.x!, stepNumber(step), { p, seed: 11, site: 3 }),
});
const options = { p: 0.5, seed: 1, site: 0 };

export const dropouts: readonly OpRow[] = [
  {
    ops: ['dropout'],
    samples: [dropped([1], 0.5, 0), dropped([33], 0.1, 1), dropped([3, 5, 1000], 0.9, 2 ** 32 - 1)],
    tolerance: 1e-6,
    because: 'the scale is rounded to f32; the mask is the same to the bit',
    half: {},
    refuses: [
      [
        (t) => dropout(t(3), stepNumber(1), { ...options, p: 1.5 }),
        /^dropout: found dropout 1\.5, expected a number from 0 to below 1: the share of values that is dropped\.$/,
      ],
      [
        (t) => dropout(t(3), stepNumber(1), { ...options, seed: -1 }),
        /^dropout: found seed -1 of dropout, expected a whole number from 0\.$/,
      ],
      [(t) => dropout(t(3), t(1), options), /^dropout: randomStep holds f32, expected u32\.$/],
      [
        (t) => {
          const two = constant('two', [2], () => new Uint32Array(2), 'u32');
          return dropout(t(3), two, options);
        },
        /^dropout: found randomStep \(2\), expected \(1\): the number of the step\.$/,
      ],
    ],
  },
];
