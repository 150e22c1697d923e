// Windows of a text with tokens taken out, as what a run learns from, and what guessing without a network reaches.
import type { Batch } from '../../autograd/machine.ts';
import type { Corpus } from '../../data/corpus.ts';
import { tokenChunks } from '../../data/counting.ts';
import { WindowSampler } from '../../data/windows.ts';
import { type Masking, maskBatch } from '../../tasks/mask_rows.ts';
import { datasetOf, type WindowChoice } from '../../train/corpus_data.ts';
import { evaluationBatches, type Stretch, TRAIN_PARTS } from '../../train/loss_batches.ts';
import type { Reference, RunData } from '../../train/run_data.ts';
import type { TrainingSettings } from '../../train/settings.ts';

/** What is measured is masked alike in every run, whatever its seed. */
const MEASURED_SEED = 0;

export interface Frequencies {
  /** nats a token, of guessing by how often each occurs in the train part. */
  loss: number;
  /** Share of the validation part that is its most frequent token. */
  accuracy: number;
}

/** @param rows windows of a batch of an evaluation */
export function maskData(
  corpus: Corpus,
  masking: Masking,
  frequencies: Frequencies,
  settings: TrainingSettings & WindowChoice,
  rows: number,
): RunData {
  const { windows, stride, context, batch, accumulate, evalBatches } = settings;
  const { trainLength, trainEnds, validationLength, validationEnds, tokenizer, hash } = corpus;
  const { seed } = masking;
  const sampled = { kind: windows, length: trainLength, shards: corpus.windowShards(), blockSize: context, batch };
  const sampler = new WindowSampler({ ...sampled, stride: stride || undefined, seed }, (s, n) => corpus.train(s, n));
  const trained: Stretch = { length: trainLength, ends: trainEnds, read: (s, n) => corpus.train(s, n) };
  const validation: Stretch = {
    length: validationLength,
    ends: validationEnds,
    read: (s, n) => corpus.validation(s, n),
  };
  const next = () => {
    const { step } = sampler.state();
    const { inputs } = sampler.next();
    const ids = Array.from({ length: batch }, (_, number) => ({
      ids: inputs.slice(number * context, (number + 1) * context),
      number,
    }));
    return maskBatch(ids, context, masking, step);
  };
  const measured = (stretch: Stretch, parts: number) =>
    maskedAgain(evaluationBatches(stretch, context, rows, parts), context, masking);
  return {
    hash,
    tokenizer,
    dataset: { ...datasetOf(corpus), baselines: { mostFrequent: frequencies.accuracy } },
    tokensPerStep: accumulate * batch * context,
    sampler,
    next: () => Array.from({ length: accumulate }, next),
    validationBatches: () => measured(validation, evalBatches),
    trainBatches: () => measured(trained, TRAIN_PARTS),
    references: () => referencesOf(tokenizer.vocabSize, frequencies),
  };
}

function referencesOf(vocabSize: number, { loss }: Frequencies): Reference[] {
  return [
    { label: `guessing among ${vocabSize}`, value: Math.log(vocabSize) },
    { label: 'token frequencies', value: loss },
  ];
}

/** Batches of windows that were cut to predict the next token: the same tokens, masked. */
function* maskedAgain(batches: Iterable<Batch>, T: number, masking: Masking): Generator<Batch> {
  let number = 0;
  for (const { inputs, targets } of batches) {
    const rows = Array.from({ length: inputs!.shape[0]! }, (_, b) => {
      const length = targets!.data.slice(b * T, (b + 1) * T).filter((target) => target >= 0).length;
      return { ids: Int32Array.from(inputs!.data.slice(b * T, b * T + length)), number: number++ };
    });
    yield maskBatch(rows, T, { ...masking, seed: MEASURED_SEED }, 0);
  }
}

/** Tokens of a text that are counted at most: what is frequent shows early. */
const MOST = 2 ** 22;

/** What counting the tokens of the train part reaches on the validation part, one more of each being counted. */
export function frequenciesOf(corpus: Corpus, { ordinary }: Masking): Frequencies {
  const { vocabSize } = corpus.tokenizer;
  const count = (read: Corpus['train'], length: number) => {
    const counts = new Float64Array(vocabSize);
    for (const chunk of tokenChunks((s, n) => read(s, n), Math.min(MOST, length)))
      for (const id of chunk) counts[id]!++;
    return counts;
  };
  const train = count((s, n) => corpus.train(s, n), corpus.trainLength);
  const validation = count((s, n) => corpus.validation(s, n), corpus.validationLength);
  let [seen, measured, loss, best] = [0, 0, 0, ordinary[0]!];
  for (const id of ordinary) {
    seen += train[id]! + 1;
    measured += validation[id]!;
    if (train[id]! > train[best]!) best = id;
  }
  for (const id of ordinary) loss -= validation[id]! * Math.log((train[id]! + 1) / seen);
  return { loss: loss / measured, accuracy: validation[best]! / measured };
}
