// finetune --task instruct: questions and answers, of which the answers are learned.

import { grouped } from '../../data/counted.ts';
import { jsonRows } from '../../data/json_file.ts';
import { INSTRUCT, openInstruct } from '../../finetune/instruct.ts';
import type { LanguageRun } from '../../finetune/opened.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { kebabCase } from '../flags.ts';
import { writeAnswers } from '../instruct_answers.ts';
import { type LanguageRequest, rowsRequest } from './rows_request.ts';
import type { FinetuneTask, ShownTask } from './task.ts';

/** Tokens of an answer to a test row. */
const ANSWER_TOKENS = 256;
const ANSWERS = 'answers.json';

export const instruct: FinetuneTask<ModelConfig> = {
  ...INSTRUCT,
  takes: 'language',
  about: 'to answer instructions',
  flags: INSTRUCT.own.map(kebabCase),
  open: openFile,
};

async function openFile(request: LanguageRequest): Promise<ShownTask<LanguageRun>> {
  const { out, signal } = request.context;
  const rows = rowsRequest(request);
  const opened = await openInstruct(rows, jsonRows(rows.data.name));
  const { examples, encoder, ask, finish } = opened;
  return {
    ...opened,
    usuallyShown: true,
    ...(finish && {
      async finish(made: LanguageRun, folder: string) {
        const { device, language, settings } = made;
        const { test } = await finish(made, folder);
        const place = { folder, name: ANSWERS };
        const onAnswer = (done: number, of: number) => {
          if (out.redraws) out.status(`answering ${done} of ${of}`);
        };
        const stop = () => signal.requested;
        const options = { maxNewTokens: ANSWER_TOKENS, dtype: settings.dtype, onAnswer, stop };
        const skipped = await writeAnswers(device, language, encoder, examples, place, options);
        out.status('');
        if (skipped !== null) out.log(`answers: ${folder}/${ANSWERS}, to ${grouped(examples.length)} test rows`);
        if (skipped) out.note(`${skipped} of them have no room for an answer in the context.`);
        return { test: { ...(test as object), ...(skipped !== null && { answers: `${folder}/${ANSWERS}` }) } };
      },
    }),
    next: (folder) => `ask it: npm run generate -- --model ${folder} ${ask}`,
  };
}
