// config.json of decoders of Llama's kind, as Hugging Face's classes read and write it: what all families share. What a family has
// of its own is its DecoderFormat.

import { InputError } from '../errors.ts';
import { type DecoderConfig, type DecoderSpec, decoderParameterCount } from '../nn/decoder_config.ts';
import {
  type ConfigKeys,
  checkKeys,
  configFields,
  correct,
  refuseHuge,
  type TextIds,
  tokenId,
  tokenIds,
  withFields,
} from './config_keys.ts';
import { finiteNumber, flag, misfit, wholeNumber } from './fields.ts';
import type { JsonObject } from './json.ts';
import { type Rope, ropeOf, scalingFields } from './rope_config.ts';

/** The values that a family's class gives to keys that its file leaves out; kvHeads and headDim: as heads and width say. */
export type Defaults = Pick<DecoderConfig, 'blockSize' | 'rmsNormEps' | 'ropeTheta' | 'tieWordEmbeddings'> &
  Partial<Pick<DecoderConfig, 'kvHeads' | 'headDim'>> &
  Partial<TextIds>;

/** How one family's config.json is read and written. */
export interface DecoderFormat<C extends DecoderConfig> {
  /** The class that loads it, and the one that loads a classifier over it. */
  architecture: string;
  classifier: string;
  keys: Pick<ConfigKeys, 'modelType' | 'optional' | 'onlyValue' | 'harmless'>;
  defaults: Defaults;
  spec(config: C): DecoderSpec;
  /** @param common what all families say in the same words */
  read(common: DecoderConfig, fields: JsonObject, where: string): C;
  /** Keys and values beside the common ones. */
  write(config: C): readonly (readonly [string, unknown])[];
}

const REQUIRED = [
  'model_type',
  'vocab_size',
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
];
const OPTIONAL = [
  'num_key_value_heads',
  'head_dim',
  'max_position_embeddings',
  'rms_norm_eps',
  'rope_theta',
  'rope_scaling',
  'rope_parameters',
  'tie_word_embeddings',
  'attention_bias',
  'initializer_range',
  'bos_token_id',
  'eos_token_id',
];
const HARMLESS = ['architectures', 'attention_dropout', 'dtype', 'torch_dtype', 'transformers_version', 'use_cache'];
const MOST_LAYERS = 10_000;

/**
 * Reads a decoder's config.json.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for anything that is missing, misspelt, of the wrong type, out of range or not supported
 */
export function parseDecoderConfig<C extends DecoderConfig>(
  format: DecoderFormat<C>,
  json: string,
  fileName: string,
  notes: string[] = [],
): C & TextIds {
  const fields = configFields(json, fileName);
  const { modelType, optional, onlyValue, harmless } = format.keys;
  const keys = { modelType, required: REQUIRED, optional: [...OPTIONAL, ...optional], onlyValue };
  checkKeys(fields, { ...keys, harmless: [...HARMLESS, ...harmless] }, fileName, notes);
  const common = readCommon(fields, format.defaults, fileName);
  refuseHuge(decoderParameterCount(format.spec(common as C)), fileName);
  checkCommon(common, fileName);
  return { ...format.read(common, fields, fileName), ...readIds(fields, format.defaults, common.vocabSize, fileName) };
}

function readCommon(fields: JsonObject, defaults: Defaults, where: string): DecoderConfig {
  const size = (key: string) => wholeNumber(fields, key, where, 1);
  const sizeOr = (key: string, otherwise: number) => ((fields.get(key) ?? null) === null ? otherwise : size(key));
  const numberOr = (key: string, otherwise: number, least: number, most: number) =>
    fields.has(key) ? finiteNumber(fields, key, where, least, most) : otherwise;
  const flagOr = (key: string, otherwise = false) => (fields.has(key) ? flag(fields, key, where) : otherwise);
  const [nEmbd, nHead] = [size('hidden_size'), size('num_attention_heads')];
  const rope = ropeIn(fields, defaults.ropeTheta, where);
  return {
    vocabSize: size('vocab_size'),
    blockSize: sizeOr('max_position_embeddings', defaults.blockSize),
    nEmbd,
    nLayer: size('num_hidden_layers'),
    nHead,
    kvHeads: sizeOr('num_key_value_heads', defaults.kvHeads ?? nHead),
    headDim: sizeOr('head_dim', defaults.headDim ?? nEmbd / nHead),
    nInner: size('intermediate_size'),
    rmsNormEps: numberOr('rms_norm_eps', defaults.rmsNormEps, 1e-12, 1),
    ropeTheta: rope.theta,
    ropeScaling: rope.scaling,
    tieWordEmbeddings: flagOr('tie_word_embeddings', defaults.tieWordEmbeddings),
    attentionBias: flagOr('attention_bias'),
    initializerRange: numberOr('initializer_range', 0.02, 0, 10),
  };
}

/** Of the layers that see all keys: a family with others has an object for each kind under `rope_parameters`. */
function ropeIn(fields: JsonObject, otherwise: number, where: string): Rope {
  const theta = fields.has('rope_theta') ? finiteNumber(fields, 'rope_theta', where, 1, 1e12) : otherwise;
  const parameters = fields.get('rope_parameters');
  if ((fields.get('rope_scaling') ?? null) !== null) return ropeOf(fields, 'rope_scaling', theta, where);
  if (!(parameters instanceof Map) || !parameters.has('full_attention'))
    return ropeOf(fields, 'rope_parameters', theta, where);
  return ropeOf(parameters, 'full_attention', theta, `${where}: rope_parameters`);
}

function readIds(fields: JsonObject, defaults: Defaults, vocabSize: number, where: string): TextIds {
  const [bos, eos] = ['bos_token_id', 'eos_token_id'] as const;
  const begins = () => (fields.get(bos) === null ? null : tokenId(fields, bos, vocabSize, where));
  return {
    bosTokenId: fields.has(bos) ? begins() : (defaults.bosTokenId ?? null),
    eosTokenIds: fields.has(eos) ? tokenIds(fields, eos, vocabSize, where) : (defaults.eosTokenIds ?? []),
  };
}

/** Checks what single fields cannot show: that heads fit together. */
function checkCommon({ nEmbd, nHead, kvHeads, headDim, nLayer }: DecoderConfig, where: string): void {
  if (nHead % kvHeads !== 0)
    throw new InputError(
      `${where}: num_key_value_heads: found ${kvHeads}, but num_attention_heads ${nHead} is not divisible by ${kvHeads}. ${correct}`,
    );
  if (!Number.isInteger(headDim))
    throw new InputError(
      `${where}: num_attention_heads: found ${nHead}, but hidden_size ${nEmbd} is not divisible by ${nHead}, and there is no head_dim. ${correct}`,
    );
  if (headDim % 2 !== 0) throw misfit(where, 'head_dim', headDim, 'an even number', correct);
  if (nLayer > MOST_LAYERS) throw misfit(where, 'num_hidden_layers', nLayer, `at most ${MOST_LAYERS}`, correct);
}

/** The text of config.json that the family's class loads. @param others keys and values that replace these, or are added */
export function decoderConfigJson<C extends DecoderConfig>(
  format: DecoderFormat<C>,
  config: C & TextIds,
  others: readonly (readonly [string, unknown])[] = [],
): string {
  const { eosTokenIds: ends } = config;
  const own: (readonly [string, unknown])[] = [
    ['architectures', [format.architecture]],
    ['model_type', format.keys.modelType],
    ['vocab_size', config.vocabSize],
    ['max_position_embeddings', config.blockSize],
    ['hidden_size', config.nEmbd],
    ['intermediate_size', config.nInner],
    ['num_hidden_layers', config.nLayer],
    ['num_attention_heads', config.nHead],
    ['num_key_value_heads', config.kvHeads],
    ['head_dim', config.headDim],
    ['rms_norm_eps', config.rmsNormEps],
    ['rope_theta', config.ropeTheta],
    ['rope_scaling', scalingFields(config.ropeScaling)],
    ['tie_word_embeddings', config.tieWordEmbeddings],
    ['attention_bias', config.attentionBias],
    ...format.write(config),
    ['attention_dropout', 0],
    ['initializer_range', config.initializerRange],
    ['torch_dtype', 'float32'],
    ['use_cache', true],
    ['bos_token_id', config.bosTokenId],
    ['eos_token_id', ends.length > 1 ? ends : (ends[0] ?? null)],
  ];
  const fields = withFields(own, others);
  return `{\n${fields.map(([key, value]) => `  ${JSON.stringify(key)}: ${written(key, value)}`).join(',\n')}\n}\n`;
}

/** Numbers that are floats there even where they are whole. */
const FLOATS = new Set([
  'attention_dropout',
  'rope_theta',
  'rope_local_base_freq',
  'factor',
  'low_freq_factor',
  'high_freq_factor',
]);

/** Python tells 0 from 0.0, and newer configuration classes check the type. */
function written(key: string, value: unknown): string {
  if (key === 'label2id') return JSON.stringify(value); // names of labels are no keys
  if (FLOATS.has(key) && Number.isInteger(value)) return `${value}.0`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${written(name, each)}`);
  return `{${fields.join(', ')}}`;
}
