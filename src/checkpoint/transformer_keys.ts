// What config.json says of the original transformer, whole or one half of it. Hugging Face's library has no class for it as it was
// published; the keys are those of our own folders, and every choice that changes what the model computes stands in the file.
import { InputError } from '../errors.ts';
import { fittingHeads } from '../nn/gpt2_config.ts';
import { type NormPlace, type Positions, refuseMatrices, type TransformerConfig } from '../nn/transformer_config.ts';
import { activationNamed, correct } from './config_keys.ts';
import { finiteNumber, misfit, wholeNumber } from './fields.ts';
import { type JsonObject, type JsonValue, quoted } from './json.ts';

export const MOST_LAYERS = 10_000;
/** Of a file that does not say: the fixed sinusoids go on without end, and longer texts are rare. */
const BLOCK_SIZE = 1024;

const NORMS = new Map<JsonValue, NormPlace>([
  ['post', 'post'],
  ['pre', 'pre'],
]);
const POSITIONS = new Map<JsonValue, Positions>([
  ['sinusoidal', 'sinusoidal'],
  ['learned', 'learned'],
  ['rotary', 'rotary'],
]);
const SCALES = new Map<JsonValue, boolean>([
  ['sqrt(d_model)', true],
  [null, false],
]);

/** Keys that are always there. */
export const TRANSFORMER_KEYS = [
  ...['d_model', 'n_head', 'd_ff', 'n_encoder_layers'],
  ...['layer_norm_eps', 'activation', 'norm', 'positions', 'embedding_scale'],
];

/** @throws InputError for what is of the wrong type, out of range or not supported */
export function readTransformer(fields: JsonObject, where: string): TransformerConfig {
  const size = (key: string) => wholeNumber(fields, key, where, 1);
  const positions = oneOf(fields, 'positions', POSITIONS, where);
  // A table that is trained has as many rows as the file says: none is guessed.
  if (positions === 'learned' && !fields.has('max_position_embeddings'))
    throw new InputError(
      `${where}: max_position_embeddings is missing: learned positions have a table of that many rows. Add it to the file.`,
    );
  return {
    blockSize: fields.has('max_position_embeddings') ? size('max_position_embeddings') : BLOCK_SIZE,
    nEmbd: size('d_model'),
    nHead: size('n_head'),
    nInner: size('d_ff'),
    layerNormEps: finiteNumber(fields, 'layer_norm_eps', where, 1e-12, 1),
    activation: activationNamed(fields, 'activation', where),
    norm: oneOf(fields, 'norm', NORMS, where),
    positions,
    embeddingScale: oneOf(fields, 'embedding_scale', SCALES, where),
  };
}

/** The value of a key by what stands in the file for it. @throws InputError for anything else */
export function oneOf<V>(fields: JsonObject, key: string, values: ReadonlyMap<JsonValue, V>, where: string): V {
  const value = fields.get(key) ?? null;
  const found = values.get(value);
  if (found !== undefined) return found;
  const known = [...values.keys()].map((each) => (typeof each === 'string' ? quoted(each) : 'null'));
  throw misfit(where, key, value, `${known.slice(0, -1).join(', ')} or ${known.at(-1)}`, correct);
}

/** Checks what single fields cannot show, in the words of the file. @throws InputError */
export function checkTransformer(config: TransformerConfig, where: string): void {
  const { nEmbd, nHead, positions } = config;
  refuseMatrices(config, where, correct);
  if (nEmbd % nHead !== 0)
    throw new InputError(
      `${where}: n_head: found ${nHead}, but d_model ${nEmbd} is not divisible by ${nHead}. Use ${fittingHeads(nEmbd, nHead)}.`,
    );
  if (positions === 'sinusoidal' && nEmbd % 2 !== 0)
    throw misfit(where, 'd_model', nEmbd, 'an even number: sines and cosines come in pairs', correct);
  if (positions === 'rotary' && (nEmbd / nHead) % 2 !== 0)
    throw misfit(
      where,
      'n_head',
      nHead,
      `heads of an even width, not ${nEmbd / nHead}: rotary positions turn pairs`,
      correct,
    );
}

/** Keys and values, in the order of the file. @param layers what counts the layers */
export function transformerFields(
  config: TransformerConfig,
  layers: readonly (readonly [string, number])[],
): (readonly [string, unknown])[] {
  return [
    ['d_model', config.nEmbd],
    ['n_head', config.nHead],
    ['d_ff', config.nInner],
    ...layers,
    ['layer_norm_eps', config.layerNormEps],
    ['activation', config.activation],
    ['norm', config.norm],
    ['positions', config.positions],
    ['embedding_scale', keyOf(SCALES, config.embeddingScale)],
    ['max_position_embeddings', config.blockSize],
  ];
}

/** What stands in the file for a value. */
export function keyOf<V>(values: ReadonlyMap<JsonValue, V>, value: V): JsonValue {
  return [...values].find(([, each]) => each === value)![0];
}
