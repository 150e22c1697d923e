// Batches of windows from a long list of tokens, and the cursor that a resumed run continues. Inputs are tokens start ..
// start + T - 1, targets the same one further on. Which windows come at step n is a pure function of (settings, seed, n):
// the cursor is a step count, and nothing grows with the text.
import { InputError } from '../errors.ts';
import { randomBelow, shuffled } from './shuffled.ts';

/** Reads `n` token ids from `start`: `corpus.train` or `corpus.validation`. */
export type ReadTokens = (start: number, n: number) => Int32Array;

/** One of several texts, its tokens standing after those of the one before. */
export interface WindowShard {
  readonly length: number;
  /** How often random windows are drawn from it, in proportion to the others'. */
  readonly weight: number;
}

export interface WindowSettings {
  /** 'random': nanoGPT's, every start equally likely. 'strided': the loader of "Build a Large Language Model" (Raschka 2024), every window once an epoch. */
  readonly kind: 'random' | 'strided';
  /** Tokens there are. */
  readonly length: number;
  /** Parts of the tokens that no window runs out of, their lengths adding up to `length`. Default: one. */
  readonly shards?: readonly WindowShard[] | undefined;
  /** T, tokens in a window. */
  readonly blockSize: number;
  /** B, windows in a batch. */
  readonly batch: number;
  /** Tokens between the starts of strided windows. Default blockSize: no overlap. Random windows have none. */
  readonly stride?: number | undefined;
  /** Whole number from 0 below 2^32. */
  readonly seed: number;
}

export interface Batch {
  /** Token ids, row after row, B * T. */
  readonly inputs: Int32Array;
  /** The token after each input, B * T; -100 where there is none to predict. */
  readonly targets: Int32Array;
  /** Where each row begins. */
  readonly starts: number[];
}

/** Everything that decides the next batch; plain JSON. */
export interface WindowCursor extends Omit<WindowSettings, 'shards'> {
  readonly stride: number;
  /** Length and weight of each shard, as JSON; none where there is one. */
  readonly shards?: string;
  /** Batches taken so far. */
  readonly step: number;
}

export class WindowSampler {
  readonly settings: Omit<WindowCursor, 'step'>;
  /** Batches that visit every window once, the incomplete last one dropped; null for random windows. */
  readonly batchesPerEpoch: number | null;
  readonly #windows: number;
  readonly #shards: readonly ShardWindows[];
  readonly #read: ReadTokens;
  #step = 0;

  /** @throws InputError for settings out of range, or fewer tokens than one batch needs */
  constructor(settings: WindowSettings, read: ReadTokens) {
    const { kind, length, blockSize, batch, seed } = settings;
    const stride = settings.stride ?? blockSize;
    for (const [name, value] of Object.entries({ blockSize, batch, stride })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new InputError(`windows: ${name}: found ${value}, expected a whole number from 1.`);
      }
    }
    if (seed >>> 0 !== seed)
      throw new InputError(`windows: seed: found ${seed}, expected a whole number from 0 below 2^32.`);
    const shards = settings.shards ?? [{ length, weight: 1 }];
    const shortest = Math.min(...shards.map((shard) => shard.length));
    if (shortest <= blockSize) {
      throw new InputError(
        `windows: found ${shortest} tokens, expected at least ${blockSize + 1} for a context of ${blockSize}. Use a shorter one.`,
      );
    }
    this.#shards = windowsOf(shards, (tokens) =>
      kind === 'random' ? tokens - blockSize : Math.ceil((tokens - blockSize) / stride),
    );
    this.#windows = this.#shards.reduce((sum, { windows }) => sum + windows, 0);
    this.batchesPerEpoch = kind === 'random' ? null : Math.floor(this.#windows / batch);
    if (this.batchesPerEpoch === 0) {
      throw new InputError(
        `windows: found ${this.#windows} windows of ${blockSize} tokens at stride ${stride}, expected at least one batch of ` +
          `${batch}. Use a smaller batch, context or stride.`,
      );
    }
    const several = settings.shards && { shards: JSON.stringify(shards.map((s) => [s.length, s.weight])) };
    this.settings = { kind, length, blockSize, batch, stride, seed, ...several };
    this.#read = read;
  }

  /** The next batch. Strided epochs follow one another without end, each in its own order. */
  next(): Batch {
    const { blockSize, batch } = this.settings;
    const starts = this.#startsOf(this.#step++);
    const inputs = new Int32Array(batch * blockSize);
    const targets = new Int32Array(batch * blockSize);
    starts.forEach((start, row) => {
      const ids = this.#read(start, blockSize + 1);
      inputs.set(ids.subarray(0, blockSize), row * blockSize);
      targets.set(ids.subarray(1), row * blockSize);
    });
    return { inputs, targets, starts };
  }

  state(): WindowCursor {
    return { ...this.settings, step: this.#step };
  }

  /** Continues where a cursor stood. @throws InputError if it belongs to other settings, naming the field and both values */
  restore(cursor: WindowCursor): void {
    for (const name of ['kind', 'length', 'blockSize', 'batch', 'stride', 'seed', 'shards'] as const) {
      const [saved, value] = [cursor[name], this.settings[name]];
      if (saved !== value) {
        throw new InputError(
          `data cursor: ${name}: found ${value}, expected ${saved} as in the saved run. Use the same data and flags.`,
        );
      }
    }
    if (!Number.isSafeInteger(cursor.step) || cursor.step < 0) {
      throw new InputError(
        `data cursor: step: found ${cursor.step}, expected a whole number from 0. The saved state is damaged.`,
      );
    }
    this.#step = cursor.step;
  }

  #startsOf(step: number): number[] {
    const { kind, batch, stride, seed } = this.settings;
    const rows = Array.from({ length: batch }, (_, row) => row);
    if (kind === 'random') {
      return rows.map((row) => {
        const { start, windows } = drawn(this.#shards, seed, step, row);
        return start + randomBelow(windows, seed ^ RANDOM, step, row);
      });
    }
    const perEpoch = this.batchesPerEpoch!;
    const epoch = Math.floor(step / perEpoch);
    const first = (step % perEpoch) * batch;
    return rows.map((row) => {
      const window = shuffled(first + row, this.#windows, seed, epoch);
      const shard = this.#shards.findLast((s) => s.firstWindow <= window)!;
      return shard.start + stride * (window - shard.firstWindow);
    });
  }
}

interface ShardWindows {
  /** The first of its tokens and of its windows, counted through all shards. */
  readonly start: number;
  readonly firstWindow: number;
  readonly windows: number;
  /** Weight of this shard and of all before it. */
  readonly upTo: number;
}

function windowsOf(shards: readonly WindowShard[], count: (tokens: number) => number): ShardWindows[] {
  let [start, firstWindow, upTo] = [0, 0, 0];
  return shards.map(({ length, weight }) => {
    const windows = count(length);
    const here = { start, firstWindow, windows, upTo: (upTo += weight) };
    start += length;
    firstWindow += windows;
    return here;
  });
}

/** The shard of a row, by weight. One shard takes no random number. */
function drawn(shards: readonly ShardWindows[], seed: number, step: number, row: number): ShardWindows {
  const last = shards.at(-1)!;
  if (shards.length === 1) return last;
  const at = last.upTo * (randomBelow(2 ** 53, seed ^ SHARD, step, row) / 2 ** 53);
  return shards.find(({ upTo }) => at < upTo) ?? last;
}

/**
 * All of a validation part, in batches of one shape [B, T]: windows of one context without overlap, a last shorter one
 * included, so that every token but the first is predicted exactly once. Rows and ends without text have target -100 and
 * input 0: the sum of token losses over the sum of `kept` is the exact mean.
 * @param length tokens in the part, at least 2 (fewer give no batch)
 * @param ends where texts end that no window runs out of: of each text every token but its first is predicted
 * @param stride between the starts of windows; below the context they overlap, and of a window only what the one before it has not
 *   predicted is, so that it has at least `blockSize - stride` tokens before it (but at the beginning of a text)
 */
export function* validationWindows(
  length: number,
  blockSize: number,
  batch: number,
  read: ReadTokens,
  ends: readonly number[] = [length],
  stride = blockSize,
): Generator<Batch & { readonly kept: number }> {
  const empty = () => ({
    inputs: new Int32Array(batch * blockSize),
    targets: new Int32Array(batch * blockSize).fill(-100),
    starts: [] as number[],
    kept: 0,
  });
  let filling = empty();
  for (const [i, end] of ends.entries()) {
    // Tokens up to here have been predicted.
    let done = ends[i - 1] ?? 0;
    for (let start = done; done < end - 1; start += stride) {
      const n = Math.min(blockSize, end - 1 - start);
      const ids = read(start, n + 1);
      const row = filling.starts.push(start) - 1;
      filling.inputs.set(ids.subarray(0, n), row * blockSize);
      filling.targets.set(ids.subarray(1 + done - start), row * blockSize + done - start);
      filling.kept += start + n - done;
      done = start + n;
      if (filling.starts.length < batch) continue;
      yield filling;
      filling = empty();
    }
  }
  if (filling.starts.length > 0) yield filling;
}

// Streams of the run's seed, as that of `shuffled`.
const RANDOM = 0x72616e64;
const SHARD = 0x73686172;
