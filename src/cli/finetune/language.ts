// finetune --task language: on with a new text, as pretrain --model does, perhaps through an adapter.

import { requireContext } from '../../data/corpus.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { languageTask } from '../../tasks/language.ts';
import { plannedBatch, rowsFor } from '../../train/loss_batches.ts';
import { PROMPT_TOKENS, SAMPLE_TOKENS } from '../../train/run_plans.ts';
import { corpusData } from '../corpus_data.ts';
import { sampleText } from '../prepared_run.ts';
import { chooseData, refuseOtherTexts, rememberedData } from '../pretrain_data.ts';
import { nameOf, openText, samplePrompt } from '../pretrain_text.ts';
import type { LanguageParts, LanguageRequest } from './language_run.ts';
import type { FinetuneSettings } from './settings.ts';
import type { FinetuneTask } from './task.ts';
import { overLanguage } from './trained_model.ts';

export const language: FinetuneTask<ModelConfig> = {
  name: 'language',
  takes: 'language',
  about: 'on with a new text',
  flags: ['windows', 'stride', 'data-weights', 'text-field', 'sample-prompt'],
  defaults: { context: 256 },
  epochs: null,
  open: async (request) => overLanguage(request, await openLanguage(request)),
};

/** The text as windows, and a language model over it. @throws InputError as openText */
export async function openLanguage(request: LanguageRequest): Promise<LanguageParts> {
  const { context, flags, settings, tokenizer, tokenizerDir, resumed } = request;
  const saved = resumed && { ...resumed.state, where: resumed.path };
  const choice = windowsOf(settings);
  const data = chooseData(flags, choice.windows, saved);
  const { validationPart } = settings;
  const corpus = await openText(data, { tokenizer: tokenizer.kind, validationPart }, tokenizerDir, context);
  try {
    if (saved) refuseOtherTexts(data, corpus, saved);
    requireContext(corpus, settings.context);
    const typedPrompt = resumed ? resumed.state.settings.get('samplePrompt') : flags.samplePrompt;
    const prompt = samplePrompt(typeof typedPrompt === 'string' ? typedPrompt : null, corpus);
    const rowsOf = ({ context: T, batch }: FinetuneSettings) => rowsFor(corpus.validationLength, T, batch);
    const perWindow = choice.stride || settings.context;
    return {
      name: nameOf(data.paths[0], null),
      epochRows: choice.windows === 'strided' ? Math.ceil((corpus.trainLength - settings.context) / perWindow) : null,
      remembered: { ...rememberedData(data, corpus), samplePrompt: typedPrompt ?? null },
      shown: null,
      usuallyShown: false,
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
      data: (asked, seed) => corpusData(corpus, { ...asked, ...choice }, seed, rowsOf(asked)),
      sample: ({ generator }, stop) => sampleText(generator, corpus, prompt, request.seed, stop),
      firstLoss: () => null,
      next: (folder) => `talk to it: npm run generate -- --model ${folder} --prompt "..."`,
      close: () => corpus.close(),
    };
  } catch (error) {
    corpus.close();
    throw error;
  }
}

function windowsOf({ windows = 'random', stride = 0 }: FinetuneSettings) {
  return { windows, stride };
}
