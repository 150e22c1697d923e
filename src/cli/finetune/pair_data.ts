// Encoded pairs as what a run learns from: batches of so many padded tokens in shuffled epochs, and all of a part to measure.
import type { Batch } from '../../autograd/machine.ts';
import { spread } from '../../data/spread.ts';
import { type BatchShape, type TokenCursor, TokenSampler } from '../../data/token_sampler.ts';
import type { RowDataParts } from '../../finetune/row_data.ts';
import type { FinetuneSettings } from '../../finetune/settings.ts';
import type { EncoderDecoderConfig } from '../../nn/transformer_config.ts';
import type { TaskRows } from '../../tasks/rows.ts';
import { TRAIN_PARTS } from '../../train/loss_batches.ts';
import { pairLossBatches } from '../../train/pair_loss_batches.ts';
import type { RunData } from '../../train/run_data.ts';

/** Positions of a batch of an evaluation, about. */
const EVALUATED = 4096;

type Sizes = Pick<FinetuneSettings, 'batchTokens' | 'accumulate' | 'evalBatches'>;

export interface PairDataParts extends Pick<RowDataParts, 'train' | 'validation' | 'tokenizer' | 'hash' | 'dataset'> {
  references: RowDataParts['references'];
  /** Of all rows to train on, both sides and their ends. */
  tokens: number;
}

/** Which rows come when. */
export function samplerOf(train: TaskRows, { batchTokens }: Pick<Sizes, 'batchTokens'>, seed: number): TokenSampler {
  const lengths = Array.from({ length: train.length }, (_, i) => train.lengthOf(i));
  return new TokenSampler({ lengths, budget: batchTokens!, seed });
}

/** @param seed of the order */
export function pairData(parts: PairDataParts, sizes: Sizes, seed: number): RunData {
  const { train, validation, tokenizer, hash, dataset, references, tokens } = parts;
  const { accumulate, evalBatches } = sizes;
  const sampler = samplerOf(train, sizes, seed);
  return {
    ...{ hash, tokenizer, dataset },
    tokensPerStep: (accumulate * tokens) / sampler.batchesPerEpoch,
    sampler: {
      state: () => sampler.state(),
      restore: (cursor: never) => sampler.restore(cursor as TokenCursor),
    },
    next: () => Array.from({ length: accumulate }, () => train.batch(sampler.next())),
    validationBatches: () => pairLossBatches(some(validation, evalBatches)),
    trainBatches: () => pairLossBatches(some(train, TRAIN_PARTS)),
    references: () => references,
  };
}

/** So many batches of rows spread over a part; 0, or more than it has: all of it. */
function some(rows: TaskRows, batches: number): TaskRows {
  const mean = Array.from({ length: rows.length }, (_, i) => rows.lengthOf(i)).reduce((a, b) => a + b, 0) / rows.length;
  const count = Math.ceil((batches * EVALUATED) / mean);
  return batches === 0 || count >= rows.length ? rows : chosen(rows, spread(rows.length, count));
}

function chosen(rows: TaskRows, numbers: readonly number[]): TaskRows {
  return {
    length: numbers.length,
    lengthOf: (i) => rows.lengthOf(numbers[i]!),
    batch: (some) => rows.batch(some.map((i) => numbers[i]!)),
    shown: (i) => rows.shown(numbers[i]!),
  };
}

/** The batches that need the most memory. */
export function pairShapes(
  train: TaskRows,
  validation: TaskRows,
  config: EncoderDecoderConfig,
  sizes: Sizes,
): { batch: Batch; evaluated: Batch } {
  const trained = samplerOf(train, sizes, 0).shapes;
  const widest = Math.max(...Array.from({ length: validation.length }, (_, i) => validation.lengthOf(i)));
  const most = Math.max(1, Math.min(validation.length, Math.floor(EVALUATED / widest)));
  return {
    batch: plannedPairs(largest(trained, config), config),
    evaluated: plannedPairs({ width: widest, rows: 2 ** Math.ceil(Math.log2(most)) }, config),
  };
}

/** A position has values of every layer, its logits, and in every head of every attention a weight for each position of its row. */
function largest(
  shapes: readonly BatchShape[],
  { vocabSize, nEmbd, nInner, nHead, encoderLayers, decoderLayers }: EncoderDecoderConfig,
): BatchShape {
  const layers = encoderLayers + 2 * decoderLayers;
  const numbers = ({ width, rows }: BatchShape) =>
    rows * width * (vocabSize + layers * (8 * nEmbd + nInner + nHead * width));
  return shapes.reduce((most, shape) => (numbers(shape) > numbers(most) ? shape : most));
}

/** The shapes of a batch without its values: for a plan, which asks for nothing else. */
function plannedPairs({ width, rows }: Pick<BatchShape, 'width' | 'rows'>, { blockSize }: EncoderDecoderConfig): Batch {
  const shape = [rows, Math.min(width, blockSize)];
  const [whole, real] = [
    { shape, data: new Int32Array(0) },
    { shape, data: new Float32Array(0) },
  ];
  return { source: whole, sourceMask: real, inputs: whole, targets: whole };
}
