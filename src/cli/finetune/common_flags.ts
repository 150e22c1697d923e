// Settings of every task of finetune, as flags: of the rows, of the adapter, of the training.
import { MAX_LORA_DROPOUT, MIN_ALPHA } from '../../checkpoint/peft_config.ts';
import { DTYPE_FLAG } from '../dtype.ts';
import { defineFlags } from '../flags.ts';
import { trainingFlags } from '../training_flags.ts';

/** Flags of training of which other things are to be said here. */
const OTHERWISE = ['batch', 'steps', 'learning-rate', 'eval-every', 'save-every'];

export const commonSettingFlags = defineFlags([
  {
    name: 'context',
    type: 'integer',
    group: 'data',
    min: 1,
    max: 1048576,
    unit: 'tokens',
    help: 'longest row; longer ones are cut; default: what the model sees, at most 1,024, language and translate 256, summarize 512, mask 128; of a new model for pairs no more than they ask for',
  },
  {
    name: 'validation-part',
    type: 'number',
    group: 'data',
    above: 0,
    below: 1,
    example: '0.1',
    help: 'share of the rows that is not trained on, and chooses the best step; default: 0.1, instruct, translate and summarize 0.05',
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
    min: MIN_ALPHA,
    max: 1e6,
    default: 16,
    help: "the adapter's part is scaled by alpha / r",
  },
  {
    name: 'lora-dropout',
    type: 'number',
    group: 'adapter',
    min: 0,
    max: MAX_LORA_DROPOUT,
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
    help: 'rows that are trained on at once, with --task prefer pairs; default: 8, prefer 4, mask 16; translate and summarize have --batch-tokens',
  },
  {
    name: 'steps',
    type: 'integer',
    group: 'training',
    min: 1,
    max: 1e9,
    unit: 'steps',
    help: 'optimizer steps of the whole run; default: by --epochs; language and distill 500, mask 1,000',
  },
  {
    name: 'learning-rate',
    type: 'number',
    group: 'training',
    above: 0,
    max: 1e6,
    example: '0.0001',
    help: 'the highest, after warm-up; default: language and distill 1e-4, classify and instruct 5e-5, prefer 5e-6; of an adapter 2e-4, prefer 5e-5; translate, summarize and mask 2e-3 from nothing, else 2e-4; models of a few million parameters want more',
  },
  {
    name: 'eval-every',
    type: 'integer',
    group: 'training',
    min: 0,
    max: 1e9,
    unit: 'steps',
    help: 'between evaluations; 0 is at the end only; default: an epoch, language and distill 100, mask 200',
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
