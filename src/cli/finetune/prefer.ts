// finetune --task prefer: of two answers to a question one is preferred. What the model found of both before it is trained is kept.

import { fileSource } from '../../checkpoint/files.ts';
import type { FileContent } from '../../checkpoint/manifest.ts';
import { splitInOrder } from '../../data/instruct/split.ts';
import { jsonRows } from '../../data/json_rows.ts';
import { encodePairs, pairNotes } from '../../data/preference/encoded_pairs.ts';
import { readPairs } from '../../data/preference/pairs.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { preferTask } from '../../tasks/prefer.ts';
import { preferRows } from '../../tasks/prefer_rows.ts';
import { REFERENCE_FILE, readReference, referenceFile, referenceLogProbabilities } from '../../train/reference.ts';
import { grouped } from '../format.ts';
import { printable } from '../printable.ts';
import { RunShow } from '../show.ts';
import { StoppedError } from '../stop.ts';
import { dataFile, hashOfFile, runName } from './data_file.ts';
import type { LanguageParts, LanguageRequest } from './language_run.ts';
import { runPrompting } from './prompting.ts';
import { rowData, rowShapes } from './row_data.ts';
import type { FinetuneTask, TaskRequest } from './task.ts';
import { overLanguage } from './trained_model.ts';

/** What guessing which of two is preferred costs. */
const GUESSING = Math.log(2);
/** Losses of a model that is its own reference differ from that by rounding alone; in f16 by more. */
const MOST_OFF = { f32: 1e-3, f16: 0.05 };

export const prefer: FinetuneTask<ModelConfig> = {
  name: 'prefer',
  takes: 'language',
  about: 'to prefer one of two answers',
  flags: ['dpo-beta', 'prompt-format'],
  without: ['sample-every'],
  defaults: {
    ...{ validationPart: 0.1, batch: 4, sampleEvery: 0 },
    ...{ learningRate: 5e-6, minLearningRate: 5e-7, weightDecay: 0 },
  },
  // Rewards are differences of large sums: an adapter too moves by little.
  loraRate: 5e-5,
  epochs: 1,
  open: async (request) => overLanguage(request, await openPrefer(request)),
};

async function openPrefer(request: LanguageRequest): Promise<LanguageParts> {
  const { context, settings, tokenizer } = request;
  const { out, signal } = context;
  const file = dataFile(request);
  const read = readPairs(jsonRows(file), file);
  for (const line of read.notes) out.note(printable(line, true));
  const { validationPart, context: blockSize } = settings;
  const { encoder, words, remembered, files, ask } = await runPrompting(request, read.pairs[0]!.chosen, 'last');
  const { pairs, counts } = encodePairs(read.pairs, encoder, file, { blockSize });
  for (const { sentence, warn } of pairNotes(counts, blockSize, tokenizer)) {
    const line = printable(sentence.startsWith(file) ? sentence : `${file}: ${sentence}`, true);
    if (warn) out.warn(line);
    else out.note(line);
  }
  const { train, validation } = splitInOrder(pairs, { validationPart, testPart: 0 }, file);
  out.note(
    `pairs: ${grouped(train.length)} to train on, ${grouped(validation.length)} to validate; ${read.form} ${words}`,
  );
  // Filled once the model's weights are there.
  const reference = new Float32Array(2 * pairs.length);
  const padded = { blockSize, padId: tokenizer.eosId ?? 0 };
  const rows = {
    train: preferRows(train, reference.subarray(0, 2 * train.length), padded),
    validation: preferRows(validation, reference.subarray(2 * train.length), padded),
  };
  const dataset = {
    name: runName(file),
    ...{ trainRows: train.length, validationRows: validation.length, form: read.form, tokens: counts.tokens },
    ...{ trainedTokens: counts.trained, tokenizer: tokenizer.kind, vocabSize: tokenizer.vocabSize },
  };
  const references = [{ label: 'no preference', value: GUESSING }];
  const hash = hashOfFile(file);
  return {
    name: runName(file),
    epochRows: rows.train.length,
    remembered: { data: file, ...remembered },
    shown: rows.train,
    usuallyShown: true,
    model: (model, { labelSmoothing, recompute, dtype, dropout }, { dpoBeta: beta = 0.1 }) => ({
      model,
      task: preferTask({ beta, labelSmoothing, recompute, dtype, dropout }) as never,
      evaluation: preferTask({ beta, dtype }) as never,
      score: [],
      classifier: null,
    }),
    shapes: ({ batch }) => ({ ...rowShapes(rows, batch), sampling: [] }),
    data: (asked, own) =>
      rowData({ ...rows, answers: 2, tokenizer, hash, dataset, references, unit: 'nats a pair' }, asked, own),
    async begin({ device, base, settings: { dtype } }) {
      const show = new RunShow(out, { totalSteps: 0 });
      const onScored = (done: number, total: number) => {
        if (signal.requested) throw new StoppedError();
        show.phase('reference of answer', done, total);
      };
      try {
        reference.set(await referenceLogProbabilities(device, base, pairs, { dtype, onScored }));
      } finally {
        show.end();
      }
      return {};
    },
    async goOn(_, path) {
      const source = fileSource(`${path}/${REFERENCE_FILE}`);
      try {
        reference.set(await readReference(source, pairs));
      } finally {
        source.close();
      }
    },
    files: () => new Map<string, FileContent>([...files, [REFERENCE_FILE, referenceFile(pairs, reference)]]),
    sample: async () => '',
    firstLoss: (loss) => firstLossOf(loss, settings),
    next: (folder) => `talk to it: npm run generate -- --model ${folder} ${ask}`,
  };
}

/** A model that is its own reference has no preference. */
function firstLossOf(
  loss: number,
  { dtype, dropout, loraDropout, labelSmoothing }: TaskRequest['settings'],
): string | null {
  if (dropout > 0 || loraDropout > 0 || labelSmoothing > 0) return null;
  if (Math.abs(loss - GUESSING) <= MOST_OFF[dtype]) return null;
  return `found a first loss of ${loss.toFixed(4)}, expected ${GUESSING.toFixed(4)}: before its first step the model is its own reference. If --kernels portable begins there, a kernel is wrong on this adapter.`;
}
