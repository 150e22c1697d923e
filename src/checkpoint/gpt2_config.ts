// config.json of a GPT-2, as Hugging Face's GPT2LMHeadModel reads and writes it.

import { InputError } from '../errors.ts';
import { type Activation, fittingHeads, type GPT2Config, gpt2ParameterCount } from '../nn/gpt2_config.ts';
import { finiteNumber, flag, misfit, nearest, wholeNumber } from './fields.ts';
import { described, firstTen, type JsonObject, parseJson, quoted } from './json.ts';

/** A model as its folder describes it: the model, and the ids that begin and end a text. */
export interface SavedGpt2Config extends GPT2Config {
  bosTokenId: number | null;
  eosTokenId: number | null;
}

/** Other names of the same functions in Hugging Face's table of activations. */
const activations = new Map<string, Activation>([
  ['gelu_new', 'gelu_new'],
  ['gelu', 'gelu'],
  ['relu', 'relu'],
  ['silu', 'silu'],
  ['gelu_pytorch_tanh', 'gelu_new'],
  ['swish', 'silu'],
]);

const required = ['model_type', 'vocab_size', 'n_positions', 'n_embd', 'n_layer', 'n_head'];
const optional = [
  'n_inner',
  'activation_function',
  'layer_norm_epsilon',
  'tie_word_embeddings',
  'initializer_range',
  'bos_token_id',
  'eos_token_id',
  'bias',
];

/** Switches that change what the model computes; only this value is implemented. */
const onlyValue = new Map<string, boolean | null>([
  ['scale_attn_weights', true],
  ['scale_attn_by_inverse_layer_idx', false],
  ['add_cross_attention', false],
  ['rope_scaling', null],
]);

/** Keys of GPT-2 that a reader may ignore: dropout, caches, files' dtype and the like. */
const harmless = [
  'architectures',
  'n_ctx',
  'attn_pdrop',
  'embd_pdrop',
  'resid_pdrop',
  'reorder_and_upcast_attn',
  'torch_dtype',
  'use_cache',
];

const correct = 'Correct the file.';
const maxWeightBytes = 1e12;

/**
 * Reads a GPT-2's config.json.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for anything that is missing, misspelt, of the wrong type, out of range or not supported
 */
export function parseGpt2Config(json: string, fileName: string, notes: string[] = []): SavedGpt2Config {
  const fields = parseJson(json, fileName);
  if (!(fields instanceof Map)) {
    throw new InputError(`${fileName}: found ${described(fields)}, expected an object. ${correct}`);
  }
  checkKeys(fields, fileName, notes);
  const config = readFields(fields, fileName);
  checkConfig(config, fileName);
  return config;
}

function checkKeys(fields: JsonObject, where: string, notes: string[]): void {
  const known = new Set([...required, ...optional, ...onlyValue.keys(), ...harmless]);
  const foreign = [...fields.keys()].filter((key) => !known.has(key));
  const looksLike = (key: string) => foreign.find((other) => nearest(other, [key]));
  const type = fields.get('model_type');
  if (type !== undefined && type !== 'gpt2') {
    throw new InputError(
      `${where}: model_type: found ${described(type)}, which is not supported; expected "gpt2". Take a model of a supported type.`,
    );
  }
  for (const key of required) {
    const near = looksLike(key);
    if (fields.has(key)) continue;
    throw new InputError(
      `${where}: ${key} is missing${near ? `; ${quoted(near)} looks like it` : ''}. Add it to the file.`,
    );
  }
  for (const key of [...optional, ...onlyValue.keys()]) {
    const near = looksLike(key);
    if (near && !fields.has(key))
      throw new InputError(`${where}: found key ${quoted(near)}, expected ${key}? Correct the name, or take it out.`);
  }
  for (const [key, value] of onlyValue) {
    if (fields.has(key) && fields.get(key) !== value)
      throw misfit(where, key, fields.get(key), `${value}; nothing else is supported`, 'Take another model.');
  }
  if (foreign.length > 0) notes.push(`${where}: keys ignored: ${firstTen(foreign.map(quoted))}`);
}

function readFields(fields: JsonObject, where: string): SavedGpt2Config {
  const size = (key: string) => wholeNumber(fields, key, where, 1);
  const vocabSize = size('vocab_size');
  const nEmbd = size('n_embd');
  const activation = fields.get('activation_function') ?? 'gelu_new';
  const known = typeof activation === 'string' ? activations.get(activation) : undefined;
  if (!known)
    throw misfit(
      where,
      'activation_function',
      activation,
      `one of ${[...activations.keys()].join(', ')}`,
      'Take another model.',
    );
  return {
    vocabSize,
    blockSize: size('n_positions'),
    nEmbd,
    nLayer: size('n_layer'),
    nHead: size('n_head'),
    nInner: (fields.get('n_inner') ?? null) === null ? 4 * nEmbd : size('n_inner'),
    activation: known,
    layerNormEps: fields.has('layer_norm_epsilon') ? finiteNumber(fields, 'layer_norm_epsilon', where, 1e-12, 1) : 1e-5,
    tieWordEmbeddings: fields.has('tie_word_embeddings') ? flag(fields, 'tie_word_embeddings', where) : true,
    initializerRange: fields.has('initializer_range') ? finiteNumber(fields, 'initializer_range', where, 0, 10) : 0.02,
    bosTokenId: tokenId(fields, 'bos_token_id', vocabSize, where),
    eosTokenId: tokenId(fields, 'eos_token_id', vocabSize, where),
    bias: fields.has('bias') ? flag(fields, 'bias', where) : true,
  };
}

function tokenId(fields: JsonObject, key: string, vocabSize: number, where: string): number | null {
  // A file without the key means GPT-2's <|endoftext|>, if the vocabulary reaches that far.
  if (!fields.has(key)) return vocabSize > 50256 ? 50256 : null;
  if (fields.get(key) === null) return null;
  const id = wholeNumber(fields, key, where, 0);
  if (id >= vocabSize)
    throw new InputError(`${where}: ${key}: found ${id}, outside 0..${vocabSize - 1} of vocab_size. ${correct}`);
  return id;
}

/** Checks what single fields cannot show: that heads divide the width and that the model is of this world. */
function checkConfig(config: SavedGpt2Config, where: string): void {
  const bytes = 4 * gpt2ParameterCount(config);
  if (bytes > maxWeightBytes) {
    throw new InputError(
      `${where}: the weights alone would need ${bytesInWords(bytes)}, expected at most ${bytesInWords(maxWeightBytes)}. ${correct}`,
    );
  }
  const { nEmbd, nHead } = config;
  if (nEmbd % nHead !== 0) {
    throw new InputError(
      `${where}: n_head: found ${nHead}, but n_embd ${nEmbd} is not divisible by ${nHead}. Use ${fittingHeads(nEmbd, nHead)}.`,
    );
  }
  if (config.nLayer > 10_000) throw misfit(where, 'n_layer', config.nLayer, 'at most 10000', correct);
}

function bytesInWords(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const amount = bytes / 1000 ** power;
  return `${amount < 1000 ? Number(amount.toPrecision(2)) : amount.toExponential(1).replace('e+', 'e')} ${units[power]}`;
}

/**
 * Refuses a tokenizer whose ids do not fit the model's embedding; `tokenizerSize` is its number of tokens.
 * A smaller tokenizer is fine: embeddings are often padded. @throws InputError
 */
export function checkVocabulary(config: SavedGpt2Config, tokenizerSize: number, where: string): void {
  if (tokenizerSize <= config.vocabSize) return;
  throw new InputError(
    `${where}: vocab_size: found ${config.vocabSize}, but the tokenizer has ${tokenizerSize} tokens. ` +
      'The rows of transformer.wte.weight decide: take the tokenizer that came with this model.',
  );
}

/** The text of config.json that Hugging Face's GPT2LMHeadModel loads. Our own key `bias` is written only where it says false. */
export function gpt2ConfigJson(
  config: SavedGpt2Config,
  torchDtype: 'float32' | 'float16' | 'bfloat16' = 'float32',
): string {
  const fields: [string, unknown][] = [
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
    ['torch_dtype', torchDtype],
    ['use_cache', true],
    ['bos_token_id', config.bosTokenId],
    ['eos_token_id', config.eosTokenId],
  ];
  if (!config.bias) fields.push(['bias', false]);
  // Python tells 0 from 0.0, and newer configuration classes check the type.
  const asFloat = (key: string, value: unknown) =>
    key.endsWith('_pdrop') && Number.isInteger(value) ? `${value}.0` : JSON.stringify(value);
  return `{\n${fields.map(([key, value]) => `  ${JSON.stringify(key)}: ${asFloat(key, value)}`).join(',\n')}\n}\n`;
}

/** The text of generation_config.json: which ids begin and end a text. */
export function generationConfigJson(config: SavedGpt2Config): string {
  const { bosTokenId, eosTokenId } = config;
  const ids = {
    ...(bosTokenId !== null && { bos_token_id: bosTokenId }),
    ...(eosTokenId !== null && { eos_token_id: eosTokenId }),
  };
  return `${JSON.stringify({ _from_model_config: true, ...ids }, null, 2)}\n`;
}
