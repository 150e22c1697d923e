// The texts that predict is asked about: lines of standard input as they come, or rows of a file.
import path from 'node:path';
import { counted } from '../data/counted.ts';
import { linesOf } from '../data/file_lines.ts';
import { jsonRow, noField, textIn } from '../data/jsonl.ts';
import { quoted } from '../data/printable.ts';
import { csvRows, type TableRow, tsvRows } from '../data/table.ts';
import { formOf, requireFile } from '../data/text_source.ts';
import { InputError } from '../errors.ts';
import type { StopSignal } from './stop.ts';

/** A text, and where it stands, from 1. */
export interface AskedText {
  text: string;
  line: number;
}

/** Texts that are answered together. */
const MOST = 256;
/** What names the column. */
const COLUMN_FLAG = '--text-column';
/** Characters of a line: more than any context holds. */
const LONGEST_LINE = 16 * 2 ** 20;

/**
 * Lines of a stream, as many together as have come: who types them is answered line by line. Ends early at a signal.
 * @throws InputError for bytes that are no UTF-8, and lines without end
 */
export async function* streamTexts(stream: NodeJS.ReadableStream, signal: StopSignal): AsyncGenerator<AskedText[]> {
  const stopped = signal.whenRequested.then(() => null);
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string>;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const where = 'standard input';
  let [held, line] = ['', 0];
  const decoded = (chunk?: Uint8Array | string) => {
    if (typeof chunk === 'string') return chunk;
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      const before = new TextDecoder().decode(chunk as Uint8Array | undefined).split('\ufffd')[0]!;
      throw new InputError(
        `${where}: line ${line + before.split('\n').length}: found bytes that are not UTF-8, expected UTF-8. Repair the line, or convert all: iconv -f LATIN1 -t UTF-8.`,
      );
    }
  };
  for (;;) {
    const next = await Promise.race([chunks.next(), stopped]);
    if (next === null) return;
    const lines = decoded(next.done ? undefined : next.value).split('\n');
    lines[0] = held + lines[0]!;
    held = lines.pop()!;
    if (held.length > LONGEST_LINE)
      throw new InputError(
        `${where}: line ${line + lines.length + 1}: found ${held.length} characters without an end, expected a text a line.`,
      );
    if (next.done && held !== '') lines.push(held);
    for (let at = 0; at < lines.length; at += MOST)
      yield lines.slice(at, at + MOST).map((text) => ({ text: text.replace(/\r$/, ''), line: ++line }));
    if (next.done) return;
  }
}

/**
 * Texts of a file: the column of TSV and CSV, the field of JSONL, else a line each.
 * @param column its name; default: text
 * @throws InputError for a column that is not there, and rows that cannot be read, naming file and line
 */
export function* fileTexts(file: string, column: string | undefined): Generator<AskedText[]> {
  let some: AskedText[] = [];
  for (const each of textsIn(file, column)) {
    some.push(each);
    if (some.length < MOST) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

function* textsIn(file: string, column: string | undefined): Generator<AskedText> {
  requireFile(file, 'texts');
  const [ending, form] = [path.extname(file).toLowerCase(), formOf(file)];
  if (form === 'parquet')
    throw new InputError(
      `${file}: found a Parquet table, expected TSV, CSV, JSONL or a text a line. Write it as JSONL.`,
    );
  if (ending === '.tsv' || ending === '.csv')
    return yield* cells(
      ending === '.tsv' ? tsvRows(linesOf(file)) : csvRows(linesOf(file), file),
      file,
      column ?? 'text',
    );
  if (form === 'text' && column !== undefined)
    throw new InputError(
      `--text-column: found it for ${quoted(file)}, whose lines are texts, expected a .tsv, .csv or .jsonl file. Leave it out.`,
    );
  let line = 0;
  for (const text of linesOf(file)) {
    line++;
    if (form === 'text') yield { text, line };
    else if (/\S/.test(text)) {
      const where = `${file}: line ${line}`;
      yield { text: textIn(jsonRow(text, where), column ?? 'text', where, COLUMN_FLAG) ?? '', line };
    }
  }
}

function* cells(rows: Iterable<TableRow>, file: string, column: string): Generator<AskedText> {
  let at = -1;
  for (const { line, cells } of rows) {
    if (at >= 0) {
      if (cells.length <= at)
        throw new InputError(
          `${file}: line ${line}: found ${counted(cells.length, 'column')}, expected ${at + 1} or more. Repair the line.`,
        );
      yield { text: cells[at]!, line };
      continue;
    }
    const names = cells.map((name) => name.trim());
    at = names.indexOf(column);
    if (at < 0) throw noField(names, column, `${file}: line ${line}`, 'column', COLUMN_FLAG);
  }
}
