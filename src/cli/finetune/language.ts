// finetune --task language: on with a new text, as pretrain --model does, perhaps through an adapter.

import { LANGUAGE, languageParts } from '../../finetune/language.ts';
import type { LanguageParts } from '../../finetune/opened.ts';
import { overLanguage } from '../../finetune/trained_model.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { kebabCase } from '../flags.ts';
import { chooseData, refuseOtherTexts, rememberedData } from '../pretrain_data.ts';
import { nameOf, openText } from '../pretrain_text.ts';
import { baseOf, type LanguageRequest } from './rows_request.ts';
import type { FinetuneTask, ShownTask } from './task.ts';

/** What the command shows of an opened task beside what its run needs. */
type Shown = Pick<ShownTask, 'usuallyShown' | 'next'>;

export const language: FinetuneTask<ModelConfig> = {
  ...LANGUAGE,
  takes: 'language',
  about: 'on with a new text',
  flags: [...LANGUAGE.own.map(kebabCase), 'data-weights', 'text-field', 'sample-prompt'],
  open: async (request) => overLanguage(baseOf(request), await openLanguage(request)),
};

/** The text as windows, and a language model over it. @throws InputError as openText */
export async function openLanguage(request: LanguageRequest): Promise<LanguageParts & Shown> {
  const { context, flags, settings, tokenizer, tokenizerDir, resumed } = request;
  const saved = resumed && { ...resumed.state, where: resumed.path };
  const data = chooseData(flags, settings.windows ?? 'random', saved);
  const { validationPart } = settings;
  const corpus = await openText(data, { tokenizer: tokenizer.kind, validationPart }, tokenizerDir, context);
  try {
    if (saved) refuseOtherTexts(data, corpus, saved);
    const typed = resumed ? resumed.state.settings.get('samplePrompt') : flags.samplePrompt;
    const parts = languageParts(request, corpus, {
      name: nameOf(data.paths[0], null),
      remembered: { ...rememberedData(data, corpus), samplePrompt: typed ?? null },
      prompt: typeof typed === 'string' ? typed : null,
      close: () => corpus.close(),
    });
    return {
      ...parts,
      usuallyShown: false,
      next: (folder) => `talk to it: npm run generate -- --model ${folder} --prompt "..."`,
    };
  } catch (error) {
    corpus.close();
    throw error;
  }
}
