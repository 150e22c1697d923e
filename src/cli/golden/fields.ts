// Reading fields of a golden folder's JSON, one sentence a fault.
import { InputError } from '../../errors.ts';

export type Fields = ReadonlyMap<string, unknown>;

const advice = 'Take a golden folder as its README describes it.';

/** An object as a Map. @throws InputError */
export function record(value: unknown, where: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  throw new InputError(`${where}: found ${kindOf(value)}, expected an object. ${advice}`);
}

export function text(fields: Fields, key: string, where: string): string {
  const value = fields.get(key);
  if (typeof value === 'string') return value;
  throw new InputError(`${where}: ${key}: found ${kindOf(value)}, expected text. ${advice}`);
}

export function number(fields: Fields, key: string, where: string): number {
  const value = fields.get(key);
  if (typeof value === 'number') return value;
  throw new InputError(`${where}: ${key}: found ${kindOf(value)}, expected a number. ${advice}`);
}

export function flag(fields: Fields, key: string, where: string): boolean {
  const value = fields.get(key);
  if (typeof value === 'boolean') return value;
  throw new InputError(`${where}: ${key}: found ${kindOf(value)}, expected true or false. ${advice}`);
}

export function list(fields: Fields, key: string, where: string): readonly unknown[] {
  const value = fields.get(key);
  if (Array.isArray(value)) return value;
  throw new InputError(`${where}: ${key}: found ${kindOf(value)}, expected a list. ${advice}`);
}

/** A list of texts; an absent one is empty. */
export function names(fields: Fields, key: string, where: string): string[] {
  const value = fields.get(key) ?? [];
  if (Array.isArray(value) && value.every((v) => typeof v === 'string')) return value;
  throw new InputError(`${where}: ${key}: found ${kindOf(value)}, expected a list of texts. ${advice}`);
}

export function numbers(fields: Fields, key: string, where: string): number[] {
  const value = fields.get(key);
  if (Array.isArray(value) && value.every((v) => typeof v === 'number')) return value;
  throw new InputError(`${where}: ${key}: found ${kindOf(value)}, expected a list of numbers. ${advice}`);
}

/** `attrs`, which may be absent. */
export function attributesOf(fields: Fields, where: string): Fields {
  return record(fields.get('attrs') ?? {}, `${where}: attrs`);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return 'text';
  return Array.isArray(value) ? 'a list' : 'an object';
}
