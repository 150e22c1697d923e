// config.json of an encoder by itself.
import { ENCODER, type EncoderConfig, encoderParameterCount } from '../nn/encoder_config.ts';
import {
  type ConfigKeys,
  checkKeys,
  configFields,
  refuseHuge,
  type TextIds,
  tokenId,
  tokenIds,
  withFields,
} from './config_keys.ts';
import { finiteNumber, wholeNumber } from './fields.ts';
import type { JsonObject } from './json.ts';
import {
  checkTransformer,
  MOST_LAYERS,
  readTransformer,
  TRANSFORMER_KEYS,
  transformerFields,
} from './transformer_keys.ts';

const TIE = 'input and output embeddings';

const keys: ConfigKeys = {
  modelType: ENCODER,
  required: ['model_type', 'vocab_size', ...TRANSFORMER_KEYS, 'initializer_range', 'mask_token_id'],
  optional: ['max_position_embeddings', 'bos_token_id', 'eos_token_id'],
  onlyValue: new Map([['tie', TIE]]),
  harmless: ['architectures', 'dtype', 'torch_dtype', 'transformers_version', 'use_cache'],
};

/**
 * Reads an encoder's config.json.
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for anything that is missing, misspelt, of the wrong type, out of range or not supported
 */
export function parseEncoderConfig(json: string, fileName: string, notes: string[] = []): EncoderConfig & TextIds {
  const fields = configFields(json, fileName);
  checkKeys(fields, keys, fileName, notes);
  const config = readFields(fields, fileName);
  refuseHuge(encoderParameterCount(config), fileName);
  checkTransformer(config, fileName);
  return config;
}

function readFields(fields: JsonObject, where: string): EncoderConfig & TextIds {
  const vocabSize = wholeNumber(fields, 'vocab_size', where, 1);
  const ids = (key: string) => tokenIds(fields, key, vocabSize, where);
  return {
    family: ENCODER,
    vocabSize,
    nLayer: wholeNumber(fields, 'n_encoder_layers', where, 1, MOST_LAYERS),
    ...readTransformer(fields, where),
    padId: ids('pad_token_id')[0] ?? null,
    maskId: tokenId(fields, 'mask_token_id', vocabSize, where),
    initializerRange: finiteNumber(fields, 'initializer_range', where, 0, 10),
    tieWordEmbeddings: true,
    bosTokenId: ids('bos_token_id')[0] ?? null,
    eosTokenIds: ids('eos_token_id'),
  };
}

/** The text of config.json. @param others keys and values that replace these, or are added */
export function encoderConfigJson(
  config: EncoderConfig & TextIds,
  others: readonly (readonly [string, unknown])[] = [],
): string {
  const own: (readonly [string, unknown])[] = [
    ['architectures', ['EncoderForMaskedLM']],
    ['model_type', ENCODER],
    ['vocab_size', config.vocabSize],
    ...transformerFields(config, [['n_encoder_layers', config.nLayer]]),
    ['tie', TIE],
    ['initializer_range', config.initializerRange],
    ['pad_token_id', config.padId],
    ['mask_token_id', config.maskId],
    ['bos_token_id', config.bosTokenId],
    ['eos_token_id', config.eosTokenIds[0] ?? null],
    ['torch_dtype', 'float32'],
  ];
  return `${JSON.stringify(Object.fromEntries(withFields(own, others)), null, 2)}\n`;
}
