// Two files whose lines belong together: line n of one is the source of line n of the other.
import { quoted } from '../../checkpoint/json.ts';
import { InputError } from '../../errors.ts';
import { linesOf } from '../file_lines.ts';
import { formOf } from '../text_source.ts';
import type { PairCells } from './pair_columns.ts';

export interface LineFile {
  /** For messages. */
  readonly file: string;
  /** Default: those of the file. */
  readonly lines?: Iterable<string>;
}

/** @throws InputError where one file goes on behind the other's end, blank lines aside, naming the first line without a partner */
export function* alignedLines(source: LineFile, target: LineFile): Generator<PairCells> {
  const [left, right] = [opened(source), opened(target)];
  for (let line = 1; ; line++) {
    const [a, b] = [left.next(), right.next()];
    if (a.done && b.done) return;
    if (!a.done && !b.done) yield { line, source: a.value, target: b.value, cut: false };
    else if (b.done) return refuseRest({ longer: source, shorter: target, line, next: a.value!, rest: left });
    else return refuseRest({ longer: target, shorter: source, line, next: b.value!, rest: right });
  }
}

function opened({ file, lines }: LineFile): Iterator<string> {
  if (lines !== undefined) return lines[Symbol.iterator]();
  if (formOf(file) === 'parquet')
    throw new InputError(
      `${file}: found a Parquet table, expected a text a line. Write it as JSONL, and name it with --data.`,
    );
  return linesOf(file);
}

interface Rest {
  readonly longer: LineFile;
  readonly shorter: LineFile;
  /** The first line that only the longer one has, and its number. */
  readonly line: number;
  readonly next: string;
  readonly rest: Iterator<string>;
}

function refuseRest({ longer, shorter, line, next, rest }: Rest): void {
  let [count, text, first] = [line - 1, '', 0];
  let at = line;
  for (let each: string | undefined = next; each !== undefined; at++) {
    if (/\S/.test(each)) {
      if (first === 0) [first, text] = [at, each];
      count = at;
    }
    const more = rest.next();
    each = more.done ? undefined : more.value;
  }
  if (first === 0) return;
  throw new InputError(
    `${longer.file} and ${shorter.file}: found ${count} and ${line - 1} lines, expected as many in both: ` +
      `line ${first} of ${longer.file} has no partner (${quoted(text.slice(0, 60))}). ` +
      'A line may be missing anywhere before it: make both files again from the same pairs.',
  );
}
