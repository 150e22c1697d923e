// The lines of a file, one in memory at a time, and the rows of one that is JSONL.
import { InputError } from '../errors.ts';
import { jsonRow, type RowCount, textIn } from './jsonl.ts';
import { chunksOf, invalidUtf8 } from './text_check.ts';

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
