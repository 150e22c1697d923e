// Reads the fields of a JSON object that someone else wrote, one sentence a fault.

import { InputError } from '../errors.ts';
import { editDistance } from './edit_distance.ts';
import { described, type JsonObject, type JsonValue } from './json.ts';

/** A refusal in the common form: `where: key: found X, expected Y. What to do.` */
export function misfit(
  where: string,
  key: string,
  value: JsonValue | undefined,
  expected: string,
  advice: string,
): InputError {
  return new InputError(`${where}: ${key}: found ${described(value)}, expected ${expected}. ${advice}`);
}

const correct = 'Correct the file.';

/** A whole number from `least` to `most`. @throws InputError */
export function wholeNumber(
  fields: JsonObject,
  key: string,
  where: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const value = fields.get(key);
  if (typeof value === 'bigint') throw misfit(where, key, value, 'a whole number that is exact (below 2^53)', correct);
  if (typeof value !== 'number' || !Number.isInteger(value)) throw misfit(where, key, value, 'a whole number', correct);
  if (value < least) throw misfit(where, key, value, `${least} or more`, correct);
  if (value > most) throw misfit(where, key, value, `at most ${most}`, correct);
  return value;
}

/** A finite number from `least` to `most`. @throws InputError */
export function finiteNumber(fields: JsonObject, key: string, where: string, least: number, most: number): number {
  const value = fields.get(key);
  if (typeof value !== 'number') throw misfit(where, key, value, 'a number', correct);
  if (value < least || value > most) throw misfit(where, key, value, `a number from ${least} to ${most}`, correct);
  return value;
}

/** true or false. @throws InputError */
export function flag(fields: JsonObject, key: string, where: string): boolean {
  const value = fields.get(key);
  if (typeof value !== 'boolean') throw misfit(where, key, value, 'true or false', correct);
  return value;
}

/** A text. @throws InputError */
export function text(fields: JsonObject, key: string, where: string): string {
  const value = fields.get(key);
  if (typeof value !== 'string') throw misfit(where, key, value, 'text', correct);
  return value;
}

/** An object. @throws InputError */
export function object(fields: JsonObject, key: string, where: string): JsonObject {
  const value = fields.get(key);
  if (!(value instanceof Map)) throw misfit(where, key, value, 'an object', correct);
  return value;
}

/**
 * The candidate that a misspelt word probably means: within two slips (letters added, lost, changed or swapped with their
 * neighbour) and a third of its length; undefined if none is that near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = 3;
  for (const candidate of candidates) {
    // Keys of a stranger's file may be very long, and the distance takes time by the product of lengths.
    if (Math.abs(word.length - candidate.length) >= fewest) continue;
    const slips = editDistance(word, candidate);
    if (slips < fewest && slips * 3 <= candidate.length) {
      best = candidate;
      fewest = slips;
    }
  }
  return best;
}
