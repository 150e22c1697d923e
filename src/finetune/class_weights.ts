// --class-weights: how much a row of a class counts.
import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';

/**
 * @param flag none, balanced, or NAME=W with commas between; a class that is not named counts 1
 * @returns a weight for each class, undefined where all count 1
 * @throws InputError for a class that is not there, and for what is no number from 0
 */
export function classWeights(
  flag: string,
  classes: readonly string[],
  balanced: () => number[],
): readonly number[] | undefined {
  if (flag === 'none') return undefined;
  if (flag === 'balanced') return balanced();
  const weights = classes.map(() => 1);
  for (const part of flag.split(',')) {
    const at = part.lastIndexOf('=');
    const [name, text] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    const number = classes.indexOf(name);
    if (at < 0 || number < 0)
      throw new InputError(
        `--class-weights: found ${quoted(part)}, expected none, balanced, or NAME=W of a class: ${classes
          .slice(0, 10)
          .map((each) => quoted(each))
          .join(', ')}. For example: --class-weights ${classes[0]}=2`,
      );
    const weight = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (!(weight >= 0 && weight <= 1e6))
      throw new InputError(
        `--class-weights: found ${quoted(text)} for ${quoted(name)}, expected a number from 0. For example: --class-weights ${name}=2`,
      );
    weights[number] = weight;
  }
  if (weights.every((weight) => weight === 0))
    throw new InputError('--class-weights: found 0 for every class, expected a class that counts.');
  return weights;
}
