// config.json of a Llama, as Hugging Face's LlamaForCausalLM reads and writes it.

import { InputError } from '../errors.ts';
import { type LlamaConfig, llamaParameterCount, type RopeScaling } from '../nn/llama_config.ts';
import { type ConfigKeys, checkKeys, configFields, correct, refuseHuge, tokenId } from './config_keys.ts';
import { finiteNumber, flag, misfit, wholeNumber } from './fields.ts';
import type { JsonObject } from './json.ts';

/** A model as its folder describes it: the model, and the ids that begin and end a text. */
export interface SavedLlamaConfig extends LlamaConfig {
  bosTokenId: number | null;
  /** Llama 3 has several. */
  eosTokenIds: readonly number[];
}

const keys: ConfigKeys = {
  modelType: 'llama',
  required: [
    'model_type',
    'vocab_size',
    'hidden_size',
    'intermediate_size',
    'num_hidden_layers',
    'num_attention_heads',
  ],
  optional: [
    'num_key_value_heads',
    'head_dim',
    'max_position_embeddings',
    'rms_norm_eps',
    'rope_theta',
    'rope_scaling',
    'tie_word_embeddings',
    'attention_bias',
    'mlp_bias',
    'initializer_range',
    'bos_token_id',
    'eos_token_id',
  ],
  onlyValue: new Map<string, boolean | string | null>([
    ['hidden_act', 'silu'],
    ['rope_parameters', null],
    ['rope_interleaved', false],
  ]),
  harmless: [
    'architectures',
    'attention_dropout',
    'dtype',
    'pad_token_id',
    'pretraining_tp',
    'torch_dtype',
    'transformers_version',
    'use_cache',
  ],
};

/**
 * Reads a Llama's config.json. What it leaves out has the value that transformers' LlamaConfig gives it.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for anything that is missing, misspelt, of the wrong type, out of range or not supported
 */
export function parseLlamaConfig(json: string, fileName: string, notes: string[] = []): SavedLlamaConfig {
  const fields = configFields(json, fileName);
  checkKeys(fields, keys, fileName, notes);
  const config = readFields(fields, fileName);
  checkConfig(config, fileName);
  return config;
}

function readFields(fields: JsonObject, where: string): SavedLlamaConfig {
  const size = (key: string) => wholeNumber(fields, key, where, 1);
  const sizeOr = (key: string, otherwise: number) => ((fields.get(key) ?? null) === null ? otherwise : size(key));
  const numberOr = (key: string, otherwise: number, least: number, most: number) =>
    fields.has(key) ? finiteNumber(fields, key, where, least, most) : otherwise;
  const flagOr = (key: string) => (fields.has(key) ? flag(fields, key, where) : false);
  const [vocabSize, nEmbd, nHead] = [size('vocab_size'), size('hidden_size'), size('num_attention_heads')];
  return {
    family: 'llama',
    vocabSize,
    blockSize: sizeOr('max_position_embeddings', 2048),
    nEmbd,
    nLayer: size('num_hidden_layers'),
    nHead,
    kvHeads: sizeOr('num_key_value_heads', nHead),
    headDim: sizeOr('head_dim', nEmbd / nHead),
    nInner: size('intermediate_size'),
    rmsNormEps: numberOr('rms_norm_eps', 1e-6, 1e-12, 1),
    ropeTheta: numberOr('rope_theta', 10_000, 1, 1e12),
    ropeScaling: scalingOf(fields, where),
    tieWordEmbeddings: flagOr('tie_word_embeddings'),
    attentionBias: flagOr('attention_bias'),
    mlpBias: flagOr('mlp_bias'),
    initializerRange: numberOr('initializer_range', 0.02, 0, 10),
    bosTokenId:
      (fields.get('bos_token_id') ?? null) === null ? null : tokenId(fields, 'bos_token_id', vocabSize, where),
    eosTokenIds: endIds(fields, vocabSize, where),
  };
}

/** `eos_token_id` is an id, a list of them, or null. */
function endIds(fields: JsonObject, vocabSize: number, where: string): number[] {
  const key = 'eos_token_id';
  const value = fields.get(key) ?? null;
  if (value === null) return [];
  if (!Array.isArray(value)) return [tokenId(fields, key, vocabSize, where)];
  return value.map((each, i) => tokenId(new Map([[`${key}[${i}]`, each]]), `${key}[${i}]`, vocabSize, where));
}

/** `rope_scaling` of a configuration; null where nothing is scaled. @throws InputError */
export function scalingOf(fields: JsonObject, where: string): RopeScaling | null {
  const value = fields.get('rope_scaling') ?? null;
  if (value === null) return null;
  if (!(value instanceof Map)) throw misfit(where, 'rope_scaling', value, 'an object or null', correct);
  const at = `${where}: rope_scaling`;
  // Files from before transformers 4.43 say `type`.
  const type = value.get('rope_type') ?? value.get('type');
  const factor = () => finiteNumber(value, 'factor', at, 1, 1e6);
  if (type === 'default') return null;
  if (type === 'linear') return { type, factor: factor() };
  if (type !== 'llama3')
    throw misfit(at, 'rope_type', type, 'default, linear or llama3; nothing else is supported', 'Take another model.');
  const [lowFreqFactor, highFreqFactor] = ['low_freq_factor', 'high_freq_factor'].map((key) =>
    finiteNumber(value, key, at, 1e-6, 1e6),
  ) as [number, number];
  if (lowFreqFactor >= highFreqFactor)
    throw misfit(at, 'low_freq_factor', lowFreqFactor, `less than high_freq_factor ${highFreqFactor}`, correct);
  const originalBlockSize = wholeNumber(value, 'original_max_position_embeddings', at, 1);
  return { type, factor: factor(), lowFreqFactor, highFreqFactor, originalBlockSize };
}

/** Checks what single fields cannot show: that heads fit together and that the model is of this world. */
function checkConfig(config: SavedLlamaConfig, where: string): void {
  refuseHuge(llamaParameterCount(config), where);
  const { nEmbd, nHead, kvHeads, headDim, nLayer } = config;
  if (nHead % kvHeads !== 0)
    throw new InputError(
      `${where}: num_key_value_heads: found ${kvHeads}, but num_attention_heads ${nHead} is not divisible by ${kvHeads}. ${correct}`,
    );
  if (!Number.isInteger(headDim))
    throw new InputError(
      `${where}: num_attention_heads: found ${nHead}, but hidden_size ${nEmbd} is not divisible by ${nHead}, and there is no head_dim. ${correct}`,
    );
  if (headDim % 2 !== 0) throw misfit(where, 'head_dim', headDim, 'an even number', correct);
  if (nLayer > 10_000) throw misfit(where, 'num_hidden_layers', nLayer, 'at most 10000', correct);
}

/** The text of config.json that Hugging Face's LlamaForCausalLM loads. */
export function llamaConfigJson(
  config: SavedLlamaConfig,
  torchDtype: 'float32' | 'float16' | 'bfloat16' = 'float32',
): string {
  const { eosTokenIds: ends, ropeScaling } = config;
  const fields: [string, unknown][] = [
    ['architectures', ['LlamaForCausalLM']],
    ['model_type', 'llama'],
    ['vocab_size', config.vocabSize],
    ['max_position_embeddings', config.blockSize],
    ['hidden_size', config.nEmbd],
    ['intermediate_size', config.nInner],
    ['num_hidden_layers', config.nLayer],
    ['num_attention_heads', config.nHead],
    ['num_key_value_heads', config.kvHeads],
    ['head_dim', config.headDim],
    ['hidden_act', 'silu'],
    ['rms_norm_eps', config.rmsNormEps],
    ['rope_theta', config.ropeTheta],
    ['rope_scaling', ropeScaling && scalingFields(ropeScaling)],
    ['tie_word_embeddings', config.tieWordEmbeddings],
    ['attention_bias', config.attentionBias],
    ['mlp_bias', config.mlpBias],
    ['attention_dropout', 0],
    ['initializer_range', config.initializerRange],
    ['torch_dtype', torchDtype],
    ['use_cache', true],
    ['bos_token_id', config.bosTokenId],
    ['eos_token_id', ends.length > 1 ? ends : (ends[0] ?? null)],
  ];
  // Python tells 0 from 0.0, and newer configuration classes check the type.
  const written = (key: string, value: unknown): string =>
    FLOATS.has(key) && Number.isInteger(value) ? `${value}.0` : isFields(value) ? nested(value) : JSON.stringify(value);
  const nested = (value: object) =>
    `{${Object.entries(value)
      .map(([key, each]) => `${JSON.stringify(key)}: ${written(key, each)}`)
      .join(', ')}}`;
  return `{\n${fields.map(([key, value]) => `  ${JSON.stringify(key)}: ${written(key, value)}`).join(',\n')}\n}\n`;
}

/** Numbers that are floats there even where they are whole. */
const FLOATS = new Set(['attention_dropout', 'rope_theta', 'factor', 'low_freq_factor', 'high_freq_factor']);

function isFields(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function scalingFields(scaling: RopeScaling): Record<string, number | string> {
  const { type, factor } = scaling;
  if (type === 'linear') return { rope_type: type, factor };
  return {
    rope_type: type,
    factor,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalBlockSize,
  };
}
