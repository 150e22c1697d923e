// Which rows come at each step where a batch has a budget of tokens, so that short rows come in large batches and long ones in small
// ones. Rows of one width come together; every row comes once an epoch. What comes at step n is a pure function of (settings, seed, n).
import { InputError } from '../errors.ts';
import { elementBits, stepKey } from '../tensor/random.ts';
import { pairWidth } from './bucket.ts';
import { checksum, savedStep } from './row_cursor.ts';
import { shuffled } from './shuffled.ts';

export interface TokenSettings {
  /** Tokens of each row: those of its longer side, where it has two. */
  readonly lengths: ArrayLike<number>;
  /** Tokens of a batch, padding included: rows times the width of the longer side. A row that is wider comes alone. */
  readonly budget: number;
  /** Whole number from 0 below 2^32. */
  readonly seed: number;
}

/** Everything that decides the next batch; plain JSON. */
export interface TokenCursor {
  readonly rows: number;
  readonly budget: number;
  readonly seed: number;
  /** A checksum of all lengths. */
  readonly lengths: number;
  /** Batches taken so far. */
  readonly step: number;
}

/** Batches of one width: the same number of rows in each. */
export interface BatchShape {
  readonly width: number;
  readonly rows: number;
  readonly batches: number;
}

export class TokenSampler {
  readonly settings: Omit<TokenCursor, 'step'>;
  /** By width, from narrow to wide. What of a width fills no batch comes with the next wider one. */
  readonly shapes: readonly BatchShape[];
  readonly batchesPerEpoch: number;
  readonly #widths: Int32Array;
  /** All rows by width. */
  readonly #byWidth: Int32Array;
  #epoch: { readonly number: number; readonly batches: readonly (readonly number[])[] } | null = null;
  #step = 0;

  /** @throws InputError for settings out of range */
  constructor({ lengths, budget, seed }: TokenSettings) {
    const rows = lengths.length;
    for (const [name, value] of Object.entries({ rows, budget }))
      if (!Number.isSafeInteger(value) || value < 1)
        throw new InputError(`rows: ${name}: found ${value}, expected a whole number from 1.`);
    if (seed >>> 0 !== seed)
      throw new InputError(`rows: seed: found ${seed}, expected a whole number from 0 below 2^32.`);
    this.settings = { rows, budget, seed, lengths: checksum(lengths) };
    this.#widths = Int32Array.from(lengths, (length) => pairWidth(Math.max(1, length)));
    this.#byWidth = Int32Array.from({ length: rows }, (_, i) => i).sort(
      (a, b) => this.#widths[a]! - this.#widths[b]! || a - b,
    );
    this.shapes = this.#shapesOf(budget);
    this.batchesPerEpoch = this.shapes.reduce((sum, { batches }) => sum + batches, 0);
  }

  /** Steps after which so many epochs are complete. @param epochs may have a fraction */
  stepsOf(epochs: number): number {
    return Math.ceil(epochs * this.batchesPerEpoch);
  }

  /** The rows of the next batch. */
  next(): number[] {
    const count = this.batchesPerEpoch;
    const [number, at] = [Math.floor(this.#step / count), this.#step % count];
    this.#step++;
    if (this.#epoch?.number !== number) this.#epoch = { number, batches: this.#batchesOf(number) };
    return [...this.#epoch.batches[shuffled(at, count, this.settings.seed ^ BATCHES, number)]!];
  }

  state(): TokenCursor {
    return { ...this.settings, step: this.#step };
  }

  /** Continues where a cursor stood. @throws InputError if it belongs to other settings, naming the field and both values */
  restore(cursor: TokenCursor): void {
    this.#step = savedStep(cursor, this.settings, ['rows', 'budget', 'seed', 'lengths']);
  }

  /**
   * How many batches each width has. The widest takes all that is left in batches of equally many rows: fewer than fit, so that less
   * than a row a batch has to come twice.
   */
  #shapesOf(budget: number): BatchShape[] {
    const counts = new Map<number, number>();
    for (const row of this.#byWidth) counts.set(this.#widths[row]!, (counts.get(this.#widths[row]!) ?? 0) + 1);
    const shapes: BatchShape[] = [];
    let left = 0;
    let wider = counts.size;
    for (const [width, count] of counts) {
      left += count;
      const most = Math.max(1, Math.floor(budget / width));
      const batches = --wider > 0 ? Math.floor(left / most) : Math.ceil(left / most);
      if (batches === 0) continue;
      const rows = wider > 0 ? most : Math.ceil(left / batches);
      shapes.push({ width, rows, batches });
      left -= batches * rows;
    }
    return shapes;
  }

  /** The batches of an epoch, from narrow to wide. */
  #batchesOf(epoch: number): number[][] {
    const key = stepKey(this.settings.seed ^ ROWS, epoch);
    const chance = new Float64Array(this.#widths.length);
    for (let row = 0; row < chance.length; row++) chance[row] = elementBits(key, row);
    const byChance = (rows: number[]) => rows.sort((a, b) => chance[a]! - chance[b]! || a - b);
    const batches: number[][] = [];
    let carried: number[] = [];
    let from = 0;
    for (const { width, rows, batches: count } of this.shapes) {
      const own: number[] = [];
      for (; from < this.#byWidth.length && this.#widths[this.#byWidth[from]!]! <= width; from++)
        (this.#widths[this.#byWidth[from]!] === width ? own : carried).push(this.#byWidth[from]!);
      byChance(own);
      // Each batch has a row of its own width where there are as many, so that all are as wide; of what was carried here as much as fits
      // is carried no further.
      const widest = own.splice(0, count);
      const others = [...carried, ...own];
      const taken = byChance(others.splice(0, count * rows - widest.length));
      let at = 0;
      const made = Array.from({ length: count }, (_, i) => {
        const first = widest.slice(i, i + 1);
        const from = at;
        at += rows - first.length;
        return [...first, ...taken.slice(from, at)];
      });
      // The last batch of all may lack rows.
      const last = made.at(-1)!;
      last.push(...made[0]!.slice(0, rows - last.length));
      batches.push(...made);
      carried = others;
    }
    return batches;
  }
}

// Streams of the run's seed, as that of `shuffled`.
const ROWS = 0x746f6b72;
const BATCHES = 0x746f6b62;
