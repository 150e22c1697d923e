// The model that a run goes on with: its folder, what it decides of the run's settings, and its weights on the device.
import { diskLayer } from '../checkpoint/files.ts';
import { parseModelConfig } from '../checkpoint/model_config.ts';
import { maxConfigBytes, openModelFolder, readLimited, resolveModelDir } from '../checkpoint/model_folder.ts';
import { ADAPTER_CONFIG_NAME } from '../checkpoint/peft_config.ts';
import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import type { CausalConfig } from '../nn/families.ts';
import type { Trainable } from '../nn/model.ts';
import type { Device } from '../runtime/device.ts';
import { continuedSettings } from '../train/continued.ts';
import type { PretrainSettings } from '../train/presets.ts';
import type { Trainer } from '../train/trainer.ts';
import { allows, expectation } from './flag_value.ts';
import { camelCase, type FlagSpec, kebabCase } from './flags.ts';
import { hasTokenizer, loadWeights } from './folders.ts';
import { type Fetching, modelFolder } from './model_place.ts';
import { newSettings } from './pretrain_settings.ts';
import { settingFlags } from './setting_flags.ts';
import { hashOfWeights } from './weights_hash.ts';

export interface StartingModel<C = CausalConfig> {
  /** As it was named: a folder, or a name on the hub. */
  readonly name: string;
  /** The folder of its weights. */
  readonly dir: string;
  readonly averaged: boolean;
  readonly config: C;
  /** Its own tokenizer lies beside it. */
  readonly hasTokenizer: boolean;
}

const languageModel = (...file: Parameters<typeof parseModelConfig>) => parseModelConfig(...file).config;

/** Finds a language model and reads what it is; one of the hub is fetched. @throws as modelFolder, resolveModelDir and parseModelConfig */
export async function openStartingModel(
  name: string,
  weights: 'trained' | 'ema',
  context: Fetching,
): Promise<StartingModel>;
/** The same of another architecture. @param read its config.json, and refuses others'   @throws as modelFolder, resolveModelDir and `read` */
export async function openStartingModel<C>(
  name: string,
  weights: 'trained' | 'ema',
  context: Fetching,
  read: (json: string, fileName: string, notes: string[]) => C,
): Promise<StartingModel<C>>;
export async function openStartingModel(
  name: string,
  weights: 'trained' | 'ema',
  context: Fetching,
  read: (json: string, fileName: string, notes: string[]) => unknown = languageModel,
): Promise<StartingModel<unknown>> {
  const dir = resolveModelDir(await modelFolder(name, context));
  refuseAdapter(name, dir);
  const averaged = weights === 'ema';
  const folder = openModelFolder(dir, { averaged });
  try {
    const notes: string[] = [];
    const config = read(folder.config, folder.configName, notes);
    for (const line of notes) context.out.note(line);
    return { name, dir, averaged, config, hasTokenizer: hasTokenizer(dir) };
  } finally {
    folder.close();
  }
}

/** @throws InputError for an adapter, which is no model by itself */
function refuseAdapter(name: string, dir: string): void {
  if (!diskLayer.stat(`${dir}/${ADAPTER_CONFIG_NAME}`)) return;
  throw new InputError(
    `--model: found the adapter ${quoted(name)}, expected a whole model. Put it into its base: convert --model BASE --merge ${name} --out NEW, and go on with that.`,
  );
}

/** The configuration of a checkpoint whose model was not made from settings. @throws as parseModelConfig */
export function checkpointConfig(dir: string): CausalConfig {
  const name = `${dir}/config.json`;
  return parseModelConfig(readLimited(name, maxConfigBytes, diskLayer), name).config;
}

/** Settings that are facts of a model. */
type Sizes = Pick<PretrainSettings, 'family' | 'layers' | 'heads' | 'kvHeads' | 'width' | 'tied' | 'bias'>;

function sizesOf(config: CausalConfig): Sizes {
  const { family, nLayer: layers, nHead: heads, nEmbd: width, tieWordEmbeddings: tied } = config;
  const kvHeads = 'kvHeads' in config && config.kvHeads !== heads ? config.kvHeads : 0;
  const bias = 'bias' in config ? config.bias : config.attentionBias;
  return { family, layers, heads, kvHeads, width, tied, bias };
}

/**
 * Settings of a run that goes on with a model: typed ones, else those for such a run; sizes and tokenizer are the model's.
 * @throws InputError for typed ones that contradict the model, and as newSettings
 */
export function settingsFrom(start: StartingModel, typed: Partial<PretrainSettings>): PretrainSettings {
  const { name, config } = start;
  const sizes = sizesOf(config);
  for (const [setting, own] of Object.entries(sizes) as [keyof Sizes, unknown][]) {
    if (typed[setting] === undefined || typed[setting] === own) continue;
    throw new InputError(
      `--${kebabCase(setting)}: found ${shown(typed[setting])}, expected ${shown(own)}, which ${name} has. Leave the flag out.`,
    );
  }
  for (const setting of ['initStd', 'embeddingStd'] as const)
    if (typed[setting] !== undefined)
      throw new InputError(
        `--${kebabCase(setting)}: found beside --model, expected one of the two: the weights of ${name} are there already. Leave the flag out.`,
      );
  if (typed.context !== undefined && typed.context > config.blockSize)
    throw new InputError(
      `--context: found ${typed.context}, expected at most ${config.blockSize}, which ${name} has. For example: --context ${config.blockSize}`,
    );
  const tokenizer = tokenizerName(start, typed.tokenizer);
  const settings = newSettings(continuedSettings(config.blockSize), { ...typed, ...sizes, tokenizer });
  refuseOutOfRange(settings, name);
  return settings;
}

/** @throws InputError for a second tokenizer, and where there is none */
function tokenizerName({ name, dir, hasTokenizer: own }: StartingModel, typed: string | undefined): string {
  if (own && typed !== undefined)
    throw new InputError(
      `--tokenizer: found ${quoted(typed)} beside --model, expected the tokenizer of ${name}, whose ids its tables stand for. Leave the flag out.`,
    );
  if (own) return name;
  if (typed === undefined)
    throw new InputError(
      `${dir}: found no tokenizer, expected the one that this model was trained with. Put its files there, or name it: --tokenizer gpt2, or a folder.`,
    );
  if (typed === 'char')
    throw new InputError(
      `--tokenizer: found char beside --model, expected the one that ${name} was trained with: the characters of another text have other ids.`,
    );
  return typed;
}

/** What no flag would take could not be gone on with. */
function refuseOutOfRange(settings: PretrainSettings, name: string): void {
  for (const spec of settingFlags as readonly FlagSpec[]) {
    const value = settings[camelCase(spec.name) as keyof PretrainSettings];
    if (spec.type !== 'integer' || allows(spec, value)) continue;
    throw new InputError(`${name}: ${spec.name}: found ${value}, expected ${expectation(spec)}. Take another model.`);
  }
}

function shown(value: unknown): unknown {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
}

/**
 * Puts the weights where a run begins, the averaged ones too.
 * @returns SHA-256 of the file of the weights, or of its shards one behind the other, hex
 * @throws as loadWeights
 */
export async function startFrom(
  { dir, averaged }: Pick<StartingModel, 'dir' | 'averaged'>,
  { model, ema }: Pick<Trainer, 'ema'> & { readonly model: Trainable },
  device: Device,
  context: Fetching,
): Promise<string> {
  const folder = openModelFolder(dir, { averaged });
  try {
    await loadWeights(device, model, folder, context);
    if (ema) await loadWeights(device, model, folder, context, ema.weights);
    return await hashOfWeights(folder);
  } finally {
    folder.close();
  }
}
