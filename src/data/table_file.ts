// Which form a file's table has.
import { linesOf } from './file_lines.ts';
import { type TableForm, tableFormOf } from './table_columns.ts';
import { isParquet } from './text_check.ts';

/**
 * The form of a file: by its ending, else by its first bytes and its first line.
 * @param lines of it   @throws InputError for a file of another kind
 */
export function tableForm(file: string, lines: () => Iterable<string> = () => linesOf(file)): TableForm {
  return tableFormOf(file, lines, () => isParquet(file));
}
