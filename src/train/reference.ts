// What a reference model finds of both answers of every pair. It is computed once, before training, and kept with the run, so that a
// run that goes on has the very same numbers, whatever became of the model.
import type { Machine } from '../autograd/machine.ts';
import { quoted } from '../checkpoint/json.ts';
import {
  type ByteSource,
  type SafetensorsFile,
  SafetensorsReader,
  writeSafetensors,
} from '../checkpoint/safetensors.ts';
import { bucket } from '../data/bucket.ts';
import { pairsHash, type TokenPair } from '../data/preference/encoded_pairs.ts';
import { InputError, RunError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import { sumTo } from '../ops/sum.ts';
import { type LanguageTaskOptions, languageTask } from '../tasks/language.ts';
import { answerRows } from '../tasks/prefer_rows.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { whoMadeIt } from './diagnose.ts';
import { rowBatches } from './row_batches.ts';

export interface ReferenceOptions extends Pick<LanguageTaskOptions, 'dtype' | 'logitBytes'> {
  /** Told after each batch how many answers are done, of how many. What it throws ends the work. */
  onScored?: (done: number, total: number) => void;
}

/**
 * Sum of ln p(token | all before it) over the tokens of each answer, in the order of answerRows(): (2N).
 * The model is only read. Where an adapter is trained, it is the model without it; where all weights are, it is the model before.
 * Give the `dtype` that is trained in, and rewards begin at 0.
 * @throws RunError for a number that is not finite, naming the answer and the first kernel
 */
export async function referenceLogProbabilities(
  machine: Machine,
  model: LanguageModel,
  pairs: readonly TokenPair[],
  { onScored, ...options }: ReferenceOptions = {},
): Promise<Float32Array> {
  const task = languageTask(options);
  const fn = (batch: Record<string, Tensor>) => {
    const { tokenLoss } = task.loss(model, batch);
    return { loss: sumTo(tokenLoss, [tokenLoss.shape[0]!, 1]) };
  };
  const compiled = machine.compile(fn);
  const answers = answerRows(pairs, model);
  const found = new Float32Array(answers.length);
  let done = 0;
  try {
    const widthOf = (i: number) => Math.min(bucket(answers.lengthOf(i)), model.blockSize);
    for (const { numbers, some } of rowBatches(answers.length, widthOf)) {
      const batch = answers.batch(numbers);
      await compiled(batch);
      const losses = (await compiled.collect())[0]!.values.loss!;
      for (const [i, answer] of numbers.slice(0, some).entries()) {
        if (!Number.isFinite(losses[i])) {
          const culprit = await whoMadeIt(machine, model.parameters, fn, [{ batch }]);
          throw new RunError(
            `reference: ${pairs[answer >> 1]!.chosen.where}: found log-probability ${-losses[i]!} of the ${answer % 2 === 0 ? 'chosen' : 'rejected'} answer, expected a finite number. ${culprit} Take another model.`,
          );
        }
        found[answer] = -losses[i]!;
      }
      onScored?.((done += some), answers.length);
    }
    return found;
  } finally {
    compiled.release();
  }
}

/** Name of the file that keeps them beside a checkpoint. */
export const REFERENCE_FILE = 'reference.safetensors';

const TENSOR = 'logProbabilities';

/** reference.safetensors: the values, and which pairs in which order they are of. */
export function referenceFile(pairs: readonly TokenPair[], reference: Float32Array): SafetensorsFile {
  const entry = { name: TENSOR, dtype: 'F32', shape: [pairs.length, 2], data: reference } as const;
  return writeSafetensors([entry], new Map([['pairs', pairsHash(pairs)]]));
}

/** The values of referenceFile(). @throws InputError for a file of other pairs, or one that is damaged */
export async function readReference(source: ByteSource, pairs: readonly TokenPair[]): Promise<Float32Array> {
  const reader = await SafetensorsReader.open(source);
  const [found, expected] = [reader.metadata.get('pairs'), pairsHash(pairs)];
  if (found !== expected)
    throw new InputError(
      `${source.name}: found log-probabilities of ${found === undefined ? 'pairs without a hash' : `the pairs ${quoted(found)}`}, expected those of ${quoted(expected)}. Resume with the data the run began with.`,
    );
  const values = await reader.readFloat32(TENSOR);
  if (values.length === 2 * pairs.length && values.every(Number.isFinite)) return values;
  throw new InputError(
    `${source.name}: found ${values.filter(Number.isFinite).length} finite log-probabilities, expected ${2 * pairs.length}. Resume from another checkpoint.`,
  );
}
