// Tables and JSON objects of which two columns are wanted: which of a table they are, by the names of its first line, by their
// numbers, or as its reader knows. Every row has as many cells as the first.
import { quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { jsonRow, noField } from './jsonl.ts';
import { csvRows, type TableRow, tsvRows } from './table.ts';

export type TableForm = 'tsv' | 'csv' | 'jsonl';

export interface Column {
  readonly name: string;
  /** The flag that names it. */
  readonly flag: string;
  /** Whether it was named: the usual name may be missing. */
  readonly asked: boolean;
}

export type TwoColumns = readonly [first: Column, second: Column];

/** Where two columns stand, from 0. */
export type Places = readonly [number, number];

/** What a reader makes of its tables. */
export interface TableKind {
  /** What a table has, for messages: `texts with their labels`. */
  readonly of: string;
  /** Columns that a table without their names has at most. */
  readonly widest: number;
  /** Whether a column may be named by its number, from 1, where a table has no such name. Default false. */
  readonly numbered?: boolean;
  /**
   * Which column is which without names, and whether the first row is one of other names nevertheless.
   * @param where `FILE: line N` of the first row   @param rows the first of them   @param numbers columns that were asked for by number
   */
  unnamed(
    where: string,
    rows: readonly (readonly string[])[],
    numbers: Places | null,
  ): { places: Places; names: boolean };
}

/** The wanted cells of a row. */
export interface TwoCells {
  readonly line: number;
  readonly cells: readonly [string, string];
  /** Cells of the row. */
  readonly width: number;
}

/** Rows that are looked at to tell which column is which. */
const LOOKED_AT = 1000;

/**
 * The form of a table: by the ending of its name, else by its first line.
 * @param isParquet what its bytes say where its ending says nothing   @throws InputError for one of another kind
 */
export function tableFormOf(
  name: string,
  lines: () => Iterable<string>,
  isParquet: () => boolean = () => false,
): TableForm {
  const ending = endingOf(name);
  if (ending === '.tsv' || ending === '.csv') return ending === '.tsv' ? 'tsv' : 'csv';
  if (ending === '.jsonl' || ending === '.ndjson') return 'jsonl';
  if (ending === '.parquet' || isParquet())
    throw new InputError(`${name}: found a Parquet table, expected TSV, CSV or JSONL. Write it as JSONL first.`);
  for (const line of lines()) {
    if (/^\s*$/.test(line)) continue;
    if (/^\s*\[/.test(line) && ending === '.json')
      throw new InputError(`${name}: found a JSON list, expected an object a line. Write it as JSONL first.`);
    return /^\s*\{/.test(line) ? 'jsonl' : line.includes('\t') ? 'tsv' : 'csv';
  }
  return 'tsv';
}

/** The ending of a file's name in small letters: `.tsv`; '' for none. */
export function endingOf(name: string): string {
  return /[^/\\](\.[^./\\]*)$/.exec(name)?.[1]?.toLowerCase() ?? '';
}

/** A column under the name that was given, or its usual one. */
export function column(given: string | undefined, usual: string): Column {
  return { name: given ?? usual, flag: `--${usual}-column`, asked: given !== undefined };
}

/** @throws InputError for one column in place of two */
export function twoDifferent(first: Column, second: Column): TwoColumns {
  if (first.name !== second.name) return [first, second];
  const word = first.flag.slice('--'.length, -'-column'.length);
  throw new InputError(
    `${second.flag}: found ${quoted(second.name)}, which is the ${word} column too, expected another. Name both.`,
  );
}

/**
 * The two cells of each row of a table.
 * @param name opens every message
 * @param lines all of them, from the beginning each time; they are read more than once
 * @throws InputError for columns that are not there or stand there twice, rows of other lengths and faulty quotes, naming the line
 */
export function* twoOfTable(
  name: string,
  form: Exclude<TableForm, 'jsonl'>,
  lines: () => Iterable<string>,
  columns: TwoColumns,
  kind: TableKind,
): Generator<TwoCells> {
  const table = () => (form === 'tsv' ? tsvRows(lines()) : csvRows(lines(), name));
  const { places, names, width } = placesOf(name, form, table, columns, kind);
  const [a, b] = places;
  let first = true;
  for (const { line, cells } of table()) {
    if (cells.length !== width) throw misshapen(name, form, line, cells, width);
    if (!first || !names) yield { line, cells: [cells[a]!, cells[b]!], width };
    first = false;
  }
}

/** The objects of lines, with their numbers. Blank lines are passed over. @throws InputError as jsonRow */
export function* objectsOf(
  name: string,
  lines: Iterable<string>,
): Generator<{ line: number; where: string; row: Readonly<Record<string, unknown>> }> {
  let line = 0;
  for (const json of lines) {
    line++;
    if (!/\S/.test(json)) continue;
    const where = `${name}: line ${line}`;
    yield { line, where, row: jsonRow(json, where) };
  }
}

function placesOf(
  name: string,
  form: TableForm,
  table: () => Iterable<TableRow>,
  columns: TwoColumns,
  { of, widest, numbered, unnamed }: TableKind,
): { places: Places; names: boolean; width: number } {
  const rows: (readonly string[])[] = [];
  let line = 0;
  for (const row of table()) {
    if (rows.length === 0) line = row.line;
    if (rows.push(row.cells) === LOOKED_AT) break;
  }
  const [head] = rows;
  if (!head) throw new InputError(`${name}: found no rows, expected ${of}. Name another file.`);
  const names = head.map((each) => each.trim());
  const width = head.length;
  const [a, b] = columns.map((each) => names.indexOf(each.name)) as [number, number];
  const where = `${name}: line ${line}`;
  if (a >= 0 && b >= 0) {
    for (const each of columns)
      if (names.indexOf(each.name) !== names.lastIndexOf(each.name))
        throw new InputError(`${where}: found the column ${quoted(each.name)} twice, expected it once. Rename one.`);
    return { places: [a, b], names: true, width };
  }
  const asked = columns.some((each) => each.asked);
  if (width === 1 && !asked) throw misshapen(name, form, line, head, 2);
  const numbers = numbered ? numbersOf(columns, width) : null;
  if (numbers === null && (asked || width > widest || a >= 0 || b >= 0)) {
    const missing = columns[a < 0 ? 0 : 1];
    throw noField(names, missing.name, where, 'column', missing.flag);
  }
  return { ...unnamed(where, rows, numbers), width };
}

/** Columns that are named by their numbers; null where one of them is not. */
function numbersOf(columns: TwoColumns, width: number): Places | null {
  const [a, b] = columns.map(({ name }) => (/^[1-9]\d{0,5}$/.test(name) ? Number(name) - 1 : width)) as [
    number,
    number,
  ];
  return a < width && b < width ? [a, b] : null;
}

function misshapen(name: string, form: TableForm, line: number, cells: readonly string[], width: number): InputError {
  const [separator, advice] =
    form === 'tsv'
      ? ['tabs', 'Put a tab between the columns, and none inside a text.']
      : ['commas', 'Write texts with a comma, a quote or a line break in quotes.'];
  const json = cells[0]?.trimStart().startsWith('{') ? ' It looks like JSON: name such a file .jsonl.' : '';
  const found = cells.length === 1 ? '1 column' : `${cells.length} columns`;
  return new InputError(
    `${name}: line ${line}: found ${found}, expected ${width} with ${separator} between.${json === '' ? ` ${advice}` : json}`,
  );
}
