// What cursors of rows share: a saved one goes on with the same data and settings alone.
import { InputError } from '../errors.ts';
import { elementBits, stepKey } from '../tensor/random.ts';

/** 32 bits that change when any number or its place does. */
export function checksum(list: ArrayLike<number>): number {
  let sum = list.length >>> 0;
  for (let i = 0; i < list.length; i++) sum = elementBits(stepKey(sum, i), list[i]!);
  return sum;
}

/**
 * The step that a saved cursor stands at.
 * @param names of the settings that decide what comes   @throws InputError if it belongs to others, naming the field and both values
 */
export function savedStep<Settings extends object>(
  cursor: Settings & { readonly step: number },
  settings: Settings,
  names: readonly (keyof Settings & string)[],
): number {
  for (const name of names) {
    const [saved, value] = [cursor[name], settings[name]];
    if (saved !== value)
      throw new InputError(
        `data cursor: ${name}: found ${value}, expected ${saved} as in the saved run. Use the same data and flags.`,
      );
  }
  const { step } = cursor;
  if (!Number.isSafeInteger(step) || step < 0)
    throw new InputError(
      `data cursor: step: found ${step}, expected a whole number from 0. The saved state is damaged.`,
    );
  return step;
}
