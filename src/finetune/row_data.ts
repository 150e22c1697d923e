// Labelled rows as what a run learns from: shuffled epochs to train on, and all of a part, from short to long, to measure.
import type { Batch } from '../autograd/machine.ts';
import { type RowCursor, RowSampler } from '../data/row_sampler.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { TaskRows } from '../tasks/rows.ts';
import type { Json } from '../train/events.ts';
import { rowsFor, TRAIN_PARTS } from '../train/loss_batches.ts';
import type { Reference, RunData } from '../train/run_data.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { PlannedShapes } from '../train/training.ts';

export interface RowParts {
  train: TaskRows;
  validation: TaskRows;
}

export interface RowDataParts extends RowParts {
  tokenizer: Tokenizer;
  /** SHA-256, hex: see RunData. */
  hash: string;
  dataset: { readonly [key: string]: Json };
  references: readonly Reference[];
  /** See RunData. */
  unit?: string;
  /** Rows of the model that one row is: two of a pair. Default 1. */
  answers?: number;
  /** Class of each row to train on, where all are to come equally often; else rows of about one length come together. */
  classes?: readonly number[] | undefined;
}

type Sizes = Pick<TrainingSettings, 'batch' | 'accumulate' | 'evalBatches'>;

/** @param seed of the order */
export function rowData(parts: RowDataParts, { batch, accumulate, evalBatches }: Sizes, seed: number): RunData {
  const { train, validation, classes, answers = 1, tokenizer, hash, dataset, references, unit } = parts;
  const lengths = lengthsOf(train);
  const sampler = new RowSampler({ rows: train.length, batch, seed, ...(classes ? { classes } : { lengths }) });
  const rows = evaluationRows(parts, batch);
  const all = lengths.reduce((sum, length) => sum + length, 0);
  return {
    hash,
    tokenizer,
    dataset,
    ...(unit !== undefined && { unit }),
    tokensPerStep: (accumulate * batch * answers * all) / train.length,
    sampler: {
      state: () => sampler.state(),
      restore: (cursor: never) => sampler.restore(cursor as RowCursor),
    },
    next: () => Array.from({ length: accumulate }, () => train.batch(sampler.next())),
    validationBatches: () => partBatches(validation, rows, evalBatches),
    trainBatches: () => partBatches(train, rows, TRAIN_PARTS),
    references: () => references,
  };
}

/** Batches by their widest shapes. */
export function rowShapes(parts: RowParts, batch: number): Omit<PlannedShapes, 'sampling'> {
  const { train, validation } = parts;
  const rows = evaluationRows(parts, batch);
  const widest = (part: TaskRows, count: number): Batch => part.batch(new Array(count).fill(longest(part)));
  const longer = longestOf(validation) >= longestOf(train) ? validation : train;
  return { batch: widest(train, batch), evaluated: widest(longer, rows) };
}

/** Rows of a batch of an evaluation: the same for all of them, so that few plans are made. */
function evaluationRows({ train, validation }: RowParts, batch: number): number {
  const width = Math.max(longestOf(train), longestOf(validation));
  return rowsFor(1 + width * validation.length, width, batch);
}

/**
 * A part in batches, rows of about one length together.
 * @param parts so many batches of rows spread over it; 0, or more than it has: all of it
 */
export function* partBatches(part: TaskRows, rows: number, parts: number): Generator<Batch> {
  const count = parts === 0 ? part.length : Math.min(part.length, parts * rows);
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * part.length) / count));
  chosen.sort((a, b) => part.lengthOf(a) - part.lengthOf(b) || a - b);
  for (let at = 0; at < count; at += rows) yield part.batch(chosen.slice(at, at + rows));
}

function lengthsOf(rows: TaskRows): number[] {
  return Array.from({ length: rows.length }, (_, i) => rows.lengthOf(i));
}

function longestOf(rows: TaskRows): number {
  return rows.lengthOf(longest(rows));
}

function longest(rows: TaskRows): number {
  let best = 0;
  for (let i = 1; i < rows.length; i++) if (rows.lengthOf(i) > rows.lengthOf(best)) best = i;
  return best;
}
