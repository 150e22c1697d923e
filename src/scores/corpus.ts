// Texts to be scored, and those that they are compared with.
import { InputError } from '../errors.ts';

/**
 * The references of each text.
 * @param references one list for each set of references, as long as the hypotheses
 * @throws InputError where there is nothing to compare, or lists are of different lengths
 */
export function referencesOf(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): readonly string[][] {
  if (hypotheses.length === 0) throw new InputError('hypotheses: found none, expected at least one text.');
  if (references.length === 0) throw new InputError('references: found no list, expected at least one.');
  references.forEach(({ length }, i) => {
    if (length !== hypotheses.length)
      throw new InputError(
        `references ${i + 1}: found ${length} texts, expected ${hypotheses.length}, one for each hypothesis.`,
      );
  });
  return hypotheses.map((_, row) => references.map((list) => list[row]!));
}
