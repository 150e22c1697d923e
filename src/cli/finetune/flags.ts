// The flags of finetune. Which of them belong to a task alone is said in the table of tasks.
import { POOLINGS } from '../../nn/classifier_config.ts';
import type { GlobalValues } from '../command.ts';
import { DTYPE_FLAG } from '../dtype.ts';
import { defineFlags, type FlagSpec, type FlagValues } from '../flags.ts';
import { limitFlags } from '../limits.ts';
import { trainingFlags } from '../training_flags.ts';
import type { TaskName } from './settings.ts';

/** Flags of training of which other things are to be said here. */
const OTHERWISE = ['batch', 'steps', 'learning-rate', 'eval-every', 'save-every'];

/** Settings of every task: of the rows, of the adapter, of the training. */
export const commonSettingFlags = defineFlags([
  {
    name: 'context',
    type: 'integer',
    group: 'data',
    min: 1,
    max: 1048576,
    unit: 'tokens',
    help: 'longest row; longer ones are cut; default: what the model sees, at most 1,024, in language 256',
  },
  {
    name: 'validation-part',
    type: 'number',
    group: 'data',
    above: 0,
    below: 1,
    example: '0.1',
    help: 'share of the rows that is not trained on, and chooses the best step; default: 0.1, instruct 0.05',
  },
  {
    name: 'lora-r',
    type: 'integer',
    group: 'adapter',
    min: 0,
    max: 65536,
    example: '8',
    default: 0,
    help: 'rank of a LoRA adapter, which is trained and saved instead of the model; 0 trains the model itself',
  },
  {
    name: 'lora-alpha',
    type: 'number',
    group: 'adapter',
    above: 0,
    max: 1e6,
    default: 16,
    help: "the adapter's part is scaled by alpha / r",
  },
  {
    name: 'lora-dropout',
    type: 'number',
    group: 'adapter',
    min: 0,
    below: 1,
    default: 0,
    help: "share of the adapter's own inputs that is left out in training",
  },
  {
    name: 'lora-targets',
    type: 'text',
    group: 'adapter',
    placeholder: 'NAMES',
    example: 'q_proj,v_proj',
    mayBeEmpty: true,
    help: "layers that are adapted, with commas between, * stands for any characters; all-linear is all of the blocks; default: PEFT's of the family (c_attn; q_proj,v_proj)",
  },
  { name: 'rslora', type: 'boolean', group: 'adapter', help: 'scales by alpha / sqrt(r) instead' },
  DTYPE_FLAG,
  {
    name: 'batch',
    type: 'integer',
    group: 'training',
    min: 1,
    max: 1048576,
    unit: 'rows',
    help: 'trained on at once, of prefer pairs; default: 8, prefer 4',
  },
  {
    name: 'steps',
    type: 'integer',
    group: 'training',
    min: 1,
    max: 1e9,
    unit: 'steps',
    help: 'optimizer steps of the whole run; default: by --epochs; language and distill 500',
  },
  {
    name: 'learning-rate',
    type: 'number',
    group: 'training',
    above: 0,
    max: 1e6,
    example: '0.0001',
    help: 'the highest, after warm-up; default: language and distill 1e-4, classify and instruct 5e-5, prefer 5e-6; of an adapter 2e-4, prefer 5e-5; models of a few million parameters want more',
  },
  {
    name: 'eval-every',
    type: 'integer',
    group: 'training',
    min: 0,
    max: 1e9,
    unit: 'steps',
    help: 'between evaluations; 0 is at the end only; default: an epoch, language and distill 100',
  },
  {
    name: 'save-every',
    type: 'integer',
    group: 'training',
    min: 0,
    max: 1e9,
    unit: 'steps',
    help: 'between saves; 0 is at the end only; default as --eval-every',
  },
  ...trainingFlags.filter(({ name }) => !OTHERWISE.includes(name)),
]);

/** Settings that belong to some tasks. */
export const ownSettingFlags = defineFlags([
  {
    name: 'windows',
    type: 'choice',
    group: 'language and distill',
    choices: ['random', 'strided'],
    default: 'random',
    help: 'random: any start; strided: every window once an epoch, shuffled',
  },
  {
    name: 'stride',
    type: 'integer',
    group: 'language and distill',
    min: 0,
    default: 0,
    unit: 'tokens',
    help: 'between the starts of strided windows; 0 is one context',
  },
  {
    name: 'text-column',
    type: 'text',
    group: 'classify',
    placeholder: 'NAME',
    mayBeEmpty: true,
    help: 'column with the texts, by its name; default: text, or of two columns without names the one with more different values',
  },
  {
    name: 'label-column',
    type: 'text',
    group: 'classify',
    placeholder: 'NAME',
    mayBeEmpty: true,
    help: 'column with the classes; default: label, or the other one',
  },
  {
    name: 'balance',
    type: 'boolean',
    group: 'classify',
    help: 'of each class only as many rows as the smallest has, drawn by the seed',
  },
  {
    name: 'class-weights',
    type: 'text',
    group: 'classify',
    placeholder: 'none|balanced|NAME=W,...',
    default: 'none',
    example: 'balanced',
    help: 'how much a row of a class counts in the loss; balanced: all classes alike',
  },
  {
    name: 'sampling',
    type: 'choice',
    group: 'classify',
    choices: ['rows', 'balanced'],
    default: 'rows',
    help: 'rows: each once an epoch; balanced: every class equally often, rows of small ones again and again',
  },
  {
    name: 'pooling',
    type: 'choice',
    group: 'classify',
    choices: POOLINGS,
    default: 'last-token',
    help: 'where the answer is read: at the last token; at the last of columns that all texts are padded to; or the mean over all tokens',
  },
  {
    name: 'test-part',
    type: 'number',
    group: 'classify and instruct',
    min: 0,
    below: 1,
    example: '0.2',
    help: 'share of the rows that is measured once, at the end; default: classify 0.2, instruct 0.1, with the answers as JSON',
  },
  {
    name: 'packing',
    type: 'boolean',
    group: 'instruct',
    help: 'several examples share a row of the batch, and none sees another',
  },
  {
    name: 'loss-on',
    type: 'choice',
    group: 'instruct',
    choices: ['answer', 'all'],
    default: 'answer',
    help: 'answer: tokens of the answers are trained on, and those that end them; all: the questions too',
  },
  {
    name: 'turns',
    type: 'choice',
    group: 'instruct',
    choices: ['all', 'last'],
    default: 'all',
    help: 'of a conversation all answers are trained on, or the last one',
  },
  {
    name: 'dpo-beta',
    type: 'number',
    group: 'prefer',
    default: 0.1,
    above: 0,
    max: 100,
    help: 'the smaller, the farther the model may move from where it began',
  },
  {
    name: 'teacher',
    type: 'text',
    group: 'distill',
    placeholder: 'DIR|OWNER/NAME',
    example: 'runs/moby-1',
    help: 'the model that is learned from: it must have the same tokenizer',
  },
  {
    name: 'distill-temperature',
    type: 'number',
    group: 'distill',
    above: 0,
    max: 1000,
    default: 2,
    help: "temperature that both models' probabilities are softened by",
  },
  {
    name: 'distill-mix',
    type: 'number',
    group: 'distill',
    min: 0,
    max: 1,
    default: 0.5,
    help: "share of the loss that is the teacher's; the rest is that of the text",
  },
]);

/** Flags that belong to some tasks and are no settings. */
export const ownOtherFlags = defineFlags([
  {
    name: 'data-weights',
    type: 'text',
    group: 'language and distill',
    placeholder: 'A,B',
    example: '7,3',
    help: 'how often each --data is drawn from; default: by its tokens',
  },
  {
    name: 'text-field',
    type: 'text',
    group: 'language and distill',
    placeholder: 'NAME',
    example: 'text',
    help: 'field of .jsonl rows or column of .parquet tables that holds the text; default: text',
  },
  {
    name: 'sample-prompt',
    type: 'text',
    group: 'language and distill',
    mayBeEmpty: true,
    help: 'beginning of the samples',
  },
]);

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
      help: 'the model to go on with: a run folder (its best step), a step folder, a Hugging Face folder or a name on the hub',
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
      help: 'language: texts, several are mixed; classify: TSV, CSV or JSONL with a text and a class in each row; instruct and prefer: JSON or JSONL of Alpaca, chat or ShareGPT rows, for prefer with "chosen" and "rejected"',
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
      help: 'instead of --steps: how often every row is trained on; recorded as steps; default: classify 5, instruct 2, prefer 1',
    },
    {
      name: 'minutes',
      type: 'number',
      group: 'training',
      above: 0,
      max: 1e6,
      unit: 'minutes',
      help: 'instead of --steps: as many as fit, measured once before the first',
    },
    {
      name: 'find-lr',
      type: 'boolean',
      group: 'training',
      help: 'trains nothing that stays: tries rising learning rates, draws the losses and suggests one',
    },
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
    {
      name: 'keep-every',
      type: 'integer',
      group: 'output',
      min: 0,
      max: 1e9,
      unit: 'steps',
      help: 'checkpoints of these steps stay for ever; 0 keeps the last two and the best',
    },
  ]);

/** What finetune was given. */
export type FinetuneFlags = FlagValues<ReturnType<typeof finetuneFlags<readonly TaskName[]>>> & GlobalValues;

/** Specs of settings by task. @param own names of the flags that are the task's */
export function settingSpecs(own: readonly string[]): readonly FlagSpec[] {
  return [...commonSettingFlags, ...ownSettingFlags.filter(({ name }) => own.includes(name))];
}
