// Folders that commands read: a tokenizer's, a model's, and the cache of tokens.
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { maxTokenizerBytes } from '../checkpoint/copied_files.ts';
import { folderIds, GENERATION_NAME } from '../checkpoint/generation_config.ts';
import { checkVocabulary, parseModelConfig } from '../checkpoint/model_config.ts';
import { type ModelFolder, openModelFolder } from '../checkpoint/model_folder.ts';
import { openPeftFolder } from '../checkpoint/peft_folder.ts';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import { makeModel } from '../nn/families.ts';
import type { Adapted } from '../nn/lora.ts';
import type { LanguageModel, Trainable } from '../nn/model.ts';
import type { Device } from '../runtime/device.ts';
import { cacheFolder } from '../runtime/platform/software.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { loadAdapter } from '../train/adapter_files.ts';
import { loadModel } from '../train/snapshot.ts';
import { type ModelChoice, modelPlaces } from './adapter.ts';
import { defineFlags, type FlagValues } from './flags.ts';
import { LoadingLine } from './loading_line.ts';
import type { Fetching } from './model_place.ts';

/** Which model a command works with. */
export const modelFlags = defineFlags([
  {
    name: 'model',
    type: 'text',
    placeholder: 'DIR|OWNER/NAME',
    example: 'runs/moby-1',
    help: 'a run folder (its best step), a step folder or a Hugging Face folder; or a name on the hub, perhaps with @REVISION, fetched once (HF_ENDPOINT names a mirror)',
  },
  {
    name: 'weights',
    type: 'choice',
    choices: ['trained', 'ema'],
    default: 'trained',
    help: 'ema: the averaged ones, of a run that was trained with --ema',
  },
]);

/** Where token files are kept; everything in it can be made again. */
export function tokenCache(): string {
  return path.join(cacheFolder(), 'tokens');
}

/** @throws InputError for a folder without a tokenizer, or one that is not known here, naming the file */
export async function readTokenizer(dir: string): Promise<Tokenizer> {
  if (!hasTokenizer(dir))
    throw new InputError(
      `${dir}: found no tokenizer.json, expected one (or vocab.json with merges.txt). Check the path.`,
    );
  try {
    return await loadTokenizer(async (name) => readPlainFile(path.join(dir, name)));
  } catch (error) {
    if (!(error instanceof InputError) || error.message.startsWith(dir)) throw error;
    throw new InputError(path.join(dir, error.message), { cause: error });
  }
}

/**
 * The text of a small file of a model's folder, undefined where there is none.
 * @throws InputError for a pipe, which would be waited for, and for files that are too large or unreadable
 */
export async function readPlainFile(file: string): Promise<string | undefined> {
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new InputError(`${file}: found no plain file, expected one. Check the path.`);
    if (found.size > maxTokenizerBytes)
      throw new InputError(
        `${file}: found ${found.size} bytes, expected a file of at most ${maxTokenizerBytes} bytes. Check the folder.`,
      );
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new InputError(
      `${file}: cannot be read (${code ?? error}), expected a readable file. Check its permissions.`,
    );
  }
}

/** Whether a folder says how text becomes ids. */
export function hasTokenizer(dir: string): boolean {
  return ['tokenizer.json', 'vocab.json'].some((name) => existsSync(path.join(dir, name)));
}

export interface LoadedModel {
  model: LanguageModel;
  /** null for a folder without one: ids go in and come out. */
  tokenizer: Tokenizer | null;
  /** The folder that its tokenizer came from, if it has one: that of the weights, or of the adapter on them. */
  dir: string;
  /** The folder that the weights came from, without those of an adapter. */
  base: string;
  eosId: number | null;
  /** All tokens that end a text: that one, and those of generation_config.json or config.json. */
  eosIds: readonly number[];
}

/**
 * A model from a run folder (its best step), a step folder or a Hugging Face folder, perhaps with an adapter, its weights on the device.
 * @param place as modelFolder() gives it
 * @param idsGoIn nothing need be encoded: a tokenizer that is not known here is told of, and done without
 * @throws InputError
 */
export async function openModel(
  device: Device,
  place: string,
  given: ModelChoice & Pick<FlagValues<typeof modelFlags>, 'weights'> & { dtype: Precision },
  context: Fetching,
  idsGoIn = false,
): Promise<LoadedModel> {
  const { out } = context;
  const { dir: base, adapter } = await modelPlaces(place, given, context);
  // An adapter may bring the tokenizer and the chat template that it was trained with.
  const dir = adapter !== null && hasTokenizer(adapter) ? adapter : base;
  const folder = openModelFolder(base, { averaged: given.weights === 'ema' });
  const without = (error: unknown) => {
    if (!idsGoIn || !(error instanceof InputError)) throw error;
    out.note(`${error.message} Ids go in and come out.`);
    return null;
  };
  try {
    const notes: string[] = [];
    const { config, ids } = parseModelConfig(folder.config, folder.configName, notes);
    for (const line of notes) out.note(line);
    const tokenizer = hasTokenizer(dir) ? await readTokenizer(dir).catch(without) : null;
    if (tokenizer) checkVocabulary(config, tokenizer.vocabSize, dir);
    const model = makeModel(config, { seed: 0, linearDtype: given.dtype });
    // The first values are about to be overwritten: drawing random ones for a large model would take longer than loading it.
    for (const p of model.parameters) p.init = undefined;
    // What is refused of the adapter is said before the model is read.
    const adapted = adapter === null ? model : await loadAdapterOf(device, model, adapter, context);
    await loadWeights(device, model, folder, context);
    const file = path.join(dir, GENERATION_NAME);
    const { eosTokenIds: ends } = folderIds((await readPlainFile(file)) ?? null, file, ids, config.vocabSize);
    const eosId = tokenizer?.eosId ?? ends[0] ?? null;
    const eosIds = [...new Set([...(eosId === null ? [] : [eosId]), ...ends])];
    return { model: adapted, tokenizer, dir, base, eosId, eosIds };
  } finally {
    folder.close();
  }
}

/**
 * A model with the adapter of a folder on it, whose weights go onto the device.
 * @param score parameters of a classifier's own layer, which stand in the same file
 * @throws InputError as openPeftFolder and loadAdapter
 */
export async function loadAdapterOf(
  device: Device,
  model: LanguageModel,
  dir: string,
  { out }: Fetching,
  score?: readonly Tensor[],
): Promise<Adapted> {
  const notes: string[] = [];
  const folder = openPeftFolder(dir, notes);
  try {
    return await loadAdapter(device, model, folder, score, notes);
  } finally {
    for (const note of notes) out.note(note);
    folder.close();
  }
}

/**
 * Weights onto the device, with a line that says how far they are.
 * @param instead tensors that they go to in place of the parameters
 * @throws InputError as loadModel; StoppedError where a signal asked to stop
 */
export async function loadWeights(
  device: Device,
  model: Trainable,
  folder: ModelFolder,
  { out, signal }: Fetching,
  instead?: ReadonlyMap<Tensor, Tensor>,
): Promise<void> {
  const line = new LoadingLine({ out, signal }, 'loading');
  const notes: string[] = [];
  const progress = (done: number, total: number) => line.update(done, total);
  await loadModel(device, model, folder, instead, { progress, notes }).finally(() => line.end());
  for (const note of notes) out.note(note);
}
