// config.json of an encoder-decoder. What it has in common with an encoder by itself is read and written by transformer_keys.ts.
import { InputError } from '../errors.ts';
import { type EncoderDecoderConfig, encoderDecoderParameterCount, type Tie } from '../nn/transformer_config.ts';
import { type ConfigKeys, checkKeys, configFields, correct, refuseHuge, tokenId } from './config_keys.ts';
import { misfit, wholeNumber } from './fields.ts';
import { described, type JsonObject, type JsonValue, quoted } from './json.ts';
import {
  checkTransformer,
  keyOf,
  MOST_LAYERS,
  oneOf,
  readTransformer,
  TRANSFORMER_KEYS,
  transformerFields,
} from './transformer_keys.ts';

export const ENCODER_DECODER = 'encoder-decoder-vaswani2017';

const TIES = new Map<JsonValue, Tie>([
  ['source, target and output embeddings', 'all'],
  ['target and output embeddings', 'target'],
  [null, 'none'],
]);

const keys: ConfigKeys = {
  modelType: ENCODER_DECODER,
  required: [
    ...['model_type', 'vocab_size', ...TRANSFORMER_KEYS, 'n_decoder_layers', 'tie'],
    ...['pad_token_id', 'bos_token_id', 'eos_token_id'],
  ],
  optional: ['source_vocab_size', 'max_position_embeddings'],
  onlyValue: new Map(),
  harmless: ['architectures', 'dtype', 'torch_dtype', 'transformers_version', 'use_cache'],
};

/**
 * Reads an encoder-decoder's config.json.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for another type of model, and for anything that is missing, misspelt, of the wrong type, out of range or not supported
 */
export function parseEncoderDecoderConfig(json: string, fileName: string, notes: string[] = []): EncoderDecoderConfig {
  const fields = configFields(json, fileName);
  const type = fields.get('model_type');
  if (type !== undefined && type !== ENCODER_DECODER)
    throw new InputError(
      `${fileName}: found a model of type ${typeof type === 'string' ? quoted(type) : described(type)}, expected an encoder-decoder, which writes one text from another. Train one: finetune --task translate.`,
    );
  checkKeys(fields, keys, fileName, notes);
  const config = readFields(fields, fileName);
  refuseHuge(encoderDecoderParameterCount(config), fileName);
  checkConfig(config, fileName);
  return config;
}

function readFields(fields: JsonObject, where: string): EncoderDecoderConfig {
  const size = (key: string, most?: number) => wholeNumber(fields, key, where, 1, most);
  const vocabSize = size('vocab_size');
  const sourceVocabSize = fields.has('source_vocab_size') ? size('source_vocab_size') : vocabSize;
  // These stand in texts of both sides.
  const both = Math.min(vocabSize, sourceVocabSize);
  return {
    family: ENCODER_DECODER,
    vocabSize,
    sourceVocabSize,
    ...readTransformer(fields, where),
    encoderLayers: size('n_encoder_layers', MOST_LAYERS),
    decoderLayers: size('n_decoder_layers', MOST_LAYERS),
    tie: oneOf(fields, 'tie', TIES, where),
    padId: tokenId(fields, 'pad_token_id', both, where),
    bosId: tokenId(fields, 'bos_token_id', vocabSize, where),
    eosId: tokenId(fields, 'eos_token_id', both, where),
  };
}

/** Checks what single fields cannot show, in the words of the file. */
function checkConfig(config: EncoderDecoderConfig, where: string): void {
  checkTransformer(config, where);
  const { tie, vocabSize, sourceVocabSize } = config;
  if (tie === 'all' && sourceVocabSize !== vocabSize)
    throw misfit(
      where,
      'source_vocab_size',
      sourceVocabSize,
      `${vocabSize} as vocab_size, since all tables are one`,
      correct,
    );
}

/** The text of config.json. Its ids are part of the model: no generation_config.json need repeat them. */
export function encoderDecoderConfigJson(config: EncoderDecoderConfig): string {
  const { vocabSize, sourceVocabSize } = config;
  const fields: readonly (readonly [string, unknown])[] = [
    ['model_type', ENCODER_DECODER],
    ['vocab_size', vocabSize],
    ...(sourceVocabSize === vocabSize ? [] : [['source_vocab_size', sourceVocabSize] as const]),
    ...transformerFields(config, [
      ['n_encoder_layers', config.encoderLayers],
      ['n_decoder_layers', config.decoderLayers],
    ]),
    ['tie', keyOf(TIES, config.tie)],
    ['pad_token_id', config.padId],
    ['bos_token_id', config.bosId],
    ['eos_token_id', config.eosId],
    ['torch_dtype', 'float32'],
  ];
  return `${JSON.stringify(Object.fromEntries(fields), null, 2)}\n`;
}
