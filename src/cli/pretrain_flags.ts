// The flags of pretrain.

import { PRESETS } from '../train/presets.ts';
import { defineFlags } from './flags.ts';
import { limitFlags } from './limits.ts';
import { keepFlags, lengthFlags } from './run_flags.ts';
import { settingFlags } from './setting_flags.ts';

/** Which texts a run learns from. */
export const dataFlags = defineFlags([
  {
    name: 'data',
    type: 'text',
    group: 'data',
    multiple: true,
    placeholder: 'FILE|DIR',
    example: 'book.txt',
    help: 'text to learn from: plain, .jsonl or .parquet; several are mixed; default: Moby-Dick, from a package',
  },
  {
    name: 'data-weights',
    type: 'text',
    group: 'data',
    placeholder: 'A,B',
    example: '7,3',
    help: 'how often each --data is drawn from; default: by its tokens',
  },
  {
    name: 'text-field',
    type: 'text',
    group: 'data',
    placeholder: 'NAME',
    example: 'text',
    help: 'field of .jsonl rows or column of .parquet tables that holds the text; default: text',
  },
]);

/** The model that a run goes on with. */
const startFlags = defineFlags([
  {
    name: 'model',
    type: 'text',
    group: 'model',
    placeholder: 'DIR|OWNER/NAME',
    example: 'runs/moby-1',
    help: 'goes on with this model on a new text: a run folder (its best step), a step folder, a Hugging Face folder or a name on the hub; sizes and tokenizer are its own, --context may be shorter; its learning rate is 0.0001 unless another is given',
  },
  {
    name: 'weights',
    type: 'choice',
    group: 'model',
    choices: ['trained', 'ema'],
    default: 'trained',
    help: 'with --model, of a run that was trained with --ema: the averaged ones',
  },
]);

export const pretrainFlags = defineFlags([
  ...dataFlags,
  ...startFlags,
  ...settingFlags,
  ...limitFlags,
  {
    name: 'preset',
    type: 'choice',
    group: 'model',
    choices: Object.keys(PRESETS),
    help: 'a named set of settings; default: by the kind of adapter',
  },
  ...lengthFlags,
  { name: 'sample-prompt', type: 'text', group: 'output', mayBeEmpty: true, help: 'beginning of the samples' },
  {
    name: 'out',
    type: 'text',
    group: 'output',
    placeholder: 'DIR',
    help: 'run folder; default: runs/NAME-N, always a new one; with --compare the file of the page',
  },
  {
    name: 'compare',
    type: 'boolean',
    group: 'output',
    help: 'trains nothing: the runs named after it as a table and as one page, compare.html beside the first or --out FILE.html',
  },
  {
    name: 'resume',
    type: 'text',
    group: 'output',
    placeholder: 'DIR',
    help: 'goes on with a run; flags must agree with it, --steps may grow',
  },
  ...keepFlags,
]);
