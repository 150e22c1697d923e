// config.json of a GPT-2, as Hugging Face's GPT2LMHeadModel reads and writes it.

import { InputError } from '../errors.ts';
import { fittingHeads, type GPT2Config, gpt2ParameterCount } from '../nn/gpt2_config.ts';
import {
  activationNamed,
  type ConfigKeys,
  checkKeys,
  configFields,
  correct,
  refuseHuge,
  tokenId,
  withFields,
} from './config_keys.ts';
import { finiteNumber, flag, misfit, wholeNumber } from './fields.ts';
import type { JsonObject } from './json.ts';

/** A model as its folder describes it: the model, and the ids that begin and end a text. */
export interface SavedGpt2Config extends GPT2Config {
  bosTokenId: number | null;
  eosTokenId: number | null;
}

const keys: ConfigKeys = {
  modelType: 'gpt2',
  required: ['model_type', 'vocab_size', 'n_positions', 'n_embd', 'n_layer', 'n_head'],
  optional: [
    'n_inner',
    'activation_function',
    'layer_norm_epsilon',
    'tie_word_embeddings',
    'initializer_range',
    'bos_token_id',
    'eos_token_id',
    'bias',
  ],
  onlyValue: new Map<string, boolean | string | null>([
    ['scale_attn_weights', true],
    ['scale_attn_by_inverse_layer_idx', false],
    ['add_cross_attention', false],
    ['rope_scaling', null],
  ]),
  harmless: [
    'architectures',
    'n_ctx',
    'attn_pdrop',
    'embd_pdrop',
    'resid_pdrop',
    'reorder_and_upcast_attn',
    'torch_dtype',
    'use_cache',
  ],
};

/**
 * Reads a GPT-2's config.json.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for anything that is missing, misspelt, of the wrong type, out of range or not supported
 */
export function parseGpt2Config(json: string, fileName: string, notes: string[] = []): SavedGpt2Config {
  const fields = configFields(json, fileName);
  checkKeys(fields, keys, fileName, notes);
  const config = readFields(fields, fileName);
  checkConfig(config, fileName);
  return config;
}

function readFields(fields: JsonObject, where: string): SavedGpt2Config {
  const size = (key: string) => wholeNumber(fields, key, where, 1);
  const vocabSize = size('vocab_size');
  const nEmbd = size('n_embd');
  return {
    family: 'gpt2',
    vocabSize,
    blockSize: size('n_positions'),
    nEmbd,
    nLayer: size('n_layer'),
    nHead: size('n_head'),
    nInner: (fields.get('n_inner') ?? null) === null ? 4 * nEmbd : size('n_inner'),
    activation: activationNamed(fields, 'activation_function', where, 'gelu_new'),
    layerNormEps: fields.has('layer_norm_epsilon') ? finiteNumber(fields, 'layer_norm_epsilon', where, 1e-12, 1) : 1e-5,
    tieWordEmbeddings: fields.has('tie_word_embeddings') ? flag(fields, 'tie_word_embeddings', where) : true,
    initializerRange: fields.has('initializer_range') ? finiteNumber(fields, 'initializer_range', where, 0, 10) : 0.02,
    bosTokenId: endOfText(fields, 'bos_token_id', vocabSize, where),
    eosTokenId: endOfText(fields, 'eos_token_id', vocabSize, where),
    bias: fields.has('bias') ? flag(fields, 'bias', where) : true,
  };
}

/** A file without the key means GPT-2's <|endoftext|>, if the vocabulary reaches that far. */
function endOfText(fields: JsonObject, key: string, vocabSize: number, where: string): number | null {
  if (!fields.has(key)) return vocabSize > 50256 ? 50256 : null;
  return fields.get(key) === null ? null : tokenId(fields, key, vocabSize, where);
}

/** Checks what single fields cannot show: that heads divide the width and that the model is of this world. */
function checkConfig(config: SavedGpt2Config, where: string): void {
  refuseHuge(gpt2ParameterCount(config), where);
  const { nEmbd, nHead } = config;
  if (nEmbd % nHead !== 0) {
    throw new InputError(
      `${where}: n_head: found ${nHead}, but n_embd ${nEmbd} is not divisible by ${nHead}. Use ${fittingHeads(nEmbd, nHead)}.`,
    );
  }
  if (config.nLayer > 10_000) throw misfit(where, 'n_layer', config.nLayer, 'at most 10000', correct);
}

/**
 * The text of config.json that Hugging Face's GPT2LMHeadModel loads. Our own key `bias` is written only where it says false.
 * @param others keys and values that replace these, or are added
 */
export function gpt2ConfigJson(config: SavedGpt2Config, others: readonly (readonly [string, unknown])[] = []): string {
  const own: [string, unknown][] = [
    ['architectures', ['GPT2LMHeadModel']],
    ['model_type', 'gpt2'],
    ['vocab_size', config.vocabSize],
    ['n_positions', config.blockSize],
    ['n_ctx', config.blockSize],
    ['n_embd', config.nEmbd],
    ['n_layer', config.nLayer],
    ['n_head', config.nHead],
    ['n_inner', config.nInner === 4 * config.nEmbd ? null : config.nInner],
    ['activation_function', config.activation],
    ['layer_norm_epsilon', config.layerNormEps],
    // Dropout belongs to a run, not to a model: whoever trains on chooses anew.
    ['attn_pdrop', 0],
    ['embd_pdrop', 0],
    ['resid_pdrop', 0],
    ['scale_attn_weights', true],
    ['scale_attn_by_inverse_layer_idx', false],
    ['reorder_and_upcast_attn', false],
    ['initializer_range', config.initializerRange],
    ['tie_word_embeddings', config.tieWordEmbeddings],
    ['torch_dtype', 'float32'],
    ['use_cache', true],
    ['bos_token_id', config.bosTokenId],
    ['eos_token_id', config.eosTokenId],
  ];
  if (!config.bias) own.push(['bias', false]);
  const fields = withFields(own, others);
  // Python tells 0 from 0.0, and newer configuration classes check the type.
  const asFloat = (key: string, value: unknown) =>
    key.endsWith('_pdrop') && Number.isInteger(value) ? `${value}.0` : JSON.stringify(value);
  return `{\n${fields.map(([key, value]) => `  ${JSON.stringify(key)}: ${asFloat(key, value)}`).join(',\n')}\n}\n`;
}
