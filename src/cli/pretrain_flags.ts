// The flags of pretrain, and how they, a preset and a saved run become one set of settings.
import type { TrainingState } from '../checkpoint/training_state.ts';
import { InputError } from '../errors.ts';
import { FAMILIES, familyRow } from '../nn/families.ts';
import { TRAINED_PARTS } from '../optim/frozen.ts';
import { SCHEDULES } from '../optim/schedule.ts';
import { MOST_BATCHES } from '../train/limits.ts';
import { PRESETS, type PretrainSettings, presetSettings } from '../train/presets.ts';
import { disagreement } from './disagreement.ts';
import { DTYPE_FLAG } from './dtype.ts';
import { camelCase, defineFlags, type FlagSpec, isOnOff, kebabCase } from './flags.ts';
import { limitFlags } from './limits.ts';
import { checkSaved } from './saved_settings.ts';

/** A flag a setting: what is not typed comes from the preset. */
export const settingFlags = defineFlags([
  {
    name: 'tokenizer',
    type: 'text',
    group: 'data',
    placeholder: 'char|byte|gpt2|DIR',
    example: 'char',
    help: 'how text becomes tokens; DIR is a folder with a tokenizer of ours or GPT-2’s',
  },
  {
    name: 'validation-part',
    type: 'number',
    group: 'data',
    above: 0,
    below: 1,
    example: '0.1',
    help: 'share of the text, from its end, that is not trained on',
  },
  {
    name: 'windows',
    type: 'choice',
    group: 'data',
    choices: ['random', 'strided'],
    help: 'random: any start, as nanoGPT; strided: every window once an epoch, shuffled',
  },
  {
    name: 'stride',
    type: 'integer',
    group: 'data',
    min: 0,
    unit: 'tokens',
    help: 'between the starts of strided windows; 0 is one context',
  },
  {
    name: 'family',
    type: 'choice',
    group: 'model',
    choices: FAMILIES,
    help: 'how blocks are built: gpt2; llama and mistral with rotary positions, RMS norm and SwiGLU; qwen3 with norms of queries and keys; gemma3_text with windows and norms all around',
  },
  { name: 'layers', type: 'integer', group: 'model', min: 1, max: 1000, help: 'transformer blocks' },
  {
    name: 'heads',
    type: 'integer',
    group: 'model',
    min: 1,
    max: 1024,
    help: 'attention heads a block; they divide the width',
  },
  {
    name: 'kv-heads',
    type: 'integer',
    group: 'model',
    min: 0,
    max: 1024,
    help: 'heads of keys and values, which the heads share in all families but gpt2; 0 is as many',
  },
  { name: 'width', type: 'integer', group: 'model', min: 4, max: 131072, help: 'numbers a token is made of' },
  {
    name: 'context',
    type: 'integer',
    group: 'model',
    min: 1,
    max: 1048576,
    unit: 'tokens',
    help: 'longest stretch of text the model sees',
  },
  {
    name: 'init-std',
    type: 'number',
    group: 'model',
    above: 0,
    max: 10,
    help: 'standard deviation of the initial weights; GPT-2 has 0.02, narrow models want more',
  },
  {
    name: 'embedding-std',
    type: 'number',
    group: 'model',
    min: 0,
    max: 10,
    help: 'the same of the token and position tables; 0 is --init-std',
  },
  {
    name: 'tied',
    type: 'choice',
    group: 'model',
    choices: ['on', 'off'],
    help: 'the head is the token table itself; off: a table of its own',
  },
  {
    name: 'bias',
    type: 'choice',
    group: 'model',
    choices: ['on', 'off'],
    help: 'biases in linear layers and norms; the Hugging Face class always has them',
  },
  DTYPE_FLAG,
  { name: 'batch', type: 'integer', group: 'training', min: 1, max: 1048576, unit: 'windows', help: 'of text at once' },
  {
    name: 'accumulate',
    type: 'integer',
    group: 'training',
    min: 1,
    max: MOST_BATCHES,
    unit: 'batches',
    help: 'a step: their gradients are added up, which needs the memory of one',
  },
  {
    name: 'recompute',
    type: 'boolean',
    group: 'training',
    help: 'blocks keep their inputs alone and compute the rest again in the backward pass: less memory, a third more work',
  },
  {
    name: 'steps',
    type: 'integer',
    group: 'training',
    min: 1,
    max: 1e9,
    unit: 'steps',
    help: 'optimizer steps of the whole run',
  },
  {
    name: 'learning-rate',
    type: 'number',
    group: 'training',
    above: 0,
    max: 1e6,
    example: '0.001',
    help: 'the highest, after warm-up',
  },
  { name: 'min-learning-rate', type: 'number', group: 'training', min: 0, max: 1e6, help: 'at the end' },
  {
    name: 'warmup-steps',
    type: 'integer',
    group: 'training',
    min: 0,
    max: 1e9,
    unit: 'steps',
    help: 'over which the learning rate rises',
  },
  {
    name: 'schedule',
    type: 'choice',
    group: 'training',
    choices: SCHEDULES,
    help: 'of the learning rate after warm-up',
  },
  {
    name: 'optimizer',
    type: 'choice',
    group: 'training',
    choices: ['adamw', 'muon'],
    help: 'muon: for the matrices of the blocks, AdamW for the rest; its learning rate is about 0.02',
  },
  { name: 'weight-decay', type: 'number', group: 'training', min: 0, max: 10, help: 'on matrices only' },
  { name: 'beta1', type: 'number', group: 'training', min: 0, below: 1, help: 'AdamW' },
  { name: 'beta2', type: 'number', group: 'training', min: 0, below: 1, help: 'AdamW' },
  { name: 'eps', type: 'number', group: 'training', above: 0, max: 1, help: 'AdamW' },
  {
    name: 'grad-clip',
    type: 'number',
    group: 'training',
    min: 0,
    max: 1e9,
    help: 'largest norm of the gradient; 0 does not clip',
  },
  {
    name: 'label-smoothing',
    type: 'number',
    group: 'training',
    min: 0,
    below: 1,
    help: 'share of the target spread over all tokens',
  },
  {
    name: 'dropout',
    type: 'number',
    group: 'training',
    min: 0,
    below: 1,
    help: 'share of values left out: after the embeddings, in attention, before each addition to the residual',
  },
  {
    name: 'train',
    type: 'choice',
    group: 'training',
    choices: TRAINED_PARTS,
    help: 'what of the model is trained, the rest is frozen: head is the last norm and the table of the output (in a tied model that of the tokens); last-block is these and the last block',
  },
  {
    name: 'freeze',
    type: 'text',
    group: 'training',
    placeholder: 'NAMES',
    example: 'transformer.wte.weight,*.ln_1.*',
    mayBeEmpty: true,
    help: 'parameters that are frozen besides, with commas between; * stands for any characters',
  },
  {
    name: 'ema',
    type: 'number',
    group: 'training',
    min: 0,
    below: 1,
    example: '0.999',
    help: 'decay of averaged weights, which are evaluated and saved beside the trained ones; 0 keeps none',
  },
  {
    name: 'skip-spikes',
    type: 'boolean',
    group: 'training',
    help: 'a step whose loss is far above those before it changes nothing; without this it is only told',
  },
  {
    name: 'eval-every',
    type: 'integer',
    group: 'training',
    min: 0,
    max: 1e9,
    unit: 'steps',
    help: 'between evaluations; 0 is at the end only',
  },
  {
    name: 'eval-batches',
    type: 'integer',
    group: 'training',
    min: 0,
    max: 1e9,
    unit: 'batches',
    help: 'of an evaluation, spread over the validation part; 0 is all of it',
  },
  {
    name: 'save-every',
    type: 'integer',
    group: 'training',
    min: 0,
    max: 1e9,
    unit: 'steps',
    help: 'between saves; 0 is at the end only',
  },
  {
    name: 'sample-every',
    type: 'integer',
    group: 'training',
    min: 0,
    max: 1e9,
    unit: 'steps',
    help: 'between samples; 0 is never',
  },
]);

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

type Typed = Readonly<Record<string, unknown>>;

/** Settings that were typed. */
export function typedSettings(flags: Typed, given: ReadonlySet<string>): Partial<PretrainSettings> {
  const typed: Record<string, unknown> = {};
  for (const spec of settingFlags as readonly FlagSpec[]) {
    const name = camelCase(spec.name);
    if (given.has(name)) typed[name] = isOnOff(spec) ? flags[name] === 'on' : flags[name];
  }
  return typed as Partial<PretrainSettings>;
}

/**
 * Preset, then typed flags.
 * @param preset its name, or its settings
 * @throws InputError for settings that contradict each other
 */
export function newSettings(preset: string | PretrainSettings, typed: Partial<PretrainSettings>): PretrainSettings {
  const settings = { ...(typeof preset === 'string' ? presetSettings(preset) : preset), ...typed };
  // Most families have none unless they are asked for.
  if (typed.bias === undefined && familyRow(settings.family).bias !== true) settings.bias = false;
  if (typed.stride !== undefined && settings.windows !== 'strided')
    throw new InputError(
      `--stride: found ${typed.stride} beside --windows ${settings.windows}, expected strided windows. Add --windows strided, or leave --stride out.`,
    );
  if (typed.minLearningRate === undefined)
    settings.minLearningRate = Math.min(settings.minLearningRate, settings.learningRate);
  return withSteps(settings, settings.steps, typed);
}

/** Settings of a run of so many steps. A warm-up that was not typed keeps its shape: it shrinks with them. @throws InputError as newSettings */
export function withSteps(
  settings: PretrainSettings,
  steps: number,
  typed: Partial<PretrainSettings>,
): PretrainSettings {
  const warmupSteps = typed.warmupSteps ?? Math.min(settings.warmupSteps, Math.floor(steps / 10));
  return checked({ ...settings, steps, warmupSteps });
}

/** Settings of a saved run; typed flags must agree, except for `steps`, which may grow. @throws InputError naming the first that does not, or a saved one that no flag would take */
export function resumedSettings(
  saved: TrainingState,
  typed: Partial<PretrainSettings>,
  where: string,
): PretrainSettings {
  checkSaved(saved, settingFlags, where);
  const settings = Object.fromEntries(saved.settings) as unknown as PretrainSettings;
  for (const [name, value] of Object.entries(typed) as [keyof PretrainSettings, unknown][]) {
    const before = settings[name];
    if (value === before || name === 'steps') continue;
    throw disagreement(kebabCase(name), value, before, where);
  }
  if (typed.steps !== undefined && typed.steps < settings.steps) {
    throw new InputError(
      `--steps: found ${typed.steps}, expected at least ${settings.steps}, with which ${where} began (it is saved at step ${saved.step}). Give a larger number, or leave it out.`,
    );
  }
  return checked({ ...settings, ...(typed.steps !== undefined && { steps: typed.steps }) });
}

function checked(settings: PretrainSettings): PretrainSettings {
  const { warmupSteps, steps, learningRate, minLearningRate, family, heads, kvHeads, bias } = settings;
  const row = familyRow(family);
  if (kvHeads > 0 && !row.sharesHeads)
    throw new InputError(
      `--kv-heads: found ${kvHeads} beside --family ${family}, whose heads share none. Leave it out, or add --family llama.`,
    );
  if (bias && row.bias === null)
    throw new InputError(
      `--bias: found on beside --family ${family}, which has none. Leave it out, or add --family llama.`,
    );
  if (kvHeads > 0 && heads % kvHeads !== 0)
    throw new InputError(`--kv-heads: found ${kvHeads}, expected a divisor of the ${heads} heads.`);
  if (warmupSteps > steps)
    throw new InputError(
      `--warmup-steps: found ${warmupSteps}, expected at most the ${steps} steps of the run. For example: --warmup-steps ${Math.floor(steps / 10)}`,
    );
  if (minLearningRate > learningRate)
    throw new InputError(
      `--min-learning-rate: found ${minLearningRate}, expected at most the learning rate, ${learningRate}.`,
    );
  return settings;
}
