// To prefer one of two answers to a question. What the model found of both before it is trained is kept. From rows to all that their
// run needs.
import type { FileContent } from '../checkpoint/manifest.ts';
import { grouped } from '../data/counted.ts';
import { splitInOrder } from '../data/instruct/split.ts';
import type { JsonRow } from '../data/json_rows.ts';
import { encodePairs, pairNotes } from '../data/preference/encoded_pairs.ts';
import { readPairs } from '../data/preference/pairs.ts';
import { StoppedError } from '../errors.ts';
import { preferTask } from '../tasks/prefer.ts';
import { preferRows } from '../tasks/prefer_rows.ts';
import { REFERENCE_FILE, readReference, referenceFile, referenceLogProbabilities } from '../train/reference.ts';
import { runName } from '../train/run_name.ts';
import type { OpenedRows, RowsRequest, TaskFacts } from './opened.ts';
import { runPrompting } from './prompting.ts';
import { rowData, rowShapes } from './row_data.ts';
import type { FinetuneSettings, TaskSettings } from './settings.ts';
import { overLanguage } from './trained_model.ts';

/** What guessing which of two is preferred costs. */
const GUESSING = Math.log(2);
/** Losses of a model that is its own reference differ from that by rounding alone; in f16 by more. */
const MOST_OFF = { f32: 1e-3, f16: 0.05 };

export const PREFER = {
  name: 'prefer',
  own: ['dpoBeta', 'promptFormat'],
  defaults: {
    ...{ validationPart: 0.1, batch: 4, sampleEvery: 0 },
    ...{ learningRate: 5e-6, minLearningRate: 5e-7, weightDecay: 0 },
  },
  // Rewards are differences of large sums: an adapter too moves by little.
  loraRate: 5e-5,
  epochs: 1,
} as const satisfies TaskSettings;

export interface OpenedPrefer extends OpenedRows {
  /** Flags with which generate asks in the same way. */
  readonly ask: string;
}

/** @throws InputError for rows that cannot be learned from */
export async function openPrefer(request: RowsRequest, found: Iterable<JsonRow>): Promise<OpenedPrefer> {
  const { settings, tokenizer, tell, data } = request;
  const { name: file, hash } = data;
  const read = readPairs(found, file);
  for (const line of read.notes) tell.note(line);
  const { validationPart, context: blockSize } = settings;
  const { encoder, words, remembered, files, ask } = await runPrompting(request, read.pairs[0]!.chosen, 'last');
  const { pairs, counts } = encodePairs(read.pairs, encoder, file, { blockSize });
  for (const { sentence, warn } of pairNotes(counts, blockSize, tokenizer)) {
    const line = sentence.startsWith(file) ? sentence : `${file}: ${sentence}`;
    if (warn) tell.warn(line);
    else tell.note(line);
  }
  const { train, validation } = splitInOrder(pairs, { validationPart, testPart: 0 }, file);
  tell.figures(
    `pairs: ${grouped(train.length)} to train on, ${grouped(validation.length)} to validate; ${read.form} ${words}`,
  );
  // Filled once the model's weights are there.
  const reference = new Float32Array(2 * pairs.length);
  const padded = { blockSize, padId: tokenizer.eosId ?? 0 };
  const rows = {
    train: preferRows(train, reference.subarray(0, 2 * train.length), padded),
    validation: preferRows(validation, reference.subarray(2 * train.length), padded),
  };
  const { tokens, trained } = counts;
  const dataset = {
    name: runName(file),
    ...{ trainRows: train.length, validationRows: validation.length, form: read.form, tokens },
    ...{ trainedTokens: trained, tokenizer: tokenizer.kind, vocabSize: tokenizer.vocabSize },
  };
  const references = [{ label: 'no preference', value: GUESSING }];
  const facts: TaskFacts = {
    rows: { train: train.length, validation: validation.length, test: 0 },
    ...{ counts: { tokens, trained }, classes: [] },
    baselines: [{ name: 'no preference', value: GUESSING, unit: 'nats' }],
  };
  return overLanguage(request, {
    name: runName(file),
    facts,
    ask,
    epochRows: rows.train.length,
    remembered: { data: file, ...remembered },
    shown: rows.train,
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
      const onScored = (done: number, total: number) => {
        if (request.stop()) throw new StoppedError();
        tell.phase?.('reference of answer', done, total);
      };
      reference.set(await referenceLogProbabilities(device, base, pairs, { dtype, onScored }));
      return {};
    },
    async goOn(_, saved) {
      const kept = saved.file(REFERENCE_FILE);
      try {
        reference.set(await readReference(kept.sources[0]!, pairs));
      } finally {
        kept.close();
      }
    },
    files: () => new Map<string, FileContent>([...files, [REFERENCE_FILE, referenceFile(pairs, reference)]]),
    sample: async () => '',
    firstLoss: (loss) => firstLossOf(loss, settings),
  });
}

/** A model that is its own reference has no preference. */
function firstLossOf(loss: number, { dtype, dropout, loraDropout, labelSmoothing }: FinetuneSettings): string | null {
  if (dropout > 0 || loraDropout > 0 || labelSmoothing > 0) return null;
  if (Math.abs(loss - GUESSING) <= MOST_OFF[dtype]) return null;
  return `found a first loss of ${loss.toFixed(4)}, expected ${GUESSING.toFixed(4)}: before its first step the model is its own reference. If --kernels portable begins there, a kernel is wrong on this adapter.`;
}
