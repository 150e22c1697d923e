// generation_config.json: which ids begin, end and pad a text, and how its makers sample. Only the ids are read here; a folder that
// is copied keeps the file as it is.

import { InputError } from '../errors.ts';
import { type TextIds, tokenIds } from './config_keys.ts';
import { described, parseJson } from './json.ts';

export const GENERATION_NAME = 'generation_config.json';

/** The ids that begin, end and pad a text. */
export interface GenerationIds extends Readonly<TextIds> {
  readonly padTokenId: number | null;
}

/**
 * Reads the ids.
 * @param vocabSize ids are below this
 * @throws InputError for a text that is no JSON object, and for an id outside the vocabulary
 */
export function parseGenerationConfig(json: string, fileName: string, vocabSize: number): GenerationIds {
  const fields = parseJson(json, fileName);
  if (!(fields instanceof Map))
    throw new InputError(`${fileName}: found ${described(fields)}, expected an object. Fetch the file again.`);
  const ids = (key: string) => tokenIds(fields, key, vocabSize, fileName);
  const [bosTokenId = null] = ids('bos_token_id');
  const [padTokenId = null] = ids('pad_token_id');
  return { bosTokenId, padTokenId, eosTokenIds: ids('eos_token_id') };
}

/**
 * The ids of a folder: what generation_config.json says goes before config.json.
 * @param json text of generation_config.json, null where there is none   @param config what config.json says
 * @throws InputError as parseGenerationConfig
 */
export function folderIds(json: string | null, fileName: string, config: TextIds, vocabSize: number): GenerationIds {
  const given = json === null ? null : parseGenerationConfig(json, fileName, vocabSize);
  return {
    bosTokenId: given?.bosTokenId ?? config.bosTokenId,
    eosTokenIds: given && given.eosTokenIds.length > 0 ? given.eosTokenIds : config.eosTokenIds,
    padTokenId: given?.padTokenId ?? null,
  };
}

/** The text of generation_config.json. */
export function generationConfigJson({
  bosTokenId,
  eosTokenIds,
  padTokenId = null,
}: TextIds & Partial<GenerationIds>): string {
  const ids = {
    ...(bosTokenId !== null && { bos_token_id: bosTokenId }),
    ...(eosTokenIds.length > 0 && { eos_token_id: eosTokenIds.length > 1 ? eosTokenIds : eosTokenIds[0] }),
    ...(padTokenId !== null && { pad_token_id: padTokenId }),
  };
  return `${JSON.stringify({ _from_model_config: true, ...ids }, null, 2)}\n`;
}
