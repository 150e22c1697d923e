// finetune --task prefer: of two answers to a question one is preferred. What the model found of both before it is trained is kept.

import { jsonRows } from '../../data/json_file.ts';
import type { LanguageRun } from '../../finetune/opened.ts';
import { openPrefer, PREFER } from '../../finetune/prefer.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { kebabCase } from '../flags.ts';
import { RunShow } from '../show.ts';
import { type LanguageRequest, rowsRequest } from './rows_request.ts';
import type { FinetuneTask, ShownTask } from './task.ts';

export const prefer: FinetuneTask<ModelConfig> = {
  ...PREFER,
  takes: 'language',
  about: 'to prefer one of two answers',
  flags: PREFER.own.map(kebabCase),
  without: ['sample-every'],
  open: openFile,
};

async function openFile(request: LanguageRequest): Promise<ShownTask<LanguageRun>> {
  const rows = rowsRequest(request);
  let show: RunShow | null = null;
  const phase = (text: string, done: number, total: number) => show?.phase(text, done, total);
  const opened = await openPrefer({ ...rows, tell: { ...rows.tell, phase } }, jsonRows(rows.data.name));
  return {
    ...opened,
    usuallyShown: true,
    async begin(made) {
      show = new RunShow(request.context.out, { totalSteps: 0 });
      try {
        return await opened.begin!(made);
      } finally {
        show.end();
      }
    },
    next: (folder) => `talk to it: npm run generate -- --model ${folder} ${opened.ask}`,
  };
}
