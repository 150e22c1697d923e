// Rows of JSON from a file, or from all files of a folder.
import { InputError } from '../errors.ts';
import { linesOf } from './file_lines.ts';
import { type JsonRow, parquetRows, rowsOfLines, rowsOfList } from './json_rows.ts';
import { chunksOf } from './text_check.ts';
import { findText, formOf } from './text_source.ts';

/** A list is read whole. */
const LONGEST_LIST = 64 * 2 ** 20;

/**
 * The rows of a file, or of all files of a folder. Of JSONL one line at a time is in memory, and blank ones are passed over.
 * @throws InputError naming file and line or row, for what is no JSON, no object, and for a file of another kind
 */
export function* jsonRows(file: string): Generator<JsonRow> {
  for (const path of findText(file).files) {
    if (formOf(path) === 'parquet') throw parquetRows(path);
    if (firstCharacter(path) === '[') yield* rowsOfList(wholeText(path), path);
    else yield* rowsOfLines(linesOf(path), path);
  }
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
