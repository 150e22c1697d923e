// All flags of finetune, and which of them are settings.

import type { TaskName } from '../../finetune/settings.ts';
import type { GlobalValues } from '../command.ts';
import { defineFlags, type FlagSpec, type FlagValues } from '../flags.ts';
import { limitFlags } from '../limits.ts';
import { keepFlags, lengthFlags } from '../run_flags.ts';
import { commonSettingFlags } from './common_flags.ts';
import { ownOtherFlags, ownSettingFlags } from './own_flags.ts';

/** @param tasks names of those that work, and a few words of each */
export const finetuneFlags = <const T extends readonly string[]>(tasks: T, about: string) =>
  defineFlags([
    { name: 'task', type: 'choice', choices: tasks, group: 'task', help: about },
    {
      name: 'model',
      type: 'text',
      group: 'task',
      placeholder: 'DIR|OWNER/NAME',
      example: 'runs/moby-1',
      help: 'the model to go on with: a run folder (its best step), a step folder, a Hugging Face folder or a name on the hub; without it translate, summarize and mask begin from nothing',
    },
    {
      name: 'weights',
      type: 'choice',
      group: 'task',
      choices: ['trained', 'ema'],
      default: 'trained',
      help: 'ema: the averaged ones, of a run that was trained with --ema',
    },
    {
      name: 'data',
      type: 'text',
      group: 'data',
      multiple: true,
      placeholder: 'FILE',
      example: 'spam.tsv',
      help: 'language, distill and mask: texts, several are mixed; classify: TSV, CSV or JSONL with a text and a class in each row; instruct: JSON or JSONL of Alpaca, chat, ShareGPT or prompt-completion rows; prefer: such rows with "chosen" and "rejected" answers; translate and summarize: TSV, CSV or JSONL with a source and a target in each row',
    },
    ...commonSettingFlags,
    ...ownSettingFlags,
    ...ownOtherFlags,
    ...limitFlags,
    {
      name: 'epochs',
      type: 'number',
      group: 'training',
      above: 0,
      max: 1e6,
      unit: 'epochs',
      help: 'instead of --steps: how often every row is trained on; recorded as steps; default: classify 5, instruct 2, prefer 1, translate and summarize 10',
    },
    ...lengthFlags,
    {
      name: 'show-mask',
      type: 'integer',
      group: 'output',
      min: 0,
      max: 10000,
      unit: 'rows',
      help: 'printed token by token before the first step: which tokens are trained on; default: 1 of instruct and prefer on a terminal',
    },
    {
      name: 'out',
      type: 'text',
      group: 'output',
      placeholder: 'DIR',
      help: 'run folder; default: runs/NAME-N, always a new one',
    },
    {
      name: 'resume',
      type: 'text',
      group: 'output',
      placeholder: 'DIR',
      help: 'goes on with a run, whose task it knows; flags must agree with it, --steps may grow',
    },
    ...keepFlags,
  ]);

/** What finetune was given. */
export type FinetuneFlags = FlagValues<ReturnType<typeof finetuneFlags<readonly TaskName[]>>> & GlobalValues;

/** Specs of settings by task. @param own names of the flags that are the task's */
export function settingSpecs(own: readonly string[]): readonly FlagSpec[] {
  return [...commonSettingFlags, ...ownSettingFlags.filter(({ name }) => own.includes(name))];
}
