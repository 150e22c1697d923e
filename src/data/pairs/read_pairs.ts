// Pairs of texts, a source and what is to be written from it: a table (TSV, CSV), JSONL, or two files whose lines belong together. They
// are read line by line; only texts and line numbers are kept.
import path from 'node:path';
import { InputError } from '../../errors.ts';
import { usableText } from '../cell_text.ts';
import { linesOf } from '../file_lines.ts';
import { ownCopy } from '../own_copy.ts';
import type { TableForm } from '../table_columns.ts';
import { tableForm } from '../table_file.ts';
import { requireFile } from '../text_source.ts';
import { alignedLines } from './aligned_lines.ts';
import { lengthWarnings } from './length_warnings.ts';
import { type PairCells, type PairColumns, pairColumns, type Told } from './pair_columns.ts';

export interface Pair {
  readonly source: string;
  readonly target: string;
  /** Where it stands in the file, from 1. */
  readonly line: number;
}

export interface PairSet {
  /** The file or files, as messages name them. */
  readonly name: string;
  /** In the order of the file, texts in Unicode's form NFC without white space around them, no two alike unless those are kept. */
  readonly pairs: readonly Pair[];
  /** A sentence about each thing that was decided or dropped. */
  readonly notes: readonly string[];
  /** A sentence about each thing that is probably a mistake. */
  readonly warnings: readonly string[];
}

export interface PairFiles extends PairColumns {
  /** A table or JSONL. */
  readonly data?: string | undefined;
  /** Two texts whose lines belong together, in place of a table. */
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  /** Pairs that came before are kept: a file is to be measured as it is. */
  readonly keepRepeated?: boolean | undefined;
  /** What the flags that name the files begin with, for messages: validation- for --validation-data. */
  readonly flagPrefix?: string | undefined;
}

/**
 * All pairs. Of a table without names of columns the first is the source and the second the target; others are not read.
 * @throws InputError naming file and line: for files that are not there, no text or not as long as each other, columns that are not
 *   there, rows of other lengths, faulty JSON, quotes and characters, and where there are no pairs
 */
export function readPairs(files: PairFiles): PairSet {
  const { data, source, target, keepRepeated = false, flagPrefix = '', ...columns } = files;
  if (source === undefined && target === undefined) {
    if (data === undefined)
      throw new InputError(
        '--data: found nothing, expected a file of pairs. For example: --data pairs.tsv, or --source a.en --target a.de',
      );
    requireFile(data, 'pairs', `--${flagPrefix}data`);
    return pairsOfTable(data, tableForm(data), () => linesOf(data), columns, keepRepeated);
  }
  if (data !== undefined)
    throw new InputError(
      `--data: found beside ${source === undefined ? '--target' : '--source'}, expected one of them. A table has both sides; two files are --source and --target.`,
    );
  if (source === undefined || target === undefined)
    throw new InputError(
      source === undefined
        ? '--target: found without --source, expected both: two files whose lines belong together. Name the other.'
        : '--source: found without --target, expected both: two files whose lines belong together. Name the other.',
    );
  for (const [name, flag] of [
    [columns.sourceColumn, '--source-column'],
    [columns.targetColumn, '--target-column'],
  ])
    if (name !== undefined)
      throw new InputError(
        `${flag}: found beside --source and --target, whose lines are the texts, expected a table. Leave it out, or name a table with --data.`,
      );
  requireFile(source, 'lines', `--${flagPrefix}source`);
  requireFile(target, 'lines', `--${flagPrefix}target`);
  if (path.resolve(source) === path.resolve(target))
    throw new InputError(
      `--${flagPrefix}target: found ${target}, which is the file of --${flagPrefix}source too, expected another. Name the file of the targets.`,
    );
  const cells = () => alignedLines({ file: source }, { file: target });
  return pairsOf(`${source} and ${target}`, cells, keepRepeated, [source, target]);
}

/**
 * The pairs of lines of a table or of JSONL.
 * @param name opens every message   @param lines all of them, from the beginning each time   @throws InputError as readPairs
 */
export function pairsOfTable(
  name: string,
  form: TableForm,
  lines: () => Iterable<string>,
  columns: PairColumns = {},
  keepRepeated = false,
): PairSet {
  const cells = (notes: string[], warnings: string[]) => pairColumns(name, form, lines, columns, { notes, warnings });
  return pairsOf(name, cells, keepRepeated);
}

/**
 * The texts of a table or of JSONL one by one, a source and its target, as readPairs has them, repeated ones too.
 * @param told gets sentences as PairSet has them, some of them only after the last text   @throws InputError as readPairs
 */
export function* pairTexts(file: string, columns: PairColumns, told: Told): Generator<string> {
  requireFile(file, 'pairs');
  for (const { line, source, target, cut } of pairColumns(file, tableForm(file), () => linesOf(file), columns, told))
    for (const each of [source, target]) {
      const text = tidy(usableText(each, `${file}: line ${line}`, told.notes), cut);
      if (text !== '') yield text;
    }
}

/** @param cells of each pair, as they stand there   @param files of sources and of targets, where they have one each */
function pairsOf(
  name: string,
  cells: (notes: string[], warnings: string[]) => Iterable<PairCells>,
  keepRepeated: boolean,
  files: readonly [string, string] = [name, name],
): PairSet {
  const notes: string[] = [];
  const warnings: string[] = [];
  const pairs: Pair[] = [];
  const seen = new SeenPairs();
  const empty: number[] = [];
  const repeated: number[] = [];
  for (const { line, source: first, target: second, cut } of cells(notes, warnings)) {
    const kept = (text: string | null, file: string) => tidy(usableText(text, `${file}: line ${line}`, notes), cut);
    const [source, target] = [kept(first, files[0]), kept(second, files[1])];
    if (source === '' || target === '') empty.push(line);
    else if (!keepRepeated && !seen.add(source, target)) repeated.push(line);
    else pairs.push({ source, target, line });
  }
  const dropped = (lines: number[], one: string, many: string) => {
    if (lines.length === 0) return;
    const count = lines.length === 1 ? `1 pair ${one} was` : `${lines.length} pairs ${many} were`;
    notes.push(`${name}: ${count} dropped, the first is line ${lines[0]}.`);
  };
  dropped(empty, 'without a source or a target', 'without a source or a target');
  dropped(repeated, 'that stands before it', 'that stand before them');
  if (pairs.length === 0)
    throw new InputError(`${name}: found no pairs of texts, expected some. Name a file of sources with their targets.`);
  warnings.push(...lengthWarnings(name, pairs));
  return { name, pairs, notes, warnings };
}

/**
 * One way of writing every character (Unicode's form NFC), nothing around the text; what is inside stays.
 * @param cut whether it is a part of a longer text that nobody else needs
 */
function tidy(text: string, cut: boolean): string {
  const trimmed = text.normalize('NFC').trim();
  return cut ? ownCopy(trimmed) : trimmed;
}

/** Which pairs came before. A source with one target needs no set of its own, nor any text a copy. */
class SeenPairs {
  readonly #targets = new Map<string, string | Set<string>>();

  /** @returns false for one that came before */
  add(source: string, target: string): boolean {
    const known = this.#targets.get(source);
    if (known === undefined) this.#targets.set(source, target);
    else if (known === target || (typeof known !== 'string' && known.has(target))) return false;
    else if (typeof known === 'string') this.#targets.set(source, new Set([known, target]));
    else known.add(target);
    return true;
  }
}
