// Which column of a table, or field of a JSON object, is the text and which the label. A first line that has their names is a line of
// names; a table of two columns may do without.
import { quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { kindOf, noField, textIn } from './jsonl.ts';
import { column, objectsOf, type Places, type TableForm, twoDifferent, twoOfTable } from './table_columns.ts';

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

/** With so many rows, a label that only the first has is the name of a column. */
const ENOUGH = 20;

/**
 * The text and the label of each row.
 * @param notes gets a sentence about what was decided
 */
export function* columnRows(
  name: string,
  form: TableForm,
  lines: () => Iterable<string>,
  { textColumn, labelColumn, classes }: LabelledColumns,
  notes: string[],
): Generator<Cells> {
  const columns = twoDifferent(column(textColumn, 'text'), column(labelColumn, 'label'));
  if (form === 'jsonl') {
    const [{ name: text, flag }, label] = columns;
    for (const { line, where, row } of objectsOf(name, lines())) {
      const found = textIn(row, text, where, flag);
      if (!Object.hasOwn(row, label.name)) throw noField(Object.keys(row), label.name, where, 'field', label.flag);
      yield { line, text: found, label: labelIn(row[label.name], label.name, where) };
    }
    return;
  }
  const table = twoOfTable(name, form, lines, columns, {
    of: 'texts with their labels',
    widest: 2,
    unnamed: (where, rows) => unnamed(where, rows, classes, notes),
  });
  for (const { line, cells } of table) yield { line, text: cells[0], label: cells[1] };
}

/** Two columns without names: the one with fewer different values is the label. */
function unnamed(
  where: string,
  rows: readonly (readonly string[])[],
  classes: readonly string[] | undefined,
  notes: string[],
): { places: Places; names: boolean } {
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
  return { places: [text, label], names: isName };
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
