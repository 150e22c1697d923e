// finetune --task distill: on with a text, and with what a larger model thinks of every token of it.

import { quoted } from '../../data/printable.ts';
import { InputError } from '../../errors.ts';
import type { LanguageParts, LanguageRun } from '../../finetune/opened.ts';
import { overLanguage } from '../../finetune/trained_model.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { makeModel } from '../../nn/families.ts';
import { distillTask } from '../../tasks/distill.ts';
import { languageTask } from '../../tasks/language.ts';
import { hasTokenizer, readTokenizer } from '../folders.ts';
import { openStartingModel, startFrom } from '../starting_model.ts';
import { language, openLanguage } from './language.ts';
import { baseOf, type LanguageRequest } from './rows_request.ts';
import type { FinetuneTask, ShownTask, TaskRequest } from './task.ts';

export const distill: FinetuneTask<ModelConfig> = {
  name: 'distill',
  takes: 'language',
  about: 'what a larger model knows, on a text',
  flags: [...language.flags, 'teacher', 'distill-temperature', 'distill-mix'],
  without: ['label-smoothing'],
  defaults: language.defaults,
  epochs: null,
  open: async (request) => overLanguage(baseOf(request), await openDistill(request)),
};

async function openDistill(
  request: LanguageRequest,
): Promise<LanguageParts & Pick<ShownTask, 'usuallyShown' | 'next'>> {
  const { context, settings, tokenizer, resumed } = request;
  const { teacher: name = '', distillTemperature: temperature, distillMix: mix } = settings;
  if (name === '')
    throw new InputError(
      '--teacher: found nothing, expected the model to learn from. For example: --teacher runs/moby-1',
    );
  const start = await openStartingModel(name, 'trained', context);
  await refuseTokenizer(start.dir, tokenizer);
  if (start.config.blockSize < settings.context)
    throw new InputError(
      `--context: found ${settings.context}, expected at most ${start.config.blockSize}, which the teacher ${name} has. For example: --context ${start.config.blockSize}`,
    );
  const teacher = makeModel(start.config, { seed: 0 });
  for (const p of teacher.parameters) p.init = undefined;
  const load = ({ device }: LanguageRun) => startFrom(start, { model: teacher, ema: null }, device, context);
  const opened = await openLanguage(request);
  return {
    ...opened,
    model: (model, { recompute, dtype, dropout }) => ({
      model,
      task: distillTask({ teacher, temperature: temperature!, mix: mix!, recompute, dtype, dropout }) as never,
      // How good it is at the text, which is what it is for.
      evaluation: languageTask({ dtype }) as never,
      score: [],
      classifier: null,
    }),
    begin: async (made) => ({ teacherHash: await load(made) }),
    begun: (saved) => ({ teacherHash: saved.get('teacherHash') ?? null }),
    async goOn(made) {
      const [found, expected] = [await load(made), String(resumed!.state.settings.get('teacherHash'))];
      if (found !== expected)
        throw new InputError(
          `--teacher ${name}: found weights with SHA-256 ${found.slice(0, 12)}, expected ${expected.slice(0, 12)}, from which ${resumed!.path} learned. Put that model there again.`,
        );
    },
  };
}

/** Both must mean the same by every id. @throws InputError */
async function refuseTokenizer(dir: string, student: TaskRequest['tokenizer']): Promise<void> {
  if (!hasTokenizer(dir))
    throw new InputError(
      `--teacher: ${dir} has no tokenizer, expected that of the model that learns. Put its files there.`,
    );
  const teacher = await readTokenizer(dir);
  const file = 'tokenizer.json';
  if (teacher.files().get(file) === student.files().get(file)) return;
  if (teacher.vocabSize !== student.vocabSize)
    throw new InputError(
      `--teacher: found a tokenizer of ${teacher.vocabSize} tokens in ${quoted(dir)}, expected the ${student.vocabSize} of the model that learns. Take a teacher with the same tokenizer.`,
    );
  const all = Array.from({ length: student.vocabSize }, (_, id) => id);
  const other = all.find((id) => teacher.decode([id]) !== student.decode([id]));
  if (other !== undefined)
    throw new InputError(
      `--teacher: found ${quoted(teacher.decode([other]))} for token ${other} in ${quoted(dir)}, expected ${quoted(student.decode([other]))} as in the model that learns. Take a teacher with the same tokenizer.`,
    );
}
