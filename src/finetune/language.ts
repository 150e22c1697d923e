// On with a new text. From its tokens to all that a run over them needs.
import type { Scalar } from '../checkpoint/training_state.ts';
import { requireContext } from '../data/context.ts';
import { languageTask } from '../tasks/language.ts';
import { corpusData, type TokenText } from '../train/corpus_data.ts';
import { plannedBatch, rowsFor } from '../train/loss_batches.ts';
import { PROMPT_TOKENS, SAMPLE_TOKENS } from '../train/run_plans.ts';
import { samplePrompt, sampleText } from '../train/sample_text.ts';
import type { LanguageParts, RowsRequest, TaskFacts } from './opened.ts';
import type { FinetuneSettings, TaskSettings } from './settings.ts';

export const LANGUAGE = {
  name: 'language',
  own: ['windows', 'stride'],
  defaults: { context: 256 },
  epochs: null,
} as const satisfies TaskSettings;

/** What is known of a text beside its tokens. */
export interface TextFacts {
  /** What the run is called. */
  readonly name: string;
  /** What a checkpoint keeps of the data. */
  readonly remembered: Readonly<Record<string, Scalar>>;
  /** What samples begin with; null for the beginning of the validation part. */
  readonly prompt: string | null;
  close?(): void;
}

/** A text as windows, and a language model over it. @throws InputError for a text shorter than the context, and a prompt of other characters */
export function languageParts(
  { settings, seed }: Pick<RowsRequest, 'settings' | 'seed'>,
  corpus: TokenText,
  { name, remembered, prompt: asked, close }: TextFacts,
): LanguageParts & { readonly facts: TaskFacts } {
  const { windows = 'random', stride = 0 } = settings;
  const choice = { windows, stride };
  requireContext(corpus, settings.context);
  const prompt = samplePrompt(asked, corpus);
  const rowsOf = ({ context: T, batch }: FinetuneSettings) => rowsFor(corpus.validationLength, T, batch);
  const perWindow = stride || settings.context;
  const whole = (tokens: number) => Math.floor((tokens - 1) / settings.context);
  const { trainLength, validationLength, tokenizer } = corpus;
  const { vocabSize } = tokenizer;
  return {
    name,
    facts: {
      rows: { train: whole(trainLength), validation: whole(validationLength), test: 0 },
      ...{ counts: { tokens: trainLength, trained: trainLength - 1 }, classes: [] },
      baselines: [{ name: `guessing among ${vocabSize}`, value: Math.log(vocabSize), unit: 'nats' }],
    },
    epochRows: windows === 'strided' ? Math.ceil((trainLength - settings.context) / perWindow) : null,
    remembered,
    shown: null,
    model: (model, { labelSmoothing, recompute, dtype, dropout }) => ({
      model,
      task: languageTask({ labelSmoothing, recompute, dtype, dropout }) as never,
      evaluation: languageTask({ dtype }) as never,
      score: [],
      classifier: null,
    }),
    shapes: (asked, { generator }) => ({
      batch: plannedBatch(asked.batch, asked.context),
      evaluated: plannedBatch(rowsOf(asked), asked.context),
      sampling: asked.sampleEvery > 0 ? generator.planned(Math.max(prompt.length, PROMPT_TOKENS), SAMPLE_TOKENS) : [],
    }),
    data: (asked, own) => corpusData(corpus, { ...asked, ...choice }, own, rowsOf(asked)),
    sample: ({ generator }, stop) => sampleText(generator, corpus, prompt, seed, stop),
    firstLoss: () => null,
    ...(close && { close }),
  };
}
