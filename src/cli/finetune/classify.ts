// finetune --task classify: texts with a class each. A linear layer over the model's last states says which.

import { classReportText } from '../../data/confusion.ts';
import { counted } from '../../data/counted.ts';
import { printable } from '../../data/printable.ts';
import { CLASSIFY, type MeasuredPart, openClassify, poolingOf } from '../../finetune/classify.ts';
import { classBaselineText } from '../../finetune/classify_baselines.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { kebabCase } from '../flags.ts';
import type { Output } from '../output.ts';
import { labelledParts } from './classify_parts.ts';
import { dataFile } from './data_file.ts';
import { type LanguageRequest, rowsRequest } from './rows_request.ts';
import type { FinetuneTask, ShownTask } from './task.ts';

export const classify: FinetuneTask<ModelConfig> = {
  ...CLASSIFY,
  takes: 'body',
  about: 'a class for a text',
  flags: CLASSIFY.own.map(kebabCase),
  without: ['label-smoothing', 'sample-every'],
  ownDefaults: (_, config) => (config ? poolingOf(config) : {}),
  open: async (request) => openFile(request),
};

function openFile(request: LanguageRequest): ShownTask {
  const { context, settings, seed } = request;
  const read = labelledParts(dataFile(request), settings, seed);
  return {
    ...openClassify(rowsRequest(request), read, (measured) => tellPart(context.out, measured)),
    usuallyShown: false,
    next: (folder) => `ask it: npm run predict -- --model ${folder} < texts.txt`,
  };
}

/** The table of a part, its confusions and baselines. */
function tellPart(out: Output, { part, rows, report, baseline }: MeasuredPart): void {
  out.log();
  out.log(`${part}: ${counted(rows, 'row')}`);
  for (const line of classReportText(report, (name) => printable(name, true)).split('\n')) out.log(line);
  out.log(out.style.dim(classBaselineText(baseline)));
}
