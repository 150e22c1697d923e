// Cross-entropy of class scores, with ignored targets and label smoothing.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectShape, expectType } from './op.ts';
import { rowsOf } from './rows.ts';

export interface CrossEntropyAttrs {
  /** Rows with this target count for nothing. */
  ignoreIndex: number;
  /** e in (1 - e) * nll + e * mean over all classes of -log p; from 0 to 1. */
  labelSmoothing: number;
}

/** From this many classes on a row is worth a workgroup. */
const WIDE = 1024;
/** Columns that a workgroup of cross_entropy_backward_wide covers. */
const WIDE_BLOCK = 256;

/** Fields of the kernels' Sizes. */
function sizesOf(logits: Tensor, { ignoreIndex, labelSmoothing }: CrossEntropyAttrs) {
  const { R: N, C: V } = rowsOf('crossEntropy', logits);
  return { N, V, ignore_index: ignoreIndex, smoothing: labelSmoothing };
}

export const crossEntropyBackwardOp = defineOp<CrossEntropyAttrs>({
  name: 'cross_entropy_backward',
  outputs: ({ logits }) => ({ dlogits: { shape: logits!.shape } }),
  inPlace: { dlogits: 'logits' },
  forms: [
    {
      name: 'workgroup_a_row',
      when: ({ inputs: { logits } }) => rowsOf('crossEntropy', logits!).C >= WIDE,
      dispatches: ({ inputs: { logits }, attrs }) => {
        const sizes = sizesOf(logits!, attrs);
        return [{ kernel: 'cross_entropy_backward_wide', sizes, threads: [sizes.N * Math.ceil(sizes.V / WIDE_BLOCK)] }];
      },
    },
    {
      name: 'row',
      dispatches: ({ inputs: { logits }, attrs }) => {
        const sizes = sizesOf(logits!, attrs);
        return [{ kernel: 'cross_entropy_backward', sizes, threads: [sizes.N] }];
      },
    },
  ],
  backward: 'not differentiable',
});

/** The kernel that makes tokenLoss and the two parts of each row's log-sum-exp, then the one that reduces. */
function forward(kernel: string, logits: Tensor, attrs: CrossEntropyAttrs) {
  const sizes = sizesOf(logits, attrs);
  const { smoothing: _, ...reduced } = sizes;
  return [
    { kernel, sizes, threads: [sizes.N] as const },
    { kernel: 'cross_entropy_mean', sizes: reduced, threads: [1] as const },
  ];
}

export const crossEntropyOp = defineOp<CrossEntropyAttrs>({
  name: 'cross_entropy',
  outputs: ({ logits, targets }, { ignoreIndex, labelSmoothing }) => {
    rowsOf('crossEntropy', logits!);
    const shape = logits!.shape.slice(0, -1);
    expectType('crossEntropy', 'logits', logits!, 'f32');
    expectType('crossEntropy', 'targets', targets!, 'i32');
    expectShape('crossEntropy', 'targets', targets!, shape);
    if (!Number.isInteger(ignoreIndex)) {
      throw new InputError(`crossEntropy: ignoreIndex is ${ignoreIndex}, expected a whole number.`);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new InputError(`crossEntropy: labelSmoothing is ${labelSmoothing}, expected a number from 0 to 1.`);
    }
    const one = { shape: [1] };
    return { loss: one, tokenLoss: { shape }, kept: one, rowMax: { shape }, logSum: { shape } };
  },
  forms: [
    {
      name: 'workgroup_a_row',
      when: ({ inputs: { logits } }) => rowsOf('crossEntropy', logits!).C >= WIDE,
      dispatches: ({ inputs: { logits }, attrs }) => forward('cross_entropy_wide', logits!, attrs),
    },
    {
      name: 'row',
      dispatches: ({ inputs: { logits }, attrs }) => forward('cross_entropy', logits!, attrs),
    },
  ],
  backward: ({ inputs: { logits, targets }, outputs: { rowMax, logSum, kept }, attrs, grads }) => {
    if (grads.tokenLoss) {
      throw new InputError('crossEntropy: tokenLoss has no derivative here, and the loss depends on it. Use loss.');
    }
    const inputs = { logits, targets, rowMax, logSum, kept, dloss: grads.loss };
    return grads.loss ? { logits: () => currentTape().push(crossEntropyBackwardOp, inputs, attrs).dlogits! } : {};
  },
});

/** ignoreIndex is -100 and labelSmoothing 0 where they are not given. */
export type CrossEntropyOptions = Partial<CrossEntropyAttrs>;

export interface CrossEntropy {
  /** (1): mean over the kept targets, 0 if there is none. The only one through which gradients flow. */
  loss: Tensor;
  /** The targets' shape: the loss of each, 0 where ignored. */
  tokenLoss: Tensor;
  /** (1): how many targets are kept. */
  kept: Tensor;
}

/**
 * Cross-entropy of softmax(logits) against class indices.     logits (...,V)  targets i32 (...)
 * tokenLoss = (1 - e) * -log p[target] + e * mean over all V classes of -log p, with e = labelSmoothing, as PyTorch has it;
 * dlogits = dloss / kept * (softmax - (1 - e) * onehot - e / V).
 * A target that is ignoreIndex, or no class at all, is ignored: loss and gradient 0.
 * Source: Szegedy et al. 2016 (arXiv:1512.00567), section 7, for label smoothing.
 * @throws InputError if targets are not i32 of shape (...), or labelSmoothing is not in [0, 1]
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): CrossEntropy {
  const { ignoreIndex = -100, labelSmoothing = 0 } = options;
  const outputs = currentTape().push(crossEntropyOp, { logits, targets }, { ignoreIndex, labelSmoothing });
  return { loss: outputs.loss!, tokenLoss: outputs.tokenLoss!, kept: outputs.kept! };
}
