// Windows of a text, or of several, as what a run learns from.
import { countingBaselines, tokenChunks } from '../data/counting.ts';
import type { TextCorpus } from '../data/text_corpus.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { WindowSampler, type WindowShard } from '../data/windows.ts';
import { languageBatch } from '../tasks/language.ts';
import type { Json } from './events.ts';
import { evaluationBatches, type Stretch, TRAIN_PARTS } from './loss_batches.ts';
import type { Reference, RunData } from './run_data.ts';
import type { TrainingSettings } from './settings.ts';

/** Tokens of a text or several, on a disk or in memory: see Corpus. */
export interface TokenText {
  readonly name: string;
  readonly tokenizer: Tokenizer;
  readonly bytes: number;
  readonly hash: string;
  readonly shards: readonly { readonly name: string; readonly trainLength: number }[];
  readonly trainLength: number;
  readonly validationLength: number;
  readonly trainEnds: readonly number[];
  readonly validationEnds: readonly number[];
  train(start: number, n: number): Int32Array;
  validation(start: number, n: number): Int32Array;
  windowShards(): readonly WindowShard[] | undefined;
}

/** One text in memory. @param name what the data is called */
export function textInMemory(corpus: TextCorpus, name: string): TokenText {
  const { tokenizer, bytes, hash, trainLength, validationLength } = corpus;
  return {
    ...{ name, tokenizer, bytes, hash, trainLength, validationLength },
    shards: [{ name, trainLength }],
    trainEnds: [trainLength],
    validationEnds: [validationLength],
    train: (start, n) => corpus.train(start, n),
    validation: (start, n) => corpus.validation(start, n),
    windowShards: () => undefined,
  };
}

/** Which windows come when. */
export interface WindowChoice {
  windows: 'random' | 'strided';
  stride: number;
}

/** @param rows windows of a batch of an evaluation */
export function corpusData(
  corpus: TokenText,
  settings: TrainingSettings & WindowChoice,
  seed: number,
  rows: number,
): RunData {
  const { windows, stride, context, batch, accumulate, evalBatches } = settings;
  const { trainLength, trainEnds, validationLength, validationEnds, tokenizer, hash } = corpus;
  const sampled = { kind: windows, length: trainLength, shards: corpus.windowShards(), blockSize: context, batch };
  const sampler = new WindowSampler({ ...sampled, stride: stride || undefined, seed }, (s, n) => corpus.train(s, n));
  const trained: Stretch = { length: trainLength, ends: trainEnds, read: (s, n) => corpus.train(s, n) };
  const validation: Stretch = {
    length: validationLength,
    ends: validationEnds,
    read: (s, n) => corpus.validation(s, n),
  };
  return {
    hash,
    tokenizer,
    dataset: datasetOf(corpus),
    tokensPerStep: accumulate * batch * context,
    sampler,
    next: () => Array.from({ length: accumulate }, () => languageBatch(sampler.next(), context)),
    validationBatches: () => evaluationBatches(validation, context, rows, evalBatches),
    trainBatches: () => evaluationBatches(trained, context, rows, TRAIN_PARTS),
    references: () => referencesOf(corpus),
  };
}

/** The texts for the start event. A shard's weight is its share of the windows. */
export function datasetOf(corpus: TokenText): { [key: string]: Json } {
  const shards = corpus.windowShards();
  const sum = (shards ?? []).reduce((total, { weight }) => total + weight, 0);
  return {
    name: corpus.name,
    bytes: corpus.bytes,
    trainTokens: corpus.trainLength,
    validationTokens: corpus.validationLength,
    tokenizer: corpus.tokenizer.kind,
    vocabSize: corpus.tokenizer.vocabSize,
    ...(shards && {
      shards: corpus.shards.map(({ name, trainLength }, i) => ({
        name,
        tokens: trainLength,
        weight: Number((shards[i]!.weight / sum).toPrecision(6)),
      })),
    }),
  };
}

/** Losses that words can be put to: guessing, and what counting characters and pairs reaches. */
export function referencesOf(corpus: TokenText): Reference[] {
  const { vocabSize } = corpus.tokenizer;
  const guessing = { label: `guessing among ${vocabSize}`, value: Math.log(vocabSize) };
  if (vocabSize > 1024) return [guessing];
  const { unigram, bigram } = countingBaselines(
    tokenChunks((s, n) => corpus.train(s, n), corpus.trainLength),
    tokenChunks((s, n) => corpus.validation(s, n), corpus.validationLength),
    vocabSize,
  );
  return [
    guessing,
    { label: 'token frequencies', value: unigram },
    ...(bigram === null ? [] : [{ label: 'token pairs', value: bigram }]),
  ];
}
