// config.json of any model that is known here: which family it is decides who reads and writes it.
import { InputError } from '../errors.ts';
import type { DecoderConfig } from '../nn/decoder_config.ts';
import type { ConfigOf, Family, ModelConfig } from '../nn/model_config.ts';
import { configFields, type TextIds } from './config_keys.ts';
import { type DecoderFormat, decoderConfigJson, parseDecoderConfig } from './decoder_format.ts';
import { gemma3Format } from './gemma3_config.ts';
import { gpt2ConfigJson, parseGpt2Config } from './gpt2_config.ts';
import { described } from './json.ts';
import { llamaFormat, mistralFormat } from './llama_config.ts';
import { qwen3Format } from './qwen3_config.ts';

export type { TextIds } from './config_keys.ts';

/** How one family's config.json is read and written. */
interface ConfigFormat<C> {
  parse(json: string, fileName: string, notes: string[]): C & TextIds;
  json(config: C & TextIds): string;
}

const decoder = <C extends DecoderConfig>(format: DecoderFormat<C>): ConfigFormat<C> => ({
  parse: (json, fileName, notes) => parseDecoderConfig(format, json, fileName, notes),
  json: (config) => decoderConfigJson(format, config),
});

const FORMATS: { readonly [F in Family]: ConfigFormat<ConfigOf<F>> } = {
  gpt2: {
    parse: (json, fileName, notes) => {
      const { eosTokenId, ...config } = parseGpt2Config(json, fileName, notes);
      return { ...config, eosTokenIds: eosTokenId === null ? [] : [eosTokenId] };
    },
    json: ({ eosTokenIds, ...config }) => gpt2ConfigJson({ ...config, eosTokenId: eosTokenIds[0] ?? null }),
  },
  llama: decoder(llamaFormat),
  mistral: decoder(mistralFormat),
  qwen3: decoder(qwen3Format),
  gemma3_text: decoder(gemma3Format),
};

/** What to do about a type that is near one of these. */
const ADVICE = new Map<unknown, string>([
  ['gemma3', 'It reads pictures too: take a model of text alone, as google/gemma-3-270m and google/gemma-3-1b-it are.'],
]);

/**
 * Reads config.json by its `model_type`.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for a family that is not known here, and as its own reader
 */
export function parseModelConfig(
  json: string,
  fileName: string,
  notes: string[] = [],
): { config: ModelConfig; ids: TextIds } {
  // Without a type it is GPT-2's reader that says so.
  const type = configFields(json, fileName).get('model_type') ?? 'gpt2';
  if (typeof type !== 'string' || !Object.hasOwn(FORMATS, type)) {
    const known = Object.keys(FORMATS);
    throw new InputError(
      `${fileName}: model_type: found ${described(type)}, which is not supported; expected ${known.slice(0, -1).join(', ')} or ${known.at(-1)}. ` +
        (ADVICE.get(type) ?? 'Take a model of a supported type.'),
    );
  }
  const { bosTokenId, eosTokenIds, ...config } = FORMATS[type as Family].parse(json, fileName, notes);
  return { config: config as ModelConfig, ids: { bosTokenId, eosTokenIds } };
}

/** The text of config.json that Hugging Face's classes load. */
export function modelConfigJson(
  config: ModelConfig,
  { bosTokenId, eosTokenId }: { bosTokenId: number | null; eosTokenId: number | null },
): string {
  const format = FORMATS[config.family] as ConfigFormat<never> as ConfigFormat<ModelConfig>;
  return format.json({ ...config, bosTokenId, eosTokenIds: eosTokenId === null ? [] : [eosTokenId] });
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
