// Fields of a golden folder's JSON, one sentence a fault: what its index and traces have besides the texts and flags of any file.
import { misfit } from '../../checkpoint/fields.ts';
import { described, type JsonObject, type JsonValue } from '../../checkpoint/json.ts';
import { InputError } from '../../errors.ts';

export type Fields = JsonObject;

const advice = 'Take a golden folder as its README describes it.';

/** A value that must be an object. @throws InputError */
export function record(value: JsonValue | undefined, where: string): Fields {
  if (value instanceof Map) return value;
  throw new InputError(`${where}: found ${described(value)}, expected an object. ${advice}`);
}

export function number(fields: Fields, key: string, where: string): number {
  const value = fields.get(key);
  if (typeof value === 'number') return value;
  throw misfit(where, key, value, 'a number', advice);
}

export function list(fields: Fields, key: string, where: string): readonly JsonValue[] {
  const value = fields.get(key);
  if (Array.isArray(value)) return value;
  throw misfit(where, key, value, 'a list', advice);
}

/** A list of texts; an absent one is empty. */
export function names(fields: Fields, key: string, where: string): string[] {
  const value = fields.get(key) ?? [];
  if (Array.isArray(value) && value.every((v) => typeof v === 'string')) return value;
  throw misfit(where, key, value, 'a list of texts', advice);
}

export function numbers(fields: Fields, key: string, where: string): number[] {
  const value = fields.get(key);
  if (Array.isArray(value) && value.every((v) => typeof v === 'number')) return value;
  throw misfit(where, key, value, 'a list of numbers', advice);
}

/** `attrs`, which may be absent. */
export function attributesOf(fields: Fields, where: string): Fields {
  return record(fields.get('attrs') ?? new Map(), `${where}: attrs`);
}
