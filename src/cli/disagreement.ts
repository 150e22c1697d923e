// What is typed beside --resume must be what the run began with.
import { InputError } from '../errors.ts';

/** @param where the step folder   @returns the error that refuses a flag */
export function disagreement(flag: string, found: unknown, expected: unknown, where: string): InputError {
  const named = (value: unknown) => (value === true ? `--${flag}` : value === false ? `--no-${flag}` : value);
  return new InputError(
    `--${flag}: found ${named(found)}, expected ${named(expected)}, with which ${where} began. Leave the flag out, or begin a new run.`,
  );
}
