// Which examples are trained on, and which are kept back.
import { InputError } from '../../errors.ts';
import type { Example } from './examples.ts';

/** Of examples, or of pairs of them. */
export interface Parts<T = Example> {
  train: readonly T[];
  test: readonly T[];
  validation: readonly T[];
}

/**
 * In the order of the file: first those to train on, then the test part, then the validation part, as Raschka 2024, chapter 7, has it
 * (1,100 rows at 85, 10 and 5 % are 935, 110 and 55).
 * @param validationPart and testPart: shares of all examples, 0 for none
 * @throws InputError where a part that was asked for would be empty
 */
export function splitInOrder<T = Example>(
  examples: readonly T[],
  { validationPart, testPart }: { validationPart: number; testPart: number },
  file: string,
): Parts<T> {
  const n = examples.length;
  // 0.1 * 30 is a little more than 3 in binary fractions, and others are a little less than they should be.
  const whole = (share: number) => Math.floor(n * share + 1e-9);
  const tests = whole(testPart);
  const trains = validationPart === 0 ? n - tests : whole(1 - validationPart - testPart);
  const parts = {
    train: examples.slice(0, trains),
    test: examples.slice(trains, trains + tests),
    validation: examples.slice(trains + tests),
  };
  for (const [name, part, share] of [
    ['train on', parts.train, 1],
    ['test', parts.test, testPart],
    ['validate on', parts.validation, validationPart],
  ] as const)
    if (share > 0 && part.length === 0)
      throw new InputError(
        `${file}: found ${n} row${n === 1 ? '' : 's'}, of which none is left to ${name} at a validation part of ${validationPart} and a test part of ${testPart}. Use more rows or other parts.`,
      );
  return parts;
}

/** How many of these examples stand in others too, word for word. */
export function repeated(examples: readonly Example[], others: readonly Example[]): number {
  const key = ({ messages, input }: Example) =>
    JSON.stringify([messages.map(({ role, content }) => [role, content]), input]);
  const known = new Set(others.map(key));
  return examples.filter((example) => known.has(key(example))).length;
}
