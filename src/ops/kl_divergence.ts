// The Kullback-Leibler divergence of a student's distribution from its teacher's: what distillation makes small.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type CrossEntropy, type CrossEntropyOptions, crossEntropyOf } from './cross_entropy.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType, type Site } from './op.ts';
import { rowsOf, workgroupForm } from './rows.ts';
import { expectTargets } from './softmax_stats.ts';

export interface KlDivergenceAttrs {
  /** What logits are divided by. */
  temperature: number;
}

/** Fields of the kernels' Sizes. */
function sizesOf({ inputs: { logits }, attrs: { temperature } }: Site<KlDivergenceAttrs>) {
  return { ...rowsOf('klDivergence', logits!), inverse: 1 / temperature };
}

/** Over the logits: dlogits = dstats.y * (softmax(logits / t) - softmax(teacher / t)) / t. */
export const klDivergenceBackwardOp = defineOp<KlDivergenceAttrs>({
  name: 'kl_divergence_backward',
  outputs: ({ logits }) => ({ dlogits: { shape: logits!.shape, dtype: logits!.dtype } }),
  inPlace: { dlogits: 'logits' },
  forms: [
    {
      name: 'element',
      dispatches: (site) => {
        const sizes = sizesOf(site);
        return [{ kernel: 'kl_divergence_backward', sizes, threads: [sizes.R * sizes.C] }];
      },
    },
  ],
  backward: 'not differentiable',
});

export const klDivergenceOp = defineOp<KlDivergenceAttrs>({
  name: 'kl_divergence',
  outputs: ({ logits, teacher }, { temperature }) => {
    expectReal('klDivergence', 'logits', logits!);
    expectType('klDivergence', 'teacher', teacher!, logits!.dtype);
    expectShape('klDivergence', 'teacher', teacher!, logits!.shape);
    if (!(temperature > 0 && Number.isFinite(temperature)))
      throw new InputError(`klDivergence: temperature is ${temperature}, expected a number above 0, such as 2.`);
    const { R } = rowsOf('klDivergence', logits!);
    return { stats: { shape: [R, 4] }, sums: { shape: [R, 4] } };
  },
  forms: [
    workgroupForm('kl_divergence_workgroup', sizesOf),
    {
      name: 'row',
      dispatches: (site) => {
        const sizes = sizesOf(site);
        return [{ kernel: 'kl_divergence', sizes, threads: [sizes.R] }];
      },
    },
  ],
  // The teacher has no gradient: it is not to come to meet its student.
  backward: ({ inputs: { logits, teacher }, outputs: { sums }, attrs, grads: { stats: dstats } }) =>
    dstats
      ? {
          logits: () => currentTape().push(klDivergenceBackwardOp, { logits, teacher, sums, dstats }, attrs).dlogits!,
        }
      : {},
});

/** temperature is 1 and ignoreIndex -100 where they are not given. */
export interface KlDivergenceOptions extends Pick<CrossEntropyOptions, 'ignoreIndex'> {
  temperature?: number;
}

/**
 * Kullback-Leibler divergence of a student's distribution from its teacher's.     logits, teacher (...,V)  targets i32 (...)
 * tokenLoss = KL(q || p) = sum over v of q_v ln(q_v / p_v), p = softmax(logits / t), q = softmax(teacher / t), t = temperature; 0 where
 * the target is ignored, as crossEntropy has it; which class it names does not matter. loss is the mean over the kept targets.
 * dlogits = (dloss / kept + dtokenLoss) * (p - q) / t; the teacher gets no gradient.
 * All logits of both are in memory at once, N*V numbers each, and once more N*V where the student's are read elsewhere.
 * Source: Hinton et al. 2015 (arXiv:1503.02531), section 2.
 * @throws InputError if the shapes or types do not fit, or temperature is not above 0
 */
export function klDivergence(
  logits: Tensor,
  teacher: Tensor,
  targets: Tensor,
  { temperature = 1, ...options }: KlDivergenceOptions = {},
): CrossEntropy {
  const { C: vocabSize } = rowsOf('klDivergence', logits);
  expectTargets('klDivergence', logits, targets);
  const { stats } = currentTape().push(klDivergenceOp, { logits, teacher }, { temperature });
  return crossEntropyOf(stats!, targets, { ...options, vocabSize });
}
