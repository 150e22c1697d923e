// Which of the files of a model on the hub are fetched, and whether all of them are here.
import fs from 'node:fs';
import path from 'node:path';
import { InputError } from '../errors.ts';
import type { HubFile } from './hub_file.ts';
import { firstTen, quoted } from './json.ts';
import { INDEX_NAME, parseShardIndex } from './shards.ts';
import { TOKENIZER_NAMES } from './tokenizer_names.ts';

/** What a model needs besides, and beside its weights. */
const MODEL_FILES = ['config.json', 'generation_config.json'];

/** Which files are wanted: those of a model, or of its tokenizer alone. */
export type HubFiles = 'model' | 'tokenizer';

/**
 * Those of a model's files that are needed here.
 * @param name of the model, for messages   @param files all of them by path
 * @throws InputError for a model that lacks one that must be there
 */
export function wanted(name: string, files: ReadonlyMap<string, HubFile>, which: HubFiles): HubFile[] {
  return which === 'model' ? wantedModel(name, files) : wantedTokenizer(name, files);
}

function wantedModel(name: string, files: ReadonlyMap<string, HubFile>): HubFile[] {
  const all = [...files.values()];
  const weights = files.has('model.safetensors')
    ? [files.get('model.safetensors')!]
    : all.filter(({ path: file }) => file === INDEX_NAME || /^model-\d+-of-\d+\.safetensors$/.test(file));
  const found = firstTen(all.map(({ path: file }) => quoted(file)));
  for (const [sort, present] of [
    ['config.json', files.has('config.json')],
    ['safetensors', weights.length > 0],
  ] as const)
    if (!present)
      throw new InputError(
        `${name}: found no ${sort} among its files (${found || 'none'}), expected one. Choose another model.`,
      );
  const small = [...MODEL_FILES, ...TOKENIZER_NAMES].flatMap((file) => files.get(file) ?? []);
  // Small ones first: what is wrong with them is known before gigabytes have come.
  return [...small, ...weights.sort((a, b) => a.size - b.size)];
}

function wantedTokenizer(name: string, files: ReadonlyMap<string, HubFile>): HubFile[] {
  const found = TOKENIZER_NAMES.flatMap((file) => files.get(file) ?? []);
  if (hasTokenizer((file) => files.has(file))) return found;
  throw new InputError(
    `${name}: found no tokenizer.json among its files (${firstTen([...files.keys()].map(quoted)) || 'none'}), expected one (or vocab.json with merges.txt). Choose another model.`,
  );
}

/** Whether a snapshot in the cache has what is needed: each of its files was renamed to its name only when it was whole. */
export function isWhole(folder: string, which: HubFiles): boolean {
  const has = (name: string) => fs.existsSync(path.join(folder, name));
  if (which === 'tokenizer') return hasTokenizer(has);
  if (!has('config.json')) return false;
  if (has('model.safetensors')) return true;
  if (!has(INDEX_NAME)) return false;
  const index = path.join(folder, INDEX_NAME);
  return parseShardIndex(fs.readFileSync(index, 'utf8'), index).shards.every(has);
}

function hasTokenizer(has: (file: string) => boolean): boolean {
  return has('tokenizer.json') || (has('vocab.json') && has('merges.txt'));
}
