// How a task's defaults, flags and a saved run become the settings of a fine-tuning.
import type { TrainingState } from '../../checkpoint/training_state.ts';
import type { PromptFormat } from '../../data/instruct/prompt_format.ts';
import { InputError } from '../../errors.ts';
import type { NormPlace, Positions, Tie } from '../../nn/transformer_config.ts';
import { continuedSettings } from '../../train/continued.ts';
import type { TrainingSettings } from '../../train/settings.ts';
import { camelCase, type FlagSpec, kebabCase } from '../flags.ts';
import { agreeing, withRate, withSteps } from '../loop_settings.ts';
import { typedSettings } from '../pretrain_settings.ts';
import { checkSavedSettings } from '../saved_settings.ts';
import type { Beginning } from './beginning.ts';
import { commonSettingFlags } from './common_flags.ts';
import { type FinetuneFlags, settingSpecs } from './flags.ts';
import { ownOtherFlags, ownSettingFlags } from './own_flags.ts';
import type { FinetuneTask, OpenedTask } from './task.ts';

export type TaskName = 'language' | 'classify' | 'instruct' | 'prefer' | 'distill' | 'translate' | 'summarize' | 'mask';

/** Settings of some tasks, each a flag of the same name; a run has those of its own task. */
export interface OwnSettings {
  windows?: 'random' | 'strided';
  stride?: number;
  textColumn?: string;
  labelColumn?: string;
  balance?: boolean;
  classWeights?: string;
  sampling?: 'rows' | 'balanced';
  pooling?: 'last-token' | 'last-position' | 'mean';
  testPart?: number;
  packing?: boolean;
  lossOn?: 'answer' | 'all';
  turns?: 'all' | 'last';
  /** '' until it is known whether the model has a chat template. */
  promptFormat?: PromptFormat | '';
  dpoBeta?: number;
  teacher?: string;
  distillTemperature?: number;
  distillMix?: number;
  sourceColumn?: string;
  targetColumn?: string;
  encoderLayers?: number;
  decoderLayers?: number;
  width?: number;
  heads?: number;
  /** 0 until it is known: four times the width. */
  ffn?: number;
  norm?: NormPlace;
  positions?: Positions;
  /** Not there until it is known: by the vocabulary. */
  tie?: Tie;
  vocabulary?: 'shared' | 'separate';
  vocabSize?: number;
  /** Positions of a batch, padding included; it stands in for `batch`, which is then the most rows of one. */
  batchTokens?: number;
  longPairs?: 'cut' | 'drop';
  beams?: number;
  maskPart?: number;
}

export interface FinetuneSettings extends TrainingSettings, OwnSettings {
  task: TaskName;
  /** 0 trains the weights themselves. */
  loraR: number;
  loraAlpha: number;
  loraDropout: number;
  /** Names with commas between; '' for those of the family. */
  loraTargets: string;
  rslora: boolean;
}

/** Rates of adapters are those of PEFT's and Hugging Face's recipes; of whole models a tenth. */
const LORA_RATE = 2e-4;

/**
 * Everything that is decided before the data is read.
 * @param beginning null where its model is yet to be made for these settings
 * @throws InputError for flags that contradict each other or the model
 */
export function newSettings(
  task: FinetuneTask,
  typed: Partial<FinetuneSettings>,
  beginning: Pick<Beginning, 'name' | 'config'> | null,
  flags: FinetuneFlags,
): FinetuneSettings {
  const blockSize = beginning?.config.blockSize ?? Number.POSITIVE_INFINITY;
  const name = beginning?.name ?? 'the data';
  const lora = (typed.loraR ?? 0) > 0;
  const rate = task.loraRate ?? LORA_RATE;
  const base: FinetuneSettings = {
    task: task.name,
    ...{ loraR: 0, loraAlpha: 16, loraDropout: 0, loraTargets: '', rslora: false },
    ...trainingPart(continuedSettings(blockSize)),
    context: Math.min(1024, blockSize),
    ...ownDefaults(task),
    ...task.defaults,
    ...task.ownDefaults?.(flags, beginning?.config ?? null),
    ...(lora && { learningRate: rate, minLearningRate: rate / 10 }),
  };
  const settings = withRate({ ...base, ...typed, context: Math.min(typed.context ?? base.context, blockSize) }, typed);
  if (typed.context !== undefined && typed.context > blockSize)
    throw new InputError(
      `--context: found ${typed.context}, expected at most ${blockSize}, which ${name} has. For example: --context ${blockSize}`,
    );
  refuseTogether(settings, typed);
  const sizes = (beginning && task.sizes?.(beginning.config)) ?? {};
  if (beginning?.name != null) refuseSizes(sizes, typed, name);
  return { ...settings, ...sizes };
}

/** @throws InputError for a size that was typed and is not the model's */
function refuseSizes(sizes: OwnSettings, typed: Partial<FinetuneSettings>, name: string): void {
  for (const [setting, own] of Object.entries(sizes)) {
    const found = typed[setting as keyof OwnSettings];
    if (found === undefined || found === own) continue;
    throw new InputError(
      `--${kebabCase(setting)}: found ${found}, expected ${own}, which ${name} has. Leave the flag out.`,
    );
  }
}

/** Of the task's own settings what their flags say. */
function ownDefaults(task: FinetuneTask): OwnSettings {
  const specs: readonly FlagSpec[] = ownSettingFlags.filter(({ name }) => task.flags.includes(name));
  const none = ({ type }: FlagSpec) =>
    type === 'boolean' ? false : type === 'integer' || type === 'number' ? undefined : '';
  // A number without a default is each task's to say.
  return Object.fromEntries(
    specs
      .map((spec) => [camelCase(spec.name), spec.default ?? none(spec)] as const)
      .filter(([, value]) => value !== undefined),
  );
}

/** The settings of pretrain without what is a language model's alone. */
function trainingPart(all: TrainingSettings): TrainingSettings {
  const { context, batch, accumulate, steps, learningRate, minLearningRate, warmupSteps, schedule, optimizer } = all;
  const { weightDecay, beta1, beta2, eps, gradClip, labelSmoothing, dropout, train, freeze, ema, recompute } = all;
  const { skipSpikes, dtype, validationPart, evalEvery, evalBatches, saveEvery, sampleEvery } = all;
  return {
    ...{ context, batch, accumulate, steps, learningRate, minLearningRate, warmupSteps, schedule, optimizer },
    ...{ weightDecay, beta1, beta2, eps, gradClip, labelSmoothing, dropout, train, freeze, ema, recompute },
    ...{ skipSpikes, dtype, validationPart, evalEvery, evalBatches, saveEvery, sampleEvery },
  };
}

/** @throws InputError */
function refuseTogether(settings: FinetuneSettings, typed: Partial<FinetuneSettings>): void {
  const { loraR, ema } = settings;
  if (loraR === 0) {
    for (const name of ['loraAlpha', 'loraDropout', 'loraTargets', 'rslora'] as const)
      if (typed[name] !== undefined)
        throw new InputError(
          `--${kebabCase(name)}: found without --lora-r, expected them together. For example: --lora-r 8`,
        );
    return;
  }
  for (const name of ['train', 'freeze'] as const)
    if (typed[name] !== undefined)
      throw new InputError(
        `--${name}: found together with --lora-r, expected one of the two: an adapter is trained, and the model is frozen.`,
      );
  if (ema > 0)
    throw new InputError(
      '--ema: found together with --lora-r, expected one of the two: no averages of adapters are kept.',
    );
}

const isCommon = (name: string) => commonSettingFlags.some((flag) => flag.name === name);

/** The flags of this task that were typed and are settings. @throws InputError for one that belongs to other tasks */
export function typedFor(
  task: FinetuneTask,
  flags: Readonly<Record<string, unknown>>,
  given: ReadonlySet<string>,
  tasks: readonly FinetuneTask[],
): Partial<FinetuneSettings> {
  const takes = (each: FinetuneTask, name: string) =>
    each.flags.includes(name) || (isCommon(name) && !each.without?.includes(name));
  for (const { name } of [...commonSettingFlags, ...ownSettingFlags, ...ownOtherFlags]) {
    if (!given.has(camelCase(name)) || takes(task, name)) continue;
    const theirs = tasks.filter((each) => takes(each, name)).map((each) => each.name);
    throw new InputError(
      `--${name}: found beside --task ${task.name}, expected it with --task ${theirs.join(' or ')}. Leave it out.`,
    );
  }
  return typedSettings(flags, given, settingSpecs(task.flags)) as Partial<FinetuneSettings>;
}

/**
 * Settings once the number of rows is known: steps by epochs where none are typed, and, where nothing else is said, an evaluation
 * and a save an epoch.
 * @param opened its epochRows are null where there are no epochs
 * @throws InputError for --epochs without them, and as withSteps
 */
export function settled(
  settings: FinetuneSettings,
  typed: Partial<FinetuneSettings>,
  task: FinetuneTask,
  opened: Pick<OpenedTask, 'epochRows' | 'epoch'>,
  epochs: number | undefined,
): FinetuneSettings {
  const epoch = opened.epoch?.(settings);
  if (epoch) {
    const whole = { epochRows: epoch.batches };
    return { ...settled({ ...settings, batch: 1 }, typed, task, whole, epochs), batch: epoch.rows };
  }
  const { epochRows } = opened;
  const { batch, accumulate } = settings;
  if (epochRows === null) {
    if (epochs !== undefined)
      throw new InputError(
        '--epochs: found beside random windows, which have none, expected --steps, or --windows strided.',
      );
    return withSteps(settings, settings.steps, typed);
  }
  const perEpoch = Math.max(1, Math.ceil(epochRows / (batch * accumulate)));
  const wanted = epochs ?? (typed.steps === undefined ? task.epochs : null);
  const steps = wanted === null ? settings.steps : Math.max(1, Math.ceil((wanted * epochRows) / (batch * accumulate)));
  const every = (name: 'evalEvery' | 'saveEvery' | 'sampleEvery') =>
    typed[name] ?? (settings[name] === 0 ? 0 : task.epochs === null ? settings[name] : perEpoch);
  const often = { evalEvery: every('evalEvery'), saveEvery: every('saveEvery'), sampleEvery: every('sampleEvery') };
  return withSteps({ ...settings, ...often }, steps, typed);
}

/** Settings of a saved run, which must agree with what is typed. @throws InputError as agreeing, and for a saved one that no flag would take */
export function resumedSettings(
  task: FinetuneTask,
  saved: TrainingState,
  typed: Partial<FinetuneSettings>,
  where: string,
): FinetuneSettings {
  const specs = settingSpecs(task.flags);
  checkSavedSettings(saved.settings, `${where}/training.json`, specs);
  const names = ['task', ...specs.map(({ name }) => camelCase(name))];
  const settings = Object.fromEntries([...saved.settings].filter(([name]) => names.includes(name)));
  return agreeing(settings as unknown as FinetuneSettings, typed, saved, where);
}
