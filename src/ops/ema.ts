// An exponential moving average of parameters.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { CONTROL } from './gate.ts';
import { currentTape, defineOp, expectShape } from './op.ts';

export interface EmaAttrs {
  /** Share of the average that a step leaves standing, once it is warm. */
  decay: number;
}

export const emaOp = defineOp<EmaAttrs>({
  name: 'ema',
  outputs: ({ p, average, gate, control }, { decay }) => {
    if (!(decay > 0 && decay < 1)) throw new InputError(`ema: decay is ${decay}, expected above 0 and below 1.`);
    expectShape('ema', 'average', average!, p!.shape);
    expectShape('ema', 'gate', gate!, [4]);
    expectShape('ema', 'control', control!, [CONTROL]);
    return {};
  },
  writes: ['average'],
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { p }, attrs: { decay } }) => [
        { kernel: 'ema', sizes: { N: p!.size / 4, one_minus_decay: 1 - decay }, threads: [p!.size / 4] },
      ],
    },
  ],
  backward: 'not differentiable',
});

/** What ema() works on: slabs of one layout, and what gate() left. */
export interface EmaInputs {
  p: Tensor;
  average: Tensor;
  gate: Tensor;
  control: Tensor;
}

/**
 * average += (1 - d) (p - average) with d = min(decay, (1 + t) / (10 + t)) after t applied steps; nothing where the gate is shut.
 * Source: Polyak and Juditsky 1992; TensorFlow's ExponentialMovingAverage(num_updates) for the warm-up of the decay.
 * @throws InputError if decay is not between 0 and 1
 */
export function ema(inputs: EmaInputs, attrs: EmaAttrs): void {
  currentTape().push(emaOp, { ...inputs }, attrs);
}
