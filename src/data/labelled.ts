// Labelled texts from a file.
import { linesOf } from './file_lines.ts';
import { type LabelledOptions, type LabelledSet, labelledRows } from './labelled_rows.ts';
import { tableForm } from './table_file.ts';
import { requireFile } from './text_source.ts';

/**
 * All rows of a file in TSV, CSV or JSONL, told apart by its ending, else by its first line.
 * @throws InputError naming file and line: see labelledRows
 */
export function readLabelled(file: string, options: LabelledOptions = {}): LabelledSet {
  requireFile(file, 'rows');
  return labelledRows(file, tableForm(file), () => linesOf(file), options);
}
