// JSONL: an object a line, whose text stands in one field. A line that cannot be used is named with its number, what was found and
// what to do. Pure: lines come from anywhere.
import { editDistance } from '../checkpoint/edit_distance.ts';
import { firstTen, parseJson, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';

/** Where a reader of rows is: lines and rows count from 1. */
export interface RowCount {
  /** The present one. */
  at: number;
  /** How many held no text, and which was the first. */
  empty: number;
  firstEmpty: number;
}

/** The object of a line. @throws InputError for what is no JSON or no object */
export function jsonRow(json: string, where: string): Readonly<Record<string, unknown>> {
  let row: unknown;
  try {
    row = JSON.parse(json);
  } catch {
    parseJson(json, where); // says where in the line, and what was expected there
    throw new InputError(`${where}: not JSON, expected an object a line. Write the line again.`);
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row))
    throw new InputError(`${where}: found ${kindOf(row)}, expected an object with a text in it. Write the line again.`);
  return row as Record<string, unknown>;
}

/**
 * The text in a field of a row; null for null.
 * @param flag names the field   @throws InputError where there is none, or something else in it
 */
export function textIn(
  row: Readonly<Record<string, unknown>>,
  field: string,
  where: string,
  flag = '--text-field',
): string | null {
  if (!Object.hasOwn(row, field)) throw noField(Object.keys(row), field, where, 'field', flag);
  const text = row[field];
  if (text === null) return null;
  if (typeof text !== 'string')
    throw new InputError(
      `${where}: ${quoted(field)}: found ${kindOf(text)}, expected text. Name another field with ${flag}.`,
    );
  // A decoder lets no half of a pair through, so only an escape can hold one. With the u flag a proper pair is one character.
  if (/[\ud800-\udfff]/u.test(text))
    throw new InputError(
      `${where}: ${quoted(field)}: found half of a surrogate pair, expected whole characters. Write the line again.`,
    );
  return text;
}

/** The sentence about a field or column that is not there, with the one that may have been meant. */
export function noField(
  names: readonly string[],
  field: string,
  where: string,
  word: 'field' | 'column',
  flag = '--text-field',
): InputError {
  const near = names
    .map((name) => ({ name, edits: editDistance(field.slice(0, 100), name.slice(0, 100)) }))
    .filter(({ name, edits }) => edits <= Math.max(1, Math.floor(Math.max(field.length, name.length) / 2)))
    .sort((a, b) => a.edits - b.edits)[0];
  const found = near
    ? `it has ${quoted(near.name)}, is that it?`
    : names.length === 0
      ? `it has no ${word}s.`
      : `it has ${firstTen(names.map(quoted))}.`;
  return new InputError(`${where}: found no ${quoted(field)}; ${found} Name the ${word} with ${flag}.`);
}

/** A value as messages name it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `text ${quoted(value)}` : `${typeof value} ${String(value)}`;
}

/** The lines of a text without their ends (LF or CRLF) and without a byte order mark. */
export function* linesIn(text: string): Generator<string> {
  let start = text.startsWith('\ufeff') ? 1 : 0;
  for (let end = text.indexOf('\n', start); end >= 0; end = text.indexOf('\n', start)) {
    yield text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end);
    start = end + 1;
  }
  if (start < text.length) yield text.endsWith('\r') ? text.slice(start, -1) : text.slice(start);
}
