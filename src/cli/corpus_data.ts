// Windows of a corpus as what a run learns from.
import type { Corpus } from '../data/corpus.ts';
import { WindowSampler } from '../data/windows.ts';
import { languageBatch } from '../tasks/language.ts';
import { evaluationBatches, type Stretch, TRAIN_PARTS } from '../train/loss_batches.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { datasetOf } from './pretrain_data.ts';
import { referencesOf } from './pretrain_text.ts';
import type { RunData } from './training_run.ts';

/** Which windows come when. */
export interface WindowChoice {
  windows: 'random' | 'strided';
  stride: number;
}

/** @param rows windows of a batch of an evaluation */
export function corpusData(
  corpus: Corpus,
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
