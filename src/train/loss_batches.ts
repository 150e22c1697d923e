// Batches of a stretch of tokens whose loss is measured: one size for all, not so small that dispatches count.
import type { Batch } from '../autograd/machine.ts';
import { validationWindows } from '../data/windows.ts';
import { languageBatch } from '../tasks/language.ts';

/** Tokens a batch, about. */
const TOKENS = 4096;
/** So many times the windows of a training batch at most: without a backward pass a window needs much less memory. */
const MOST_OF_A_BATCH = 8;

/** A stretch of tokens: `length` of them, read by slices. */
export interface Stretch {
  length: number;
  read(start: number, n: number): Int32Array;
  /** Where texts end in it that no window runs out of. Default: at its end. */
  ends?: readonly number[];
}

/**
 * Windows a batch for `length` tokens, seen through a context. Which tokens a part of the text has follows from it, so it is the
 * same on every machine, whatever memory it has.
 * @param batch windows of a training batch, where the model is trained
 */
export function rowsFor(length: number, context: number, batch = Number.POSITIVE_INFINITY): number {
  const windows = Math.ceil((length - 1) / context);
  return Math.max(1, Math.min(windows, Math.floor(TOKENS / context), MOST_OF_A_BATCH * batch));
}

/**
 * All of a stretch, every token but the first of a text predicted once.
 * @param stride between the starts of windows; default one context, so that they do not overlap
 */
export function* lossBatches(
  { length, read, ends }: Stretch,
  context: number,
  rows: number,
  stride = context,
): Generator<Batch> {
  for (const batch of validationWindows(length, context, rows, read, ends, stride)) yield languageBatch(batch, context);
}

/** Parts of a long stretch, spread evenly over it and a batch each, the same every time. */
export function* spreadBatches(
  { length, read, ends = [] }: Stretch,
  context: number,
  rows: number,
  parts: number,
): Generator<Batch> {
  const span = Math.min(length, rows * context + 1);
  for (let i = 0; i < parts; i++) {
    const start = Math.floor(((length - span) * i) / parts);
    const within = ends.map((end) => end - start).filter((end) => end > 0 && end < span);
    yield* lossBatches({ length: span, read: (s, n) => read(start + s, n), ends: [...within, span] }, context, rows);
  }
}

/** Batches of the train part that an evaluation looks at: its loss beside that of the validation part. */
export const TRAIN_PARTS = 4;

/**
 * What an evaluation looks at.
 * @param parts so many batches spread over the stretch; 0, or more than it has: all of it
 */
export function evaluationBatches(stretch: Stretch, context: number, rows: number, parts: number): Generator<Batch> {
  const whole = parts === 0 || stretch.length <= parts * rows * context + 1;
  return whole ? lossBatches(stretch, context, rows) : spreadBatches(stretch, context, rows, parts);
}

/** The shapes of a batch without its values: for a plan, which asks for nothing else. */
export function plannedBatch(rows: number, context: number): Batch {
  const tokens = { shape: [rows, context], data: new Int32Array(0) };
  return { inputs: tokens, targets: tokens };
}
