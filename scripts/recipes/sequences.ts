// Sequences of symbols by chance, and what two toy tasks make of them: the same again, or the same from the back. What is to be written
// stands whole in what is read, so that a model that can look where it wants gets every token right.
import { randomBelow } from '../../src/data/shuffled.ts';
import { InputError } from '../../src/errors.ts';
import type { IdPair } from '../../src/tasks/translate_rows.ts';

/** Ids before those of the symbols: what fills up, begins and ends a sequence. */
export const [PAD, BEGIN, END] = [0, 1, 2];
const FIRST_SYMBOL = 3;

export interface SequenceSizes {
  /** Different symbols. */
  alphabet: number;
  /** Symbols of a sequence, each number as often. */
  shortest: number;
  longest: number;
}

export const vocabularyOf = ({ alphabet }: SequenceSizes): number => FIRST_SYMBOL + alphabet;

/**
 * So many sequences, no two the same: the first n of more are those of n.
 * @param seed whole number from 0 below 2^32     @throws InputError for more than half of those that there are
 */
export function makeSequences(count: number, { alphabet, shortest, longest }: SequenceSizes, seed: number): number[][] {
  let most = 0;
  for (let length = shortest; length <= longest; length++) most += alphabet ** length;
  if (count > most / 2)
    throw new InputError(
      `toys: found ${count} sequences asked for, ${most} are possible, expected half of them at most. Take more symbols, longer ones or fewer steps.`,
    );
  const made = new Map<string, number[]>();
  for (let number = 0; made.size < count; number++) {
    let drawn = 0;
    const below = (n: number) => randomBelow(n, seed ^ SEQUENCES, number, drawn++);
    const length = shortest + below(longest - shortest + 1);
    const sequence = Array.from({ length }, () => FIRST_SYMBOL + below(alphabet));
    if (!made.has(sequence.join())) made.set(sequence.join(), sequence);
  }
  return [...made.values()];
}

export const TOYS = {
  copy: (sequence: readonly number[]): IdPair => ({ source: sequence, target: sequence }),
  reverse: (sequence: readonly number[]): IdPair => ({ source: sequence, target: sequence.toReversed() }),
};

/** Of all places, those with the expected token; a sequence that is too long or too short has places with none. */
export function tokenShare(answers: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): number {
  let [right, places] = [0, 0];
  expected.forEach((each, i) => {
    const answer = answers[i]!;
    places += Math.max(each.length, answer.length);
    for (let t = 0; t < each.length; t++) if (answer[t] === each[t]) right++;
  });
  return right / places;
}

/** A stream of the seed, away from those of weights, dropout and orders. */
const SEQUENCES = 0x73657173;
