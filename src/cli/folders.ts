// Folders that commands read: a tokenizer's, a model's, and the cache of tokens.
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { checkVocabulary, parseModelConfig } from '../checkpoint/model_config.ts';
import { openModelFolder, resolveModelDir } from '../checkpoint/model_folder.ts';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import { makeModel } from '../nn/families.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Device } from '../runtime/device.ts';
import { cacheFolder } from '../runtime/platform/software.ts';
import { loadModel } from '../train/snapshot.ts';
import { defineFlags, type FlagValues } from './flags.ts';

/** Which model a command works with. */
export const modelFlags = defineFlags([
  {
    name: 'model',
    type: 'text',
    placeholder: 'DIR',
    help: 'a run folder (its best step), a step folder or a Hugging Face folder',
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

/** The text of a file, undefined where there is none. @throws InputError for a pipe, which would be waited for, and unreadable files */
async function readPlainFile(file: string): Promise<string | undefined> {
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new InputError(`${file}: found no plain file, expected one. Check the path.`);
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

function hasTokenizer(dir: string): boolean {
  return ['tokenizer.json', 'vocab.json'].some((name) => existsSync(path.join(dir, name)));
}

export interface LoadedModel {
  model: LanguageModel;
  /** null for a folder without one: ids go in and come out. */
  tokenizer: Tokenizer | null;
  /** The folder the weights came from. */
  dir: string;
  eosId: number | null;
}

/**
 * A model from a run folder (its best step), a step folder or a Hugging Face folder, its weights on the device.
 * @throws InputError
 */
export async function openModel(
  device: Device,
  { model: place, weights }: FlagValues<typeof modelFlags>,
  note: (line: string) => void,
): Promise<LoadedModel> {
  if (place === undefined)
    throw new InputError('--model: found nothing, expected a folder with a model. For example: --model runs/moby-1');
  const dir = resolveModelDir(place);
  const folder = openModelFolder(dir, { averaged: weights === 'ema' });
  try {
    const notes: string[] = [];
    const { config, ids } = parseModelConfig(folder.config, folder.configName, notes);
    for (const line of notes) note(line);
    const tokenizer = hasTokenizer(dir) ? await readTokenizer(dir) : null;
    if (tokenizer) checkVocabulary(config, tokenizer.vocabSize, dir);
    const model = makeModel(config, { seed: 0 });
    // The first values are about to be overwritten: drawing random ones for a large model would take longer than loading it.
    for (const p of model.parameters) p.init = undefined;
    await loadModel(device, model, folder.sources);
    return { model, tokenizer, dir, eosId: tokenizer?.eosId ?? ids.eosTokenIds[0] ?? null };
  } finally {
    folder.close();
  }
}
