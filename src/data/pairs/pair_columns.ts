// Which two columns of a table, or fields of a JSON object, are a pair.
import { quoted } from '../../checkpoint/json.ts';
import { noField, textIn } from '../jsonl.ts';
import {
  type Column,
  column,
  objectsOf,
  type Places,
  type TableForm,
  type TableKind,
  twoDifferent,
  twoOfTable,
} from '../table_columns.ts';

export interface PairColumns {
  /** Name of the column or field of sources, or number of the column, from 1. Default: source. */
  readonly sourceColumn?: string | undefined;
  /** The same of targets. Default: target. */
  readonly targetColumn?: string | undefined;
}

/** A pair as it stands there. */
export interface PairCells {
  readonly line: number;
  /** Null where JSON says so. */
  readonly source: string | null;
  readonly target: string | null;
  /** Whether the texts were cut from a longer line. */
  readonly cut: boolean;
}

/** Sentences about what was decided, and about what is probably a mistake. */
export interface Told {
  readonly notes: string[];
  readonly warnings: string[];
}

/** The pair of each row. */
export function* pairColumns(
  name: string,
  form: TableForm,
  lines: () => Iterable<string>,
  { sourceColumn, targetColumn }: PairColumns,
  told: Told,
): Generator<PairCells> {
  const columns = twoDifferent(column(sourceColumn, 'source'), column(targetColumn, 'target'));
  if (form === 'jsonl') {
    for (const { line, where, row } of objectsOf(name, lines())) {
      const [source, target] = columns.map((each) => fieldOf(row, each, where)) as [string | null, string | null];
      yield { line, source, target, cut: false };
    }
    return;
  }
  const kind: TableKind = {
    of: 'sources with their targets',
    widest: Number.POSITIVE_INFINITY,
    numbered: true,
    unnamed: (where, rows, numbers) => unnamed(where, rows, numbers, told),
  };
  for (const { line, cells, width } of twoOfTable(name, form, lines, columns, kind))
    yield { line, source: cells[0], target: cells[1], cut: width > 2 };
}

/** A text of an object, or of the `translation` in it: {"translation": {"en": "...", "de": "..."}}, as data sets of the hub have it. */
function fieldOf(row: Readonly<Record<string, unknown>>, { name, flag }: Column, where: string): string | null {
  const { translation } = row;
  const within = typeof translation === 'object' && translation !== null && !Array.isArray(translation);
  if (!within || Object.hasOwn(row, name)) return textIn(row, name, where, flag);
  const fields = translation as Readonly<Record<string, unknown>>;
  if (!Object.hasOwn(fields, name)) throw noField(Object.keys(fields), name, where, 'field', flag);
  return textIn(fields, name, where, flag);
}

/** Names that a first line may have in place of texts. */
const HEADINGS = new Set(
  (
    'source target src tgt trg input output text summary article highlights document question answer sentence translation ' +
    'en de fr es it nl pt ru zh ja english german french spanish italian dutch portuguese russian chinese japanese'
  ).split(' '),
);

function unnamed(
  where: string,
  rows: readonly (readonly string[])[],
  numbers: Places | null,
  { notes, warnings }: Told,
): { places: Places; names: boolean } {
  const places = numbers ?? ([0, 1] as const);
  const [head] = rows;
  const cells = places.map((place) => head![place]!.trim());
  if (numbers === null) {
    const others = head!.length === 3 ? '; column 3 is not read' : `; columns 3 to ${head!.length} are not read`;
    notes.push(
      `${where}: no names of columns: column 1 is the source, column 2 the target${head!.length > 2 ? others : ''}.`,
    );
  }
  if (cells.every((cell) => HEADINGS.has(cell.toLowerCase())))
    warnings.push(
      `${where}: read as a pair (${cells.map(quoted).join(', ')}), though it looks like names of columns. ` +
        `If it is, give them: --source-column ${quoted(cells[0]!)} --target-column ${quoted(cells[1]!)}.`,
    );
  return { places, names: false };
}
