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

/**
 * The factor on the loss that a training in f16 starts with, and after how many steps in a row without overflow it doubles:
 * Micikevicius et al. 2018 (arXiv:1710.03740), section 3.2, with the numbers of PyTorch's GradScaler.
 */
export const FIRST_LOSS_SCALE = 2 ** 16;
export const LOSS_SCALE_GROWS_AFTER = 2000;
/**
 * It grows no further than this. The gradient of a mean over N tokens is N times smaller than that of one, so large batches want
 * more than the first scale; at this one the smallest half stands for a gradient of 4e-15, far below AdamW's eps, and the square of
 * a norm of a million still is an f32.
 */
export const MOST_LOSS_SCALE = 2 ** 24;

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
  /** (2): the sum of the losses and the number of targets, where the gradients are sums over them, all in any unit; see tally(). */
  totals?: Tensor | undefined;
  /** (1): the loss, where there are no totals. Without either no loss is scored. */
  loss?: Tensor | undefined;
  /**
   * (2), overwritten: the factor that the gradients were multiplied with, and steps in a row without overflow. Where the norm is
   * not finite though the loss is, they have overflowed: the step is skipped and the factor halved, and nothing else changes.
   * At a factor of 1 that is no overflow but a fault, as it is without this.
   */
  lossScale?: Tensor | undefined;
}

export const gateOp = defineOp<GateAttrs>({
  name: 'gate',
  outputs: ({ norm, control, totals, loss, lossScale }, { maxNorm }) => {
    if (maxNorm !== null && !(maxNorm > 0))
      throw new InputError(`gate: maxNorm is ${maxNorm}, expected a number above 0, or null not to clip.`);
    expectShape('gate', 'norm', norm!, [1]);
    expectShape('gate', 'control', control!, [CONTROL]);
    if (totals) expectShape('gate', 'totals', totals, [2]);
    if (loss) expectShape('gate', 'loss', loss, [1]);
    if (lossScale) expectShape('gate', 'lossScale', lossScale, [2]);
    return { gate: { shape: [4] }, seen: { shape: [lossScale ? 5 : 4] } };
  },
  writes: ['control', 'lossScale'],
  forms: [
    {
      name: 'plain',
      dispatches: ({
        inputs: { totals, loss, lossScale },
        attrs: { maxNorm, beta1, beta2, latch, skipSpikes = false },
      }) => [
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
            SCALED: Number(lossScale !== undefined),
            grows_after: LOSS_SCALE_GROWS_AFTER,
            most_scale: MOST_LOSS_SCALE,
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
 * than SCORE_AFTER have been seen), 1 if the step is skipped as a spike and 2 if its gradients have overflowed; with lossScale (5),
 * the last the factor as it was for this step.
 * The factor is min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_, divided by the targets where there are totals
 * and by the loss scale where there is one.
 * @throws InputError if maxNorm is not above 0
 */
export function gate(inputs: GateInputs, attrs: GateAttrs): { gate: Tensor; seen: Tensor } {
  const outputs = currentTape().push(gateOp, { ...inputs }, attrs);
  return { gate: outputs.gate!, seen: outputs.seen! };
}
