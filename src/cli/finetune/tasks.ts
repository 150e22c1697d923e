// The tasks of finetune, in the order in which help lists them.
import { classify } from './classify.ts';
import { distill } from './distill.ts';
import { instruct } from './instruct.ts';
import { language } from './language.ts';
import { mask } from './mask.ts';
import { prefer } from './prefer.ts';
import type { FinetuneTask } from './task.ts';
import { summarize, translate } from './translate.ts';

export const TASKS: readonly FinetuneTask[] = [
  language,
  classify,
  instruct,
  prefer,
  distill,
  translate,
  summarize,
  mask,
];
