// Whether an optimizer step is applied: decided on the device, where the norm and the loss are, so that steps can be queued ahead.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectShape } from './op.ts';

/** A loss this many deviations above those before it is a spike. */
export const SPIKE = 6;
/** Losses that are looked at before the first is scored. */
export const SCORE_AFTER = 30;
/** Weight of a new loss in the mean: short enough a memory to follow the fall at the beginning. */
export const MEAN_STEP = 0.1;
/** Weight of its squared distance in the variance, which remembers longer. */
export const VARIANCE_STEP = 0.02;
/** The deviation counts as at least this share of the mean: text is uneven, and a loss 30 % above the mean is none to speak of. */
export const LEAST_SHARE = 0.05;
/** And as at least this, in nats: a model that knows its text by heart has losses near 0. */
export const LEAST_DEVIATION = 0.01;

/** Numbers of an optimizer's control. */
export const CONTROL = 8;

export interface GateAttrs {
  /** Largest norm a step may have; null does not clip. */
  maxNorm: number | null;
  beta1: number;
  beta2: number;
  /** A norm or loss that is not finite stops this and all later steps until the host clears the latch; else only this one. */
  latch: boolean;
  /** A step whose loss is a spike is not applied. */
  skipSpikes?: boolean;
}

/** What gate() looks at besides the norm. */
export interface GateInputs {
  /** (1): norm of the gradients. */
  norm: Tensor;
  /**
   * (8), overwritten: steps applied, 1 - beta1^steps, 1 - beta2^steps, latch; mean, variance and number of the losses so far,
   * the last of them.
   */
  control: Tensor;
  /** (2): the sum of the losses and the number of targets, where the gradients are sums over them; see tally(). */
  totals?: Tensor | undefined;
  /** (1): the loss, where there are no totals. Without either no loss is scored. */
  loss?: Tensor | undefined;
}

export const gateOp = defineOp<GateAttrs>({
  name: 'gate',
  outputs: ({ norm, control, totals, loss }, { maxNorm }) => {
    if (maxNorm !== null && !(maxNorm > 0))
      throw new InputError(`gate: maxNorm is ${maxNorm}, expected a number above 0, or null not to clip.`);
    expectShape('gate', 'norm', norm!, [1]);
    expectShape('gate', 'control', control!, [CONTROL]);
    if (totals) expectShape('gate', 'totals', totals, [2]);
    if (loss) expectShape('gate', 'loss', loss, [1]);
    return { gate: { shape: [4] }, seen: { shape: [4] } };
  },
  writes: ['control'],
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { totals, loss }, attrs: { maxNorm, beta1, beta2, latch, skipSpikes = false } }) => [
        {
          kernel: 'gate',
          sizes: {
            max_norm: maxNorm ?? 0,
            beta1,
            beta2,
            one_minus_beta1: 1 - beta1,
            one_minus_beta2: 1 - beta2,
            LATCH: Number(latch),
            SUMMED: Number(totals !== undefined),
            SCORED: Number(totals !== undefined || loss !== undefined),
            SKIP: Number(skipSpikes),
            spike: SPIKE,
            score_after: SCORE_AFTER,
            mean_step: MEAN_STEP,
            variance_step: VARIANCE_STEP,
            least_share: LEAST_SHARE,
            least_deviation: LEAST_DEVIATION,
          },
          threads: [1],
        },
      ],
    },
  ],
  backward: 'not differentiable',
});

/**
 * gate (4): 1 if the step is applied, factor on the gradients, the two bias corrections of Adam.
 * seen (4): norm of the gradient of the mean loss before clipping, mean loss, deviations of the loss above its mean (0 while fewer
 * than SCORE_AFTER have been seen), 1 if the step is skipped as a spike.
 * The factor is min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_, divided by the targets where there are totals.
 * @throws InputError if maxNorm is not above 0
 */
export function gate(inputs: GateInputs, attrs: GateAttrs): { gate: Tensor; seen: Tensor } {
  const outputs = currentTape().push(gateOp, { ...inputs }, attrs);
  return { gate: outputs.gate!, seen: outputs.seen! };
}
