// Rows of JSON: a list of objects in one file, or an object a line (JSONL). Which of them a file is, its first character says.
import { described, type JsonObject, type JsonValue, parseJson } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { linesOf } from './jsonl.ts';
import { chunksOf } from './text_check.ts';
import { findText, formOf } from './text_source.ts';

export interface JsonRow {
  /** `FILE: line N`, or `FILE: row N` of a list: for messages. */
  readonly where: string;
  /** Its keys in the order of the file. */
  readonly fields: JsonObject;
}

/** A list is read whole. */
const LONGEST_LIST = 64 * 2 ** 20;

/**
 * The rows of a file, or of all files of a folder. Of JSONL one line at a time is in memory, and blank ones are passed over.
 * @throws InputError naming file and line or row, for what is no JSON, no object, and for a file of another kind
 */
export function* jsonRows(file: string): Generator<JsonRow> {
  for (const path of findText(file).files) {
    if (formOf(path) === 'parquet')
      throw new InputError(`${path}: found a Parquet table, expected JSON. Write its rows as JSONL, an object a line.`);
    if (firstCharacter(path) === '[') yield* rowsOfList(wholeText(path), path);
    else yield* rowsOfLines(linesOf(path), path);
  }
}

/** The objects of a JSON list. @throws InputError as jsonRows */
export function* rowsOfList(json: string, file: string): Generator<JsonRow> {
  const list = parseJson(json, file);
  if (!Array.isArray(list))
    throw new InputError(`${file}: found ${described(list)}, expected a list of rows. Write the file again.`);
  for (const [i, row] of list.entries()) yield rowOf(row, `${file}: row ${i + 1}`);
}

/** The objects of lines. @throws InputError as jsonRows */
export function* rowsOfLines(lines: Iterable<string>, file: string): Generator<JsonRow> {
  let line = 0;
  for (const json of lines) {
    line++;
    if (!/\S/.test(json)) continue;
    if (line === 1 && /^\s*\{\s*$/.test(json))
      throw new InputError(
        `${file}: found a single JSON object over several lines, expected a list of rows, or an object a line. Write the file again.`,
      );
    const where = `${file}: line ${line}`;
    if (line === 1 && !/^[\s\ufeff]*(?:[{["\d-]|(?:true|false|null)\b)/.test(json))
      throw new InputError(
        `${where}: found plain text, expected JSON: a list of objects, or an object a line. Name a file of that kind.`,
      );
    yield rowOf(parseJson(json, where), where);
  }
}

function rowOf(row: JsonValue, where: string): JsonRow {
  if (row instanceof Map) return { where, fields: row };
  throw new InputError(`${where}: found ${described(row)}, expected an object. Write the row again.`);
}

function firstCharacter(file: string): string {
  for (const chunk of chunksOf(file, 4096)) return /[^\s\ufeff]/.exec(new TextDecoder().decode(chunk))?.[0] ?? '';
  return '';
}

function wholeText(file: string): string {
  const lines: string[] = [];
  let length = 0;
  for (const line of linesOf(file)) {
    length += line.length + 1;
    lines.push(line);
    if (length > LONGEST_LIST)
      throw new InputError(
        `${file}: found a JSON list of more than ${LONGEST_LIST} characters (64 Mi), expected an object a line, which is read row by row. Convert it: jq -c '.[]'.`,
      );
  }
  return lines.join('\n');
}
