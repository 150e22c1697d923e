// Tables in text, a record at a time: tab-separated values, and comma-separated ones with quotes (RFC 4180). Pure: lines come from
// anywhere. Written here, since a record needs the number of its line and a faulty one a sentence.
import { InputError } from '../errors.ts';

export interface TableRow {
  /** The line on which it begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Characters of a cell in quotes: a quote that is never closed must not take in the rest of the file. */
const LONGEST_CELL = 2 ** 24;

/** A record a line; a quote is a character like any other. Blank lines are passed over. */
export function* tsvRows(lines: Iterable<string>): Generator<TableRow> {
  let line = 0;
  for (const text of lines) {
    line++;
    if (/\S/.test(text)) yield { line, cells: text.split('\t') };
  }
}

/**
 * Records of comma-separated values. A cell that begins with a quote ends with the next single one: inside, two quotes stand for one,
 * and commas and line breaks are text. In other cells a quote is a character like any other. Blank lines are passed over.
 * @param where opens every message: the file
 * @throws InputError for a quote that is never closed, and for what follows a closed one, naming the line
 */
export function* csvRows(lines: Iterable<string>, where: string): Generator<TableRow> {
  let line = 0;
  let begun = 0; // line on which the record began
  let cells: string[] = [];
  let open: string | null = null; // what a quoted cell holds so far
  let openedAt = 0;
  for (const text of lines) {
    line++;
    let at = 0;
    if (open !== null) open += '\n';
    else if (!/\S/.test(text)) continue;
    else [begun, cells] = [line, []];
    for (;;) {
      if (open === null && text[at] !== '"') {
        const comma = text.indexOf(',', at);
        cells.push(text.slice(at, comma < 0 ? undefined : comma));
        if (comma < 0) break;
        at = comma + 1;
        continue;
      }
      if (open === null) {
        [open, openedAt] = ['', line];
        at++;
      }
      const end = closingQuote(text, at);
      open += text.slice(at, end).replaceAll('""', '"');
      if (open.length > LONGEST_CELL) throw unclosed(where, openedAt, `after ${open.length} characters`);
      if (end === text.length) break;
      cells.push(open);
      open = null;
      at = end + 1;
      if (at === text.length) break;
      if (text[at] !== ',')
        throw new InputError(
          `${where}: line ${line}: found ${JSON.stringify(text.slice(at, at + 20))} after a closing quote, expected a comma. ` +
            'Write a quote inside a text as two.',
        );
      at++;
    }
    if (open === null) yield { line: begun, cells };
  }
  if (open !== null) throw unclosed(where, openedAt, 'at the end of the file');
}

/** Where the quote stands that closes a cell, from `at` on; the length of the text where none does. */
function closingQuote(text: string, at: number): number {
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    if (text[quote + 1] !== '"') return quote;
    at = quote + 2;
  }
}

function unclosed(where: string, line: number, when: string): InputError {
  return new InputError(
    `${where}: line ${line}: found a quote that is not closed ${when}, expected another. Close it, or write a quote inside a text as two.`,
  );
}
