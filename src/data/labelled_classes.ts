// The classes of labelled rows: which there are, how often each occurs, and which labels are probably slips of the pen.
import { editDistance } from '../checkpoint/edit_distance.ts';
import { firstTen, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';

/** More different labels than this are no classes. */
const MOST_CLASSES = 1000;
const LONGEST_LABEL = 200;

interface Label {
  readonly name: string;
  /** In the order in which they came. */
  readonly id: number;
  readonly firstLine: number;
  count: number;
}

/** Counts labels as rows are read. */
export class Labels {
  readonly where: string;
  readonly seen = new Map<string, Label>();
  readonly #known: ReadonlySet<string> | null;

  constructor(where: string, known: readonly string[] | undefined) {
    this.where = where;
    this.#known = known ? new Set(known) : null;
  }

  /** @returns a number for the label   @throws InputError for one that is empty, too long, or not among the known ones */
  add(label: string, line: number): number {
    const name = label.trim();
    const found = this.seen.get(name);
    if (found) {
      found.count++;
      return found.id;
    }
    const where = `${this.where}: line ${line}`;
    if (name === '') throw new InputError(`${where}: found no label, expected one. Write it, or leave the row out.`);
    if (name.length > LONGEST_LABEL || name.includes('\0'))
      throw new InputError(`${where}: found the label ${quoted(name)}, expected a short text. Is it the text column?`);
    if (this.#known && !this.#known.has(name))
      throw new InputError(
        `${where}: found the label ${quoted(name)}, expected one of ${firstTen([...this.#known].map(quoted))}.${likely(name, this.#known)} Correct the line.`,
      );
    const id = this.seen.size;
    if (id === MOST_CLASSES)
      throw new InputError(
        `${where}: found ${MOST_CLASSES + 1} different labels, expected at most ${MOST_CLASSES} classes. Name the column of the classes with --label-column.`,
      );
    this.seen.set(name, { name, id, firstLine: line, count: 1 });
    return id;
  }
}

function likely(name: string, names: Iterable<string>): string {
  const near = nearestLabel(name, names);
  return near === null ? '' : ` Is it ${quoted(near)}?`;
}

/** The name that a mistyped one stands for: at most one edit for each three letters, capitals aside. */
function nearestLabel(name: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  let fewest = Number.POSITIVE_INFINITY;
  for (const other of names) {
    const edits = editDistance(name.toLowerCase(), other.toLowerCase());
    const close = edits <= Math.max(1, Math.floor(Math.max(name.length, other.length) / 3));
    if (close && edits < fewest) [best, fewest] = [other, edits];
  }
  return best;
}

/**
 * The classes of all rows, sorted by code units, or the given ones.
 * @returns `order`: number of the class by the number that `add` gave
 * @throws InputError where there is a single one and none were given
 */
export function classesOf(
  { where, seen }: Labels,
  { classes: given }: { readonly classes?: readonly string[] | undefined },
): { classes: readonly string[]; order: number[]; warnings: string[]; note: string | null } {
  const labels = [...seen.values()];
  if (given) {
    const absent = given.filter((name) => !seen.has(name));
    const list = firstTen(absent.map(quoted));
    const note = absent.length === 0 ? null : `${where}: found no row of ${list}, which the model knows too.`;
    return { classes: given, order: numbersIn(given, labels), warnings: [], note };
  }
  if (labels.length === 1) {
    const { name, count } = labels[0]!;
    throw new InputError(
      `${where}: found only the label ${quoted(name)} (in ${count === 1 ? 'one row' : `all ${count} rows`}), nothing to learn: expected two classes or more. ` +
        'Is the class in another column? Name it with --label-column.',
    );
  }
  const classes = labels.map(({ name }) => name).sort((a, b) => (a < b ? -1 : 1));
  return { classes, order: numbersIn(classes, labels), warnings: rare(where, labels), note: null };
}

function numbersIn(classes: readonly string[], labels: readonly Label[]): number[] {
  const numbers = new Map(classes.map((name, i) => [name, i]));
  return labels.map(({ name }) => numbers.get(name)!);
}

/** A sentence about labels that occur once, where others occur much more often. */
function rare(where: string, labels: readonly Label[]): string[] {
  const once = labels.filter(({ count }) => count === 1);
  const usual = labels.filter(({ count }) => count >= 10).map(({ name }) => name);
  if (usual.length === 0) return [];
  const shown = once.slice(0, 10).map(({ name, firstLine }) => {
    const near = nearestLabel(name, usual);
    return (
      `${where}: line ${firstLine}: the label ${quoted(name)} occurs once in the file` +
      `${near === null ? '' : `; the nearest is ${quoted(near)}`}. Correct it if it is a slip: a class of one row cannot be learned.`
    );
  });
  const more = once.length - shown.length;
  return more > 0 ? [...shown, `${where}: ${more} other labels occur once too.`] : shown;
}
