// The value of one flag: from the text typed to a number, choice or text, and the sentence when it is none.

import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import type { FlagSpec } from './flags.ts';
import { nearest } from './nearest.ts';

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** @throws InputError when the text is no value of the flag */
export function readValue(spec: FlagSpec, text: string): number | string {
  if (spec.type === 'number' || spec.type === 'integer') return readNumber(spec, text);
  if (spec.type === 'choice' && !spec.choices?.includes(text)) {
    const near = nearest(text, spec.choices ?? []);
    throw badValue(spec, text, expectation(spec) + (near ? `: did you mean ${near}?` : ''));
  }
  if (text === '' && !spec.mayBeEmpty) throw badValue(spec, text, expectation(spec));
  return text;
}

function readNumber(spec: FlagSpec, text: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  const lostToZero = value === 0 && /[1-9]/.test(text.replace(/e.*/i, ''));
  if (lostToZero || !allows(spec, value)) {
    throw badValue(
      spec,
      text,
      expectation(spec),
      lostToZero ? 'closer to 0 than numbers go' : tooLarge(value) ? 'too large' : '',
    );
  }
  return value === 0 ? 0 : value; // "-0" is 0
}

/** Whether a value that is no text any more is one that the flag takes. */
export function allows(spec: FlagSpec, value: unknown): boolean {
  if (spec.type === 'boolean') return typeof value === 'boolean';
  if (spec.type === 'choice') return typeof value === 'string' && (spec.choices ?? []).includes(value);
  if (spec.type === 'text') return typeof value === 'string' && (value !== '' || spec.mayBeEmpty === true);
  return (
    typeof value === 'number' &&
    (spec.type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
    value >= (spec.min ?? Number.NEGATIVE_INFINITY) &&
    value <= (spec.max ?? Number.POSITIVE_INFINITY) &&
    value > (spec.above ?? Number.NEGATIVE_INFINITY) &&
    value < (spec.below ?? Number.POSITIVE_INFINITY)
  );
}

/** Beyond every number, or beyond the whole numbers that are exact. */
function tooLarge(value: number): boolean {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

/** `--steps: found 0.5, expected a whole number of steps, 1 or more. For example: --steps 2000` */
export function badValue(spec: FlagSpec, text: string, expected: string, why = ''): InputError {
  const end = expected.endsWith('?') ? '' : '.';
  const found = (text === '' ? 'an empty value' : quoted(text)) + (why && ` (${why})`);
  return new InputError(`--${spec.name}: found ${found}, expected ${expected}${end} For example: ${exampleOf(spec)}`);
}

/** What a flag expects, in words: "a whole number of steps, 1 or more". */
export function expectation(spec: FlagSpec): string {
  if (spec.type === 'boolean') return 'no value';
  if (spec.type === 'choice') return `one of ${(spec.choices ?? []).join(', ')}`;
  if (spec.type === 'text') return spec.placeholder ?? 'a text';
  const kind = spec.type === 'integer' ? 'a whole number' : 'a number';
  const bounds = range(spec);
  return kind + (spec.unit ? ` of ${spec.unit}` : '') + bounds;
}

/** ", 1 or more", " from 0 to 1", " above 0", ", 0 or more and below 1"; empty when every number will do. */
function range({ min, max, above, below }: FlagSpec): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  const low = min !== undefined ? `${min} or more` : above !== undefined ? `above ${above}` : '';
  const high = max !== undefined ? `at most ${max}` : below !== undefined ? `below ${below}` : '';
  const both = low && high ? `${low} and ${high}` : low || high;
  return /^\d/.test(both) ? `, ${both}` : both && ` ${both}`;
}

/** The flag with a value that works: `--steps 2000`. */
export function exampleOf(spec: FlagSpec): string {
  if (spec.type === 'boolean') return `--${spec.name}`;
  const value =
    spec.example ??
    spec.default ??
    spec.choices?.[0] ??
    spec.min ??
    spec.placeholder ??
    (spec.type === 'text' ? 'TEXT' : 1);
  const text = String(value);
  return `--${spec.name} ${/^[\w.,+:/-]+$/.test(text) ? text : `"${text}"`}`;
}
