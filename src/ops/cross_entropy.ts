// Cross-entropy of class scores, with ignored targets and label smoothing, from what softmax_stats.ts has collected of each row.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectShape, expectType } from './op.ts';
import { rowsOf } from './rows.ts';
import { expectTargets, softmaxStats } from './softmax_stats.ts';

export interface CrossEntropyAttrs {
  /** Classes, in all chunks together. */
  vocabSize: number;
  /** Rows with this target count for nothing. */
  ignoreIndex: number;
  /** e in (1 - e) * nll + e * mean over all classes of -log p; from 0 to 1. */
  labelSmoothing: number;
}

/** Fields of the kernels' Sizes. */
function sizesOf(targets: Tensor, { vocabSize, ignoreIndex, labelSmoothing }: CrossEntropyAttrs) {
  return { N: targets.size, V: vocabSize, ignore_index: ignoreIndex, smoothing: labelSmoothing };
}

/** targets, kept, and the gradients of loss and tokenLoss, of which one may be missing  ->  dstats (N,4) */
export const crossEntropyBackwardOp = defineOp<CrossEntropyAttrs>({
  name: 'cross_entropy_backward',
  outputs: ({ targets }) => ({ dstats: { shape: [targets!.size, 4] } }),
  forms: [
    {
      name: 'row',
      dispatches: ({ inputs: { targets, dloss, dtokenLoss }, attrs }) => {
        const sizes = { ...sizesOf(targets!, attrs), HAS_LOSS: dloss ? 1 : 0, HAS_TOKEN_LOSS: dtokenLoss ? 1 : 0 };
        return [{ kernel: 'cross_entropy_backward', sizes, threads: [sizes.N] }];
      },
    },
  ],
  backward: 'not differentiable',
});

export const crossEntropyOp = defineOp<CrossEntropyAttrs>({
  name: 'cross_entropy',
  outputs: ({ stats, targets }, { vocabSize, ignoreIndex, labelSmoothing }) => {
    expectType('crossEntropy', 'targets', targets!, 'i32');
    expectType('crossEntropy', 'stats', stats!, 'f32');
    expectShape('crossEntropy', 'stats', stats!, [targets!.size, 4]);
    if (!(Number.isInteger(vocabSize) && vocabSize >= 1)) {
      throw new InputError(`crossEntropy: vocabSize is ${vocabSize}, expected a whole number of at least 1.`);
    }
    if (!Number.isInteger(ignoreIndex)) {
      throw new InputError(`crossEntropy: ignoreIndex is ${ignoreIndex}, expected a whole number.`);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new InputError(`crossEntropy: labelSmoothing is ${labelSmoothing}, expected a number from 0 to 1.`);
    }
    return { loss: { shape: [1] }, tokenLoss: { shape: targets!.shape }, kept: { shape: [1] } };
  },
  forms: [
    {
      name: 'one_workgroup',
      dispatches: ({ inputs: { targets }, attrs }) => [
        { kernel: 'cross_entropy', sizes: sizesOf(targets!, attrs), threads: [1] },
      ],
    },
  ],
  // How many are kept does not depend on the logits.
  backward: ({ inputs: { targets }, outputs: { kept }, attrs, grads: { loss: dloss, tokenLoss: dtokenLoss } }) =>
    dloss || dtokenLoss
      ? {
          stats: () => currentTape().push(crossEntropyBackwardOp, { targets, kept, dloss, dtokenLoss }, attrs).dstats!,
        }
      : {},
});

/** ignoreIndex is -100 and labelSmoothing 0 where they are not given. */
export type CrossEntropyOptions = Partial<Omit<CrossEntropyAttrs, 'vocabSize'>>;

export interface CrossEntropy {
  /** (1): mean over the kept targets, 0 if there is none. */
  loss: Tensor;
  /** The targets' shape: the loss of each, 0 where ignored. Gradients flow through it as through `loss`. */
  tokenLoss: Tensor;
  /** (1): how many targets are kept. */
  kept: Tensor;
}

/**
 * Cross-entropy of softmax(logits) against class indices.     logits (...,V)  targets i32 (...)
 * tokenLoss = (1 - e) * -log p[target] + e * mean over all V classes of -log p, with e = labelSmoothing, as PyTorch has it;
 * dlogits = (dloss / kept + dtokenLoss) * (softmax - (1 - e) * onehot - e / V).
 * A target that is ignoreIndex, or no class at all, is ignored: loss and gradient 0.
 * Source: Szegedy et al. 2016 (arXiv:1512.00567), section 7, for label smoothing.
 * @throws InputError if targets are not i32 of shape (...), or labelSmoothing is not in [0, 1]
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): CrossEntropy {
  const { C: vocabSize } = rowsOf('crossEntropy', logits);
  expectTargets('crossEntropy', logits, targets);
  return crossEntropyOf(softmaxStats(logits, targets), targets, { ...options, vocabSize });
}

/**
 * The same from the statistics of a row over all chunks of its logits.     stats (N,4), of softmaxStats()  targets i32 (...)
 * `vocabSize` is the number of classes of all chunks together. dstats = (dloss / kept + dtokenLoss) * (0, 1, e - 1, -e / V).
 * @throws InputError if stats and targets do not fit, or an option is out of its range
 */
export function crossEntropyOf(
  stats: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions & { vocabSize: number },
): CrossEntropy {
  const { vocabSize, ignoreIndex = -100, labelSmoothing = 0 } = options;
  const outputs = currentTape().push(crossEntropyOp, { stats, targets }, { vocabSize, ignoreIndex, labelSmoothing });
  return { loss: outputs.loss!, tokenLoss: outputs.tokenLoss!, kept: outputs.kept! };
}
