// Which column of a table, or field of a JSON object, is the text and which the label. A first line that has their names is a line of
// names; a table of two columns may do without.
import { quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { jsonRow, kindOf, noField, textIn } from './jsonl.ts';
import { csvRows, type TableRow, tsvRows } from './table.ts';

export type LabelledForm = 'tsv' | 'csv' | 'jsonl';

export interface LabelledColumns {
  /** Name of the column or field of texts. Default: text. */
  readonly textColumn?: string | undefined;
  /** Name of the column or field of classes. Default: label. */
  readonly labelColumn?: string | undefined;
  /** See LabelledOptions. */
  readonly classes?: readonly string[] | undefined;
}

/** What a row has, as it stands there. */
export interface Cells {
  readonly line: number;
  /** Null where JSON says so. */
  readonly text: string | null;
  readonly label: string;
}

/** Rows that are looked at to tell which column is which. */
const LOOKED_AT = 1000;
/** With so many rows, a label that only the first has is the name of a column. */
const ENOUGH = 20;

/**
 * The text and the label of each row.
 * @param notes gets a sentence about what was decided
 */
export function* columnRows(
  name: string,
  form: LabelledForm,
  lines: () => Iterable<string>,
  columns: LabelledColumns,
  notes: string[],
): Generator<Cells> {
  const { textColumn = 'text', labelColumn = 'label' } = columns;
  if (textColumn === labelColumn)
    throw new InputError(
      `--label-column: found ${quoted(labelColumn)}, which is the text column too, expected another. Name both.`,
    );
  if (form === 'jsonl') return yield* objects(name, lines(), textColumn, labelColumn);
  const table = () => (form === 'tsv' ? tsvRows(lines()) : csvRows(lines(), name));
  const { text, label, names, width } = placesOf(name, form, table, columns, notes);
  let first = true;
  for (const { line, cells } of table()) {
    if (cells.length !== width) throw misshapen(name, form, line, cells, width);
    if (!first || !names) yield { line, text: cells[text]!, label: cells[label]! };
    first = false;
  }
}

interface Places {
  readonly text: number;
  readonly label: number;
  /** Whether the first row is one of names. */
  readonly names: boolean;
  readonly width: number;
}

function placesOf(
  name: string,
  form: LabelledForm,
  table: () => Iterable<TableRow>,
  { textColumn, labelColumn, classes }: LabelledColumns,
  notes: string[],
): Places {
  const rows: (readonly string[])[] = [];
  let line = 0;
  for (const row of table()) {
    if (rows.length === 0) line = row.line;
    if (rows.push(row.cells) === LOOKED_AT) break;
  }
  const [head] = rows;
  if (!head) throw new InputError(`${name}: found no rows, expected texts with their labels. Name another file.`);
  const names = head.map((each) => each.trim());
  const width = head.length;
  const wanted = [textColumn ?? 'text', labelColumn ?? 'label'] as const;
  const [text, label] = wanted.map((each) => names.indexOf(each)) as [number, number];
  const where = `${name}: line ${line}`;
  if (text >= 0 && label >= 0) {
    for (const each of wanted)
      if (names.indexOf(each) !== names.lastIndexOf(each))
        throw new InputError(`${where}: found the column ${quoted(each)} twice, expected it once. Rename one.`);
    return { text, label, names: true, width };
  }
  const asked = textColumn !== undefined || labelColumn !== undefined;
  if (width === 1 && !asked) throw misshapen(name, form, line, head, 2);
  if (asked || width !== 2 || text >= 0 || label >= 0)
    throw noField(
      names,
      text < 0 ? wanted[0] : wanted[1],
      where,
      'column',
      text < 0 ? '--text-column' : '--label-column',
    );
  return { ...unnamed(where, rows, classes, notes), width };
}

/** Two columns without names: the one with fewer different values is the label. */
function unnamed(
  where: string,
  rows: readonly (readonly string[])[],
  classes: readonly string[] | undefined,
  notes: string[],
): Omit<Places, 'width'> {
  const different = [0, 1].map((column) => new Set(rows.map((cells) => cells[column]?.trim())).size);
  const label = different[1]! < different[0]! ? 1 : 0;
  const text = 1 - label;
  const first = rows[0]![label]!.trim();
  const isName =
    rows.length >= ENOUGH &&
    !classes?.includes(first) &&
    rows.filter((cells) => cells[label]?.trim() === first).length === 1;
  const values = different[label]! - (isName ? 1 : 0);
  const why = `column ${label + 1} has fewer different values (${values} in the first ${rows.length} rows)`;
  notes.push(
    isName
      ? `${where}: read as the names of the columns, since no other row has the label ${quoted(first)}; ${why}: it is the label.`
      : `${where}: no names of columns; ${why}: it is the label, column ${text + 1} the text.`,
  );
  return { text, label, names: isName };
}

function misshapen(
  name: string,
  form: LabelledForm,
  line: number,
  cells: readonly string[],
  width: number,
): InputError {
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

function* objects(name: string, lines: Iterable<string>, textColumn: string, labelColumn: string): Generator<Cells> {
  let line = 0;
  for (const json of lines) {
    line++;
    if (!/\S/.test(json)) continue;
    const where = `${name}: line ${line}`;
    const row = jsonRow(json, where);
    const text = textIn(row, textColumn, where, '--text-column');
    if (!Object.hasOwn(row, labelColumn))
      throw noField(Object.keys(row), labelColumn, where, 'field', '--label-column');
    yield { line, text, label: labelIn(row[labelColumn], labelColumn, where) };
  }
}

/** A label is a text, a whole number or true and false, as data sets have them. */
function labelIn(value: unknown, column: string, where: string): string {
  if (typeof value === 'string') {
    if (/[\ud800-\udfff]/u.test(value))
      throw new InputError(`${where}: ${quoted(column)}: found half of a surrogate pair, expected whole characters.`);
    return value;
  }
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value);
  throw new InputError(
    `${where}: ${quoted(column)}: found ${kindOf(value)}, expected a text or a whole number. Name another field with --label-column.`,
  );
}
