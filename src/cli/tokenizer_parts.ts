// What a tokenizer learns from, in parts: texts as they are, and of tables of pairs both sides of every pair.
import { linesOf } from '../data/file_lines.ts';
import type { PairColumns } from '../data/pairs/pair_columns.ts';
import { pairTexts } from '../data/pairs/read_pairs.ts';
import { csvRows, tsvRows } from '../data/table.ts';
import { tableForm } from '../data/table_file.ts';
import { DOCUMENT_END, readText, type TextPart } from '../data/text_reader.ts';
import { formOf, type TextSource } from '../data/text_source.ts';
import { InputError } from '../errors.ts';
import type { CommandContext } from './command.ts';

export interface PartsOptions extends PairColumns {
  /** See ReadOptions. */
  readonly textField?: string | undefined;
}

/**
 * The texts, each followed by DOCUMENT_END where it is a document.
 * @throws InputError as readText and readPairs, and for names of columns where there is no table
 */
export async function* partsToLearn(
  source: TextSource,
  { textField, ...columns }: PartsOptions,
  { out }: Pick<CommandContext, 'out'>,
): AsyncGenerator<TextPart> {
  const onNote = (text: string) => out.note(text);
  const pairs = new Set(source.files.filter((file) => isPairs(file, columns)));
  if (pairs.size === 0) return yield* readText(source, true, { textField, onNote });
  for (const file of source.files) {
    if (pairs.has(file)) yield* pairParts(file, columns, out);
    else yield* readText({ ...source, files: [file] }, true, { textField, onNote });
    yield DOCUMENT_END;
  }
}

/** Whether a file's texts are its bytes, so that its size says how many there are. */
export function isPlain(file: string, columns: PairColumns): boolean {
  return formOf(file) === 'text' && !isPairs(file, columns);
}

/** @throws InputError for names of columns beside other texts */
export function requireTables(sources: readonly TextSource[], options: PartsOptions): void {
  const flag = options.sourceColumn !== undefined ? '--source-column' : '--target-column';
  if (options.sourceColumn === undefined && options.targetColumn === undefined) return;
  if (options.textField !== undefined)
    throw new InputError(
      `--text-field: found beside ${flag}, expected one of them: a row is a text or a pair. Leave one out.`,
    );
  const other = sources.flatMap(({ files }) => files).find((file) => !isPairs(file, options));
  if (other !== undefined)
    throw new InputError(
      `${flag}: found beside ${other}, expected .tsv, .csv or .jsonl with two columns. Leave it out.`,
    );
}

function* pairParts(file: string, columns: PairColumns, out: CommandContext['out']): Generator<TextPart> {
  const [notes, warnings]: [string[], string[]] = [[], []];
  for (const text of pairTexts(file, columns, { notes, warnings })) {
    yield text;
    yield DOCUMENT_END;
  }
  for (const note of notes) out.note(note);
  for (const warning of warnings) out.warn(warning);
}

/** Tables of two columns at least; rows of JSONL are texts until columns are named. */
function isPairs(file: string, { sourceColumn, targetColumn }: PairColumns): boolean {
  if (formOf(file) === 'jsonl') return sourceColumn !== undefined || targetColumn !== undefined;
  if (!/\.[ct]sv$/i.test(file) || formOf(file) !== 'text') return false;
  const rows = tableForm(file) === 'tsv' ? tsvRows(linesOf(file)) : csvRows(linesOf(file), file);
  for (const { cells } of rows) return cells.length > 1;
  return false;
}
