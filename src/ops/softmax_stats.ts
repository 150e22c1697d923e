// What cross-entropy needs to know of a row of logits, collected over the vocabulary chunk by chunk: no chunk has to stay for the
// next one.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import {
  currentTape,
  type Dispatch,
  defineOp,
  expectReal,
  expectShape,
  expectType,
  type Form,
  onGPU,
  type Values,
} from './op.ts';
import { rowsOf } from './rows.ts';

export interface SoftmaxStatsAttrs {
  /** Number of the first class of this chunk: so many classes have been seen before. */
  first: number;
}

/** From this many classes on a row is worth a workgroup also where barriers are slow. */
const WIDE = 1024;
/** Columns that a workgroup of softmax_stats_backward_wide covers. */
export const WIDE_BLOCK = 256;

const isWide = ({ inputs: { logits } }: { inputs: Values }) => rowsOf('softmaxStats', logits!).C >= WIDE;

/** A workgroup a row: on a GPU for every row, elsewhere for those that are worth it. */
function wideForms(dispatches: Form<SoftmaxStatsAttrs>['dispatches']): Form<SoftmaxStatsAttrs>[] {
  return [
    { name: 'workgroup_every_row', prefers: onGPU, dispatches },
    { name: 'workgroup_a_row', when: isWide, dispatches },
  ];
}

/** Fields of the kernels' Sizes. */
function sizesOf(logits: Tensor, { first }: SoftmaxStatsAttrs) {
  const { R: N, C: width } = rowsOf('softmaxStats', logits);
  return { N, width, first };
}

/** Over the logits of a chunk: dlogits = dstats.y * softmax + dstats.z at the target + dstats.w. */
export const softmaxStatsBackwardOp = defineOp<SoftmaxStatsAttrs>({
  name: 'softmax_stats_backward',
  outputs: ({ logits }) => ({ dlogits: { shape: logits!.shape, dtype: logits!.dtype } }),
  inPlace: { dlogits: 'logits' },
  forms: [
    ...wideForms(({ inputs: { logits }, attrs }) => {
      const sizes = sizesOf(logits!, attrs);
      const threads = [sizes.N * Math.ceil(sizes.width / WIDE_BLOCK) * WIDE_BLOCK] as const;
      return [{ kernel: 'softmax_stats_backward_wide', sizes, threads }];
    }),
    {
      name: 'row',
      dispatches: ({ inputs: { logits }, attrs }) => {
        const sizes = sizesOf(logits!, attrs);
        return [{ kernel: 'softmax_stats_backward', sizes, threads: [sizes.N] }];
      },
    },
  ],
  backward: 'not differentiable',
});

/** What the chunks before are to be told: dstats, with the part of the sum that is theirs. */
export const softmaxStatsBackwardBeforeOp = defineOp<null>({
  name: 'softmax_stats_backward_before',
  outputs: ({ dstats }) => ({ dbefore: { shape: dstats!.shape } }),
  inPlace: { dbefore: 'dstats' },
  forms: [
    {
      name: 'row',
      dispatches: ({ outputs: { dbefore } }) => {
        const N = dbefore!.shape[0]!;
        return [{ kernel: 'softmax_stats_backward_before', sizes: { N }, threads: [N] }];
      },
    },
  ],
  backward: 'not differentiable',
});

/** @throws InputError unless there is a class number for each row of logits, naming the function that was called */
export function expectTargets(op: string, logits: Tensor, targets: Tensor): void {
  expectReal(op, 'logits', logits);
  expectType(op, 'targets', targets, 'i32');
  expectShape(op, 'targets', targets, logits.shape.slice(0, -1));
}

export const softmaxStatsOp = defineOp<SoftmaxStatsAttrs>({
  name: 'softmax_stats',
  outputs: ({ logits, targets, before }, { first }) => {
    const { R: N } = rowsOf('softmaxStats', logits!);
    expectTargets('softmaxStats', logits!, targets!);
    if (before) {
      expectType('softmaxStats', 'before', before, 'f32');
      expectShape('softmaxStats', 'before', before, [N, 4]);
    }
    if (!(Number.isInteger(first) && first >= 0)) {
      throw new InputError(`softmaxStats: first is ${first}, expected the number of a class, 0 or more.`);
    }
    if (first > 0 !== Boolean(before)) {
      throw new InputError(
        `softmaxStats: first is ${first} ${before ? 'with' : 'without'} stats of the classes before. Pass both, or neither for the first chunk.`,
      );
    }
    return { stats: { shape: [N, 4] } };
  },
  forms: [
    ...wideForms(({ inputs: { logits }, attrs }) => forward('softmax_stats_wide', logits!, attrs)),
    {
      name: 'row',
      dispatches: ({ inputs: { logits }, attrs }) => forward('softmax_stats', logits!, attrs),
    },
  ],
  // The logits first: their gradient reads dstats, which then becomes dbefore where it stands.
  backward: ({ inputs: { logits, targets, before }, outputs: { stats }, attrs, grads: { stats: dstats } }) => ({
    logits: () => currentTape().push(softmaxStatsBackwardOp, { logits, targets, stats, dstats }, attrs).dlogits!,
    before: () => currentTape().push(softmaxStatsBackwardBeforeOp, { before, stats, dstats }, null).dbefore!,
  }),
});

/** One kernel, an invocation or a workgroup a row. */
function forward(kernel: string, logits: Tensor, attrs: SoftmaxStatsAttrs): Dispatch[] {
  const sizes = sizesOf(logits, attrs);
  return [{ kernel, sizes, threads: [sizes.N] }];
}

export interface SoftmaxStatsOptions {
  /** Number of the first class of this chunk, by default 0. */
  first?: number;
  /** Statistics of the classes 0..first-1, of the call before. */
  before?: Tensor | undefined;
}

/**
 * Statistics of rows of logits over the classes seen so far.     logits (...,Vc)  targets i32 (...)  ->  stats f32 (N,4)
 * The logits are those of the classes first..first+Vc-1; a call for each chunk, in order, and crossEntropyOf() of the last.
 * A row's m = the largest logit; log of the sum of exp(logit - m); the target's logit - m, 0 until its class is seen; sum of
 * logit - m. Each is rebased when m grows. m and the logarithm stay apart: added, they would lose digits where logits are large.
 * dlogits = ds1 * exp(logit - m - log sum) + ds2 at the target + ds3, for the gradient ds of stats.
 * m is a free shift: the gradient is right for results that do not depend on its choice (such as the loss, or m + log sum), so
 * ds0 is not read.
 * Source: Milakov and Gimelshein 2018 (arXiv:1805.02867), for sums that are rebased.
 * @throws InputError if targets are not i32 of shape (...), or one of `first` and `before` is given without the other
 */
export function softmaxStats(logits: Tensor, targets: Tensor, options: SoftmaxStatsOptions = {}): Tensor {
  const { first = 0, before } = options;
  return currentTape().push(softmaxStatsOp, { logits, targets, before }, { first }).stats!;
}
