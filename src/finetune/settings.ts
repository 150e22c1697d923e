// How a task's defaults, the model and what a person chose become the settings of a fine-tuning.
import { InputError } from '../errors.ts';
import { withRate, withSteps } from '../train/checked_settings.ts';
import { continuedSettings } from '../train/continued.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { OpenedTask } from './opened.ts';
import { type OwnSettings, ownDefaults } from './own_settings.ts';

export type TaskName = 'language' | 'classify' | 'instruct' | 'prefer' | 'distill' | 'translate' | 'summarize' | 'mask';

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

/** What a task says of its settings. */
export interface TaskSettings {
  readonly name: TaskName;
  /** Its own settings, by name. */
  readonly own: readonly string[];
  /** What it begins with where nothing is chosen. */
  readonly defaults: Partial<TrainingSettings> & OwnSettings;
  /** Learning rate of an adapter. Default: LORA_RATE. */
  readonly loraRate?: number;
  /** Epochs where neither they nor steps are chosen; null where there are steps among the defaults. */
  readonly epochs: number | null;
}

/** The model that a fine-tuning begins from. */
export interface BaseModel {
  /** For messages. */
  readonly name: string;
  /** Most tokens of a row. */
  readonly blockSize: number;
  /** Settings that are facts of it; none where it is made for its data. */
  readonly sizes?: OwnSettings;
}

/** Rates of adapters are those of PEFT's and Hugging Face's recipes; of whole models a tenth. */
const LORA_RATE = 2e-4;

/**
 * Everything that is decided before the data is read.
 * @param typed what a person chose
 * @param more defaults of the task that depend on the model
 * @throws InputError for settings that contradict each other or the model
 */
export function newSettings(
  task: TaskSettings,
  typed: Partial<FinetuneSettings>,
  { name, blockSize, sizes = {} }: BaseModel,
  more: Partial<TrainingSettings> & OwnSettings = {},
): FinetuneSettings {
  const lora = (typed.loraR ?? 0) > 0;
  const rate = task.loraRate ?? LORA_RATE;
  const base: FinetuneSettings = {
    task: task.name,
    ...{ loraR: 0, loraAlpha: 16, loraDropout: 0, loraTargets: '', rslora: false },
    ...trainingPart(continuedSettings(blockSize)),
    context: Math.min(1024, blockSize),
    ...ownDefaults(task.own),
    ...task.defaults,
    ...more,
    ...(lora && { learningRate: rate, minLearningRate: rate / 10 }),
  };
  const settings = withRate({ ...base, ...typed, context: Math.min(typed.context ?? base.context, blockSize) }, typed);
  if (typed.context !== undefined && typed.context > blockSize)
    throw new InputError(
      `--context: found ${typed.context}, expected at most ${blockSize}, which ${name} has. For example: --context ${blockSize}`,
    );
  refuseTogether(settings, typed);
  refuseSizes(sizes, typed, name);
  return { ...settings, ...sizes };
}

/** @throws InputError for a size that was typed and is not the model's */
function refuseSizes(sizes: OwnSettings, typed: Partial<FinetuneSettings>, name: string): void {
  for (const [setting, own] of Object.entries(sizes)) {
    const found = typed[setting as keyof OwnSettings];
    if (found === undefined || found === own) continue;
    throw new InputError(`${flagOf(setting)}: found ${found}, expected ${own}, which ${name} has. Leave the flag out.`);
  }
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
          `${flagOf(name)}: found without --lora-r, expected them together. For example: --lora-r 8`,
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

/**
 * Settings once the number of rows is known: steps by epochs where none are typed, and, where nothing else is said, an evaluation
 * and a save an epoch.
 * @param opened its epochRows are null where there are no epochs
 * @throws InputError for --epochs without them, and as withSteps
 */
export function settled(
  settings: FinetuneSettings,
  typed: Partial<FinetuneSettings>,
  task: Pick<TaskSettings, 'epochs'>,
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

/** `loraAlpha` -> `--lora-alpha`. */
const flagOf = (setting: string) => `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
