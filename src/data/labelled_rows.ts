// Labelled texts: a table (TSV, CSV) or JSONL with a text and a class in each row, line by line. Only texts, numbers of classes and
// line numbers are kept. Pure: lines come from anywhere.
import { InputError } from '../errors.ts';
import { usableText } from './cell_text.ts';
import { linesIn } from './jsonl.ts';
import { classesOf, Labels } from './labelled_classes.ts';
import { columnRows, type LabelledColumns } from './labelled_columns.ts';
import { type TableForm, tableFormOf } from './table_columns.ts';
import { requireText } from './text_bytes.ts';

export interface LabelledRow {
  readonly text: string;
  /** Number of the class. */
  readonly label: number;
  /** Where it stands in the file, from 1. */
  readonly line: number;
}

export interface LabelledOptions extends LabelledColumns {
  /** The classes there are, of a model or of another file, in the order of their numbers. Default: all that occur, sorted. */
  readonly classes?: readonly string[] | undefined;
}

export interface LabelledSet {
  /** The file. */
  readonly name: string;
  readonly classes: readonly string[];
  readonly rows: readonly LabelledRow[];
  /** A sentence about each thing that was decided or dropped. */
  readonly notes: readonly string[];
  /** A sentence about each thing that is probably a mistake. */
  readonly warnings: readonly string[];
}

/**
 * All rows of a text in memory, in TSV, CSV or JSONL, told apart by the ending of its name, else by its first line.
 * @throws InputError naming file and line: for what is no text, and as labelledRows
 */
export function readLabelledText(name: string, text: string, options: LabelledOptions = {}): LabelledSet {
  requireText(name, text);
  const lines = () => linesIn(text);
  return labelledRows(name, tableFormOf(name, lines), lines, options);
}

/**
 * The rows of lines in this form.
 * @param name opens every message
 * @param lines all of them, from the beginning each time; they are read more than once
 * @throws InputError for columns that are not there, rows of other lengths, faulty JSON, quotes and characters, labels outside
 *   `classes`, a single class, no rows, naming the line
 */
export function labelledRows(
  name: string,
  form: TableForm,
  lines: () => Iterable<string>,
  options: LabelledOptions = {},
): LabelledSet {
  const notes: string[] = [];
  const labels = new Labels(name, options.classes);
  const rows: { text: string; label: number; line: number }[] = [];
  const empty: number[] = [];
  for (const row of columnRows(name, form, lines, options, notes)) {
    const { line, label } = row;
    const text = usableText(row.text, `${name}: line ${line}`, notes);
    if (text === '') empty.push(line);
    else rows.push({ text, label: labels.add(label, line), line });
  }
  if (empty.length > 0) {
    const count = empty.length === 1 ? '1 row without text was' : `${empty.length} rows without text were`;
    notes.push(`${name}: ${count} dropped, the first is line ${empty[0]}.`);
  }
  if (rows.length === 0)
    throw new InputError(`${name}: found no rows with a text, expected some. Name a file of texts with their labels.`);
  const { classes, order, warnings, note } = classesOf(labels, options);
  if (note !== null) notes.push(note);
  for (const row of rows) row.label = order[row.label]!;
  return { name, classes, rows, notes, warnings };
}
