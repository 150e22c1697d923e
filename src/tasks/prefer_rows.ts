// Pairs of answers as batches of the preference task, with what the reference model finds of each.
import type { TokenPair } from '../data/preference/encoded_pairs.ts';
import { InputError } from '../errors.ts';
import { type InstructRowsOptions, instructRows } from './instruct.ts';
import type { TaskRows } from './rows.ts';

export type PreferRowsOptions = Pick<InstructRowsOptions, 'blockSize' | 'padId'>;

/** Answers as rows of their own, each behind its prompt: 2i is the chosen one of pair i, 2i+1 the rejected one. */
export function answerRows(pairs: readonly TokenPair[], { blockSize, padId }: PreferRowsOptions): TaskRows {
  const answers = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
  return instructRows(answers, { blockSize, ...(padId !== undefined && { padId }) });
}

/**
 * Rows for preferTask(), a row a pair: a batch has the chosen and the rejected answer of each in neighbouring rows, as wide as the
 * bucket above the longest of them.
 * @param reference (2N): log-probabilities of the answers in the order of answerRows(), see referenceLogProbabilities()
 * @throws InputError if `reference` is not of as many pairs
 */
export function preferRows(pairs: readonly TokenPair[], reference: Float32Array, options: PreferRowsOptions): TaskRows {
  if (reference.length !== 2 * pairs.length)
    throw new InputError(
      `prefer: found ${reference.length} log-probabilities for ${pairs.length} pairs, expected ${2 * pairs.length}. Compute them for these pairs.`,
    );
  const answers = answerRows(pairs, options);
  const both = (pair: number) => [2 * pair, 2 * pair + 1] as const;
  return {
    length: pairs.length,
    lengthOf: (i) => Math.max(...both(i).map(answers.lengthOf)),
    batch(rows) {
      const numbers = rows.flatMap(both);
      const data = Float32Array.from(numbers, (answer) => reference[answer]!);
      return { ...answers.batch(numbers), reference: { shape: [numbers.length], data } };
    },
    shown(i) {
      const [chosen, rejected] = [answers.shown(2 * i), answers.shown(2 * i + 1)];
      const count = ({ trained }: { trained: readonly boolean[] }) => trained.filter(Boolean).length;
      return {
        ids: [...chosen.ids, ...rejected.ids],
        trained: [...chosen.trained, ...rejected.trained],
        note: `chosen (${count(chosen)} tokens trained on), then rejected (${count(rejected)})`,
      };
    },
  };
}
