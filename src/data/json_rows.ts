// Rows of JSON: a list of objects in one file, or an object a line (JSONL). Which of them a file is, its first character says.
// Pure: lines come from anywhere.
import { described, type JsonObject, type JsonValue, parseJson } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { linesIn } from './jsonl.ts';
import { endingOf } from './table_columns.ts';
import { requireText } from './text_bytes.ts';

export interface JsonRow {
  /** `FILE: line N`, or `FILE: row N` of a list: for messages. */
  readonly where: string;
  /** Its keys in the order of the file. */
  readonly fields: JsonObject;
}

/**
 * The rows of a text in memory: of a list where its first character begins one, else of its lines.
 * @throws InputError naming file and line or row, for what is no text, no JSON and no object
 */
export function* jsonRowsOf(name: string, text: string): Generator<JsonRow> {
  requireText(name, text);
  if (endingOf(name) === '.parquet') throw parquetRows(name);
  if (/[^\s\ufeff]/.exec(text.slice(0, 4096))?.[0] === '[') yield* rowsOfList([...linesIn(text)].join('\n'), name);
  else yield* rowsOfLines(linesIn(text), name);
}

/** Refuses a table in Parquet. */
export function parquetRows(name: string): InputError {
  return new InputError(`${name}: found a Parquet table, expected JSON. Write its rows as JSONL, an object a line.`);
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
