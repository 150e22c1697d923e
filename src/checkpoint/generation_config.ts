// generation_config.json: which ids begin, end and pad a text, and how its makers sample. Only the ids are read here; a folder that
// is copied keeps the file as it is.

import { InputError } from '../errors.ts';
import { tokenId } from './config_keys.ts';
import { described, type JsonObject, parseJson } from './json.ts';

export const GENERATION_NAME = 'generation_config.json';

/** The ids that begin, end and pad a text; a list where several end one. */
export interface GenerationIds {
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
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
  const [bos, pad] = ['bos_token_id', 'pad_token_id'].map((key) => idsOf(fields, key, vocabSize, fileName)[0] ?? null);
  return { bosTokenId: bos!, padTokenId: pad!, eosTokenIds: idsOf(fields, 'eos_token_id', vocabSize, fileName) };
}

/** One id, a list of them, or none. */
function idsOf(fields: JsonObject, key: string, vocabSize: number, where: string): number[] {
  const value = fields.get(key) ?? null;
  if (value === null) return [];
  if (!Array.isArray(value)) return [tokenId(fields, key, vocabSize, where)];
  return value.map((each, i) => tokenId(new Map([[`${key}[${i}]`, each]]), `${key}[${i}]`, vocabSize, where));
}

/** The text of generation_config.json. */
export function generationConfigJson({
  bosTokenId,
  eosTokenIds,
  padTokenId = null,
}: Omit<GenerationIds, 'padTokenId'> & { readonly padTokenId?: number | null }): string {
  const ids = {
    ...(bosTokenId !== null && { bos_token_id: bosTokenId }),
    ...(eosTokenIds.length > 0 && { eos_token_id: eosTokenIds.length > 1 ? eosTokenIds : eosTokenIds[0] }),
    ...(padTokenId !== null && { pad_token_id: padTokenId }),
  };
  return `${JSON.stringify({ _from_model_config: true, ...ids }, null, 2)}\n`;
}
