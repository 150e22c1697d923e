// Values of the recipes' flags.
import { InputError } from '../../src/errors.ts';

/** @throws InputError for anything but a whole number in this range */
export function wholeOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >>> 0 === value && value >= least) return value;
  throw new InputError(
    `--${name}: found ${JSON.stringify(text)}, expected a whole number from ${least}. For example: --${name} ${least + 1}`,
  );
}

/** @throws InputError for a word that is none of them */
export function oneOf<T extends string>(name: string, word: string, words: readonly T[]): T {
  const found = words.find((each) => each === word);
  if (found !== undefined) return found;
  throw new InputError(`${name}: found ${JSON.stringify(word)}, expected one of ${words.join(', ')}.`);
}
