// Distillation: a student learns the targets, and with them what a larger model thinks of every other token.
import { InputError } from '../errors.ts';
import { RANDOM_STEP } from '../nn/dropout.ts';
import type { ForwardOptions, LanguageModel } from '../nn/model.ts';
import { add } from '../ops/add.ts';
import { crossEntropy } from '../ops/cross_entropy.ts';
import { klDivergence } from '../ops/kl_divergence.ts';
import { scale } from '../ops/scale.ts';
import { sumTo } from '../ops/sum.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Task } from './task.ts';

export interface DistillTaskOptions extends Pick<ForwardOptions, 'dropout' | 'recompute' | 'dtype'> {
  /** Its parameters are frozen from here on. It sees the same tokens, without dropout. */
  teacher: LanguageModel;
  /** What the logits of both are divided by; the higher, the more the unlikely tokens count. Default 2. */
  temperature?: number;
  /** Share of the teacher in the loss, from 0 to 1. Default 0.5. */
  mix?: number;
}

/**
 * loss = (1 - mix) * cross-entropy + mix * t^2 * KL(teacher || student), both means over the kept targets, the second of logits divided
 * by the temperature t. Its gradient shrinks with 1 / t^2: the factor keeps the mix what it is at any temperature.
 * A batch is that of languageTask, packed or not. Told: kl, the mean divergence of a target.
 * All logits of both models are in memory at once; see klDivergence.
 * Source: Hinton et al. 2015 (arXiv:1503.02531), section 2.
 * @throws InputError if temperature or mix is out of its range; loss() if the vocabularies differ, the teacher is its own student, or its
 *   context is too short
 */
export function distillTask({ teacher, temperature = 2, mix = 0.5, ...forward }: DistillTaskOptions): Task {
  if (!(temperature > 0 && Number.isFinite(temperature)))
    throw new InputError(`distill: found temperature ${temperature}, expected a number above 0, such as 2.`);
  if (!(mix >= 0 && mix <= 1)) throw new InputError(`distill: found mix ${mix}, expected a number from 0 to 1.`);
  for (const parameter of teacher.parameters) parameter.trainable = false;
  const { dropout, recompute, dtype } = forward;
  /** Of what has no share in the loss nothing is computed backwards. */
  const mixed = (known: Tensor, taught: Tensor) =>
    [scaled(known, 1 - mix), scaled(taught, mix * temperature ** 2)].filter((x) => x !== null).reduce(add);
  return {
    loss(model, { inputs, targets, positions, starts }) {
      refuseTeacher(model, teacher);
      if (inputs!.shape[1]! > teacher.blockSize)
        throw new InputError(
          `distill: found rows of ${inputs!.shape[1]} tokens, expected at most the ${teacher.blockSize} of the teacher's context. Pass shorter rows.`,
        );
      const seen = { positions, starts, dtype };
      const logits = model.head(model.hidden(inputs!, { ...seen, dropout, recompute }));
      const known = crossEntropy(logits, targets!);
      const taught = klDivergence(logits, teacher.head(teacher.hidden(inputs!, seen)), targets!, { temperature });
      const rows = inputs!.shape[0]!;
      return {
        loss: mixed(known.loss, taught.loss),
        tokenLoss: mixed(known.tokenLoss, taught.tokenLoss),
        kept: known.kept,
        observed: { divergence: sumTo(taught.tokenLoss, [rows, 1]) },
      };
    },
    metrics({ targets }, { divergence }) {
      const T = targets!.data.length / divergence!.length;
      const isKept = (target: number) => target >= 0 && target < teacher.vocabSize;
      // The mean of a row, once for each of its targets: these count alike, whatever row they stand in.
      const kl = Array.from(divergence!).flatMap((sum, row) => {
        const kept = Array.from(targets!.data.subarray(row * T, (row + 1) * T)).filter(isKept);
        return kept.map(() => sum / kept.length);
      });
      return { kl };
    },
    ...(dropout && { scalars: (pass: number) => ({ [RANDOM_STEP]: pass }) }),
  };
}

const scaled = (x: Tensor, share: number) => (share === 0 ? null : scale(x, share));

function refuseTeacher(student: LanguageModel, teacher: LanguageModel): void {
  if (student === teacher)
    throw new InputError(
      'distill: found the student as its own teacher, expected another model. Load it a second time.',
    );
  if (student.vocabSize !== teacher.vocabSize)
    throw new InputError(
      `distill: found a student (${student.family}) of ${student.vocabSize} tokens and a teacher (${teacher.family}) of ${teacher.vocabSize}, expected one vocabulary. Take a teacher with the student's tokenizer.`,
    );
}
