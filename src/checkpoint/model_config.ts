// config.json of any model that is known here: which family it is decides who reads and writes it.
import { InputError } from '../errors.ts';
import type { GPT2Config } from '../nn/gpt2_config.ts';
import type { LlamaConfig } from '../nn/llama_config.ts';
import { configFields } from './config_keys.ts';
import { gpt2ConfigJson, parseGpt2Config } from './gpt2_config.ts';
import { described } from './json.ts';
import { llamaConfigJson, parseLlamaConfig } from './llama_config.ts';

/** The ids that begin and end a text. */
export interface TextIds {
  bosTokenId: number | null;
  /** None, one or several. */
  eosTokenIds: readonly number[];
}

/**
 * Reads config.json by its `model_type`.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for a family that is not known here, and as its own reader
 */
export function parseModelConfig(
  json: string,
  fileName: string,
  notes: string[] = [],
): { config: GPT2Config | LlamaConfig; ids: TextIds } {
  const type = configFields(json, fileName).get('model_type');
  if (type === 'llama') {
    const { bosTokenId, eosTokenIds, ...config } = parseLlamaConfig(json, fileName, notes);
    return { config, ids: { bosTokenId, eosTokenIds } };
  }
  if (type !== undefined && type !== 'gpt2') {
    throw new InputError(
      `${fileName}: model_type: found ${described(type)}, which is not supported; expected "gpt2" or "llama". Take a model of a supported type.`,
    );
  }
  const { bosTokenId, eosTokenId, ...config } = parseGpt2Config(json, fileName, notes);
  return { config, ids: { bosTokenId, eosTokenIds: eosTokenId === null ? [] : [eosTokenId] } };
}

/** The text of config.json that Hugging Face's classes load. */
export function modelConfigJson(
  config: GPT2Config | LlamaConfig,
  { bosTokenId, eosTokenId }: { bosTokenId: number | null; eosTokenId: number | null },
): string {
  if (config.family === 'gpt2') return gpt2ConfigJson({ ...config, bosTokenId, eosTokenId });
  return llamaConfigJson({ ...config, bosTokenId, eosTokenIds: eosTokenId === null ? [] : [eosTokenId] });
}

/**
 * Refuses a tokenizer whose ids do not fit the model's embedding; `tokenizerSize` is its number of tokens.
 * A smaller tokenizer is fine: embeddings are often padded. @throws InputError
 */
export function checkVocabulary({ vocabSize }: { vocabSize: number }, tokenizerSize: number, where: string): void {
  if (tokenizerSize <= vocabSize) return;
  throw new InputError(
    `${where}: vocab_size: found ${vocabSize}, but the tokenizer has ${tokenizerSize} tokens. ` +
      'The rows of the token table decide: take the tokenizer that came with this model.',
  );
}
