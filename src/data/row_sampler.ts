// Which rows come at each step: permutations of all rows back to back, an epoch following another. What comes at step n is a pure
// function of (settings, seed, n), as with windows: the cursor is a step count.
import { InputError } from '../errors.ts';
import { checksum, savedStep } from './row_cursor.ts';
import { shuffled } from './shuffled.ts';

export interface RowSettings {
  /** Rows there are. */
  readonly rows: number;
  /** Rows in a batch. */
  readonly batch: number;
  /** Whole number from 0 below 2^32. */
  readonly seed: number;
  /** Length of each row: batches are then of rows of about one length, so that little is padded. */
  readonly lengths?: ArrayLike<number> | undefined;
  /** Class of each row, from 0: every class then comes equally often, the rows of small ones more than once. */
  readonly classes?: ArrayLike<number> | undefined;
}

/** Everything that decides the next batch; plain JSON. */
export interface RowCursor {
  readonly rows: number;
  readonly batch: number;
  readonly seed: number;
  /** A checksum of all lengths and of all classes; none where there are none. */
  readonly lengths?: number;
  readonly classes?: number;
  /** Batches taken so far. */
  readonly step: number;
}

/** Batches that are sorted by length together. More pad less, and mix less. */
const SORTED_TOGETHER = 50;

export class RowSampler {
  readonly settings: Omit<RowCursor, 'step'>;
  readonly #lengths: ArrayLike<number> | undefined;
  /** Rows of each class. */
  readonly #members: readonly (readonly number[])[] | null;
  /** The batches of a group that were sorted together, and its number. */
  #group: { readonly number: number; readonly batches: readonly number[][] } | null = null;
  #step = 0;

  /** @throws InputError for settings out of range, lists of another length, and classes together with lengths */
  constructor({ rows, batch, seed, lengths, classes }: RowSettings) {
    for (const [name, value] of Object.entries({ rows, batch }))
      if (!Number.isSafeInteger(value) || value < 1)
        throw new InputError(`rows: ${name}: found ${value}, expected a whole number from 1.`);
    if (seed >>> 0 !== seed)
      throw new InputError(`rows: seed: found ${seed}, expected a whole number from 0 below 2^32.`);
    for (const [name, list] of Object.entries({ lengths, classes }))
      if (list && list.length !== rows)
        throw new InputError(`rows: ${name}: found ${list.length}, expected one for each of ${rows} rows.`);
    if (lengths && classes)
      throw new InputError(
        'rows: found lengths and classes, expected one of them: batches of one length would be of one class.',
      );
    this.#lengths = lengths;
    this.#members = classes ? membersOf(classes) : null;
    this.settings = {
      rows,
      batch,
      seed,
      ...(lengths && { lengths: checksum(lengths) }),
      ...(classes && { classes: checksum(classes) }),
    };
  }

  /** Steps after which so many epochs are complete. @param epochs may have a fraction */
  stepsOf(epochs: number): number {
    const { rows, batch } = this.settings;
    return Math.ceil((epochs * rows) / batch);
  }

  /** The rows of the next batch. */
  next(): number[] {
    return this.#batchOf(this.#step++);
  }

  state(): RowCursor {
    return { ...this.settings, step: this.#step };
  }

  /** Continues where a cursor stood. @throws InputError if it belongs to other settings, naming the field and both values */
  restore(cursor: RowCursor): void {
    this.#step = savedStep(cursor, this.settings, ['rows', 'batch', 'seed', 'lengths', 'classes']);
  }

  #batchOf(step: number): number[] {
    const { batch } = this.settings;
    if (!this.#lengths) return Array.from({ length: batch }, (_, i) => this.#rowAt(step * batch + i));
    const together = this.#together;
    const number = Math.floor(step / together);
    if (this.#group?.number !== number) this.#group = { number, batches: this.#sorted(number) };
    return [...this.#group.batches[shuffled(step % together, together, this.settings.seed ^ GROUP, number)]!];
  }

  /** Batches sorted together: never so many that a row is among them twice, but where two epochs meet. */
  get #together(): number {
    const { rows, batch } = this.settings;
    return Math.max(1, Math.min(SORTED_TOGETHER, Math.floor(rows / batch)));
  }

  /** The batches of a group, of about one length each. */
  #sorted(number: number): number[][] {
    const { rows, batch } = this.settings;
    const first = number * this.#together * batch;
    const places = Array.from({ length: this.#together * batch }, (_, i) => first + i);
    // Epochs are sorted upwards and downwards in turn: the batch in which two meet is of about one length too, and equal rows of the
    // two do not stand side by side.
    const keys = places.map((place) => {
      const row = this.#rowAt(place);
      const epoch = Math.floor(place / rows);
      return { row, epoch, place, length: epoch % 2 === 0 ? this.#lengths![row]! : -this.#lengths![row]! };
    });
    keys.sort((a, b) => a.epoch - b.epoch || a.length - b.length || a.place - b.place);
    return Array.from({ length: this.#together }, (_, b) =>
      keys.slice(b * batch, (b + 1) * batch).map(({ row }) => row),
    );
  }

  /** The row at a place in the stream of all epochs. */
  #rowAt(place: number): number {
    const { rows, seed } = this.settings;
    if (!this.#members) return shuffled(place % rows, rows, seed, Math.floor(place / rows));
    const number = place % this.#members.length;
    const members = this.#members[number]!;
    const turn = Math.floor(place / this.#members.length);
    const at = shuffled(
      turn % members.length,
      members.length,
      (seed ^ CLASS) + number,
      Math.floor(turn / members.length),
    );
    return members[at]!;
  }
}

/** Rows of each class that has any. */
function membersOf(classes: ArrayLike<number>): number[][] {
  const members = new Map<number, number[]>();
  for (let row = 0; row < classes.length; row++) {
    const same = members.get(classes[row]!);
    if (same) same.push(row);
    else members.set(classes[row]!, [row]);
  }
  return [...members].sort(([a], [b]) => a - b).map(([, rows]) => rows);
}

// Streams of the run's seed, as that of `shuffled`.
const GROUP = 0x67726f75;
const CLASS = 0x636c6173;
