// JSONL: an object a line, whose text stands in one field. The file is read line by line, so that only one row is in memory;
// a line that cannot be used is named with its number, what was found and what to do.
import { editDistance } from '../checkpoint/edit_distance.ts';
import { firstTen, parseJson, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { chunksOf, invalidUtf8 } from './text_check.ts';

/** Where a reader of rows is: lines and rows count from 1. */
export interface RowCount {
  /** The present one. */
  at: number;
  /** How many held no text, and which was the first. */
  empty: number;
  firstEmpty: number;
}

/** A line this long is no row: the file has no line breaks. */
const LONGEST_LINE = 256 * 2 ** 20;

/**
 * The text of each row of a JSONL file, in order. Blank lines are passed over, rows with an empty text or null counted.
 * @throws InputError naming file and line for what is no JSON, no object, has no such field, or holds something else in it
 */
export function* jsonlRows(file: string, field: string, count: RowCount): Generator<string> {
  for (const json of linesOf(file)) {
    count.at++;
    if (!/\S/.test(json)) continue;
    const where = `${file}: line ${count.at}`;
    const text = textIn(jsonRow(json, where), field, where);
    if (text) yield text;
    else if (count.empty++ === 0) count.firstEmpty = count.at;
  }
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

/** The lines of a UTF-8 file without their ends (LF or CRLF) and without a byte order mark. @throws InputError for other bytes */
export function* linesOf(file: string): Generator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let first = true;
  let held: Uint8Array[] = []; // the beginning of a line that the next chunks go on with
  let length = 0;
  const line = (end: Uint8Array): string => {
    let text: string;
    try {
      text = decoder.decode(held.length === 0 ? end : Buffer.concat([...held, end]));
    } catch {
      throw new InputError(`${file}: ${invalidUtf8(file)}`);
    }
    if (first && text.startsWith('\ufeff')) text = text.slice(1);
    first = false;
    held = [];
    length = 0;
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  };
  for (const chunk of chunksOf(file)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield line(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start === chunk.length) continue;
    held.push(chunk.slice(start)); // chunks share one buffer
    length += chunk.length - start;
    if (length > LONGEST_LINE)
      throw new InputError(
        `${file}: found ${length} bytes without a line break, expected an object a line. Is it one JSON list? Write an object a line.`,
      );
  }
  if (length > 0) yield line(new Uint8Array(0));
}
