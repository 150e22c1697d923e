// What the readers of config.json share: which keys a model's type knows, and fields that all types have.

import { InputError } from '../errors.ts';
import type { Activation } from '../nn/gpt2_config.ts';
import { misfit, nearest, wholeNumber } from './fields.ts';
import { described, firstTen, type JsonObject, parseJson, quoted } from './json.ts';

/** The ids that begin and end a text. */
export interface TextIds {
  bosTokenId: number | null;
  /** None, one or several. */
  eosTokenIds: readonly number[];
}

/** The keys of one `model_type`. */
export interface ConfigKeys {
  /** null where there are no types to tell apart. */
  modelType: string | null;
  required: readonly string[];
  optional: readonly string[];
  /** Switches that change what the model computes; only this value is implemented. */
  onlyValue: ReadonlyMap<string, boolean | string | null>;
  /** Keys that a reader may ignore: dropout, caches, files' dtype and the like. */
  harmless: readonly string[];
}

export const correct = 'Correct the file.';

/** What a classifier's file says besides, whatever its body; where there is none these change nothing. See classifier_keys.ts. */
const CLASSIFIER = [
  'id2label',
  'label2id',
  'num_labels',
  'problem_type',
  'pad_token_id',
  'classifier_pooling',
  'classifier_width',
];
const maxWeightBytes = 1e12;

/** Functions by all of their names in Hugging Face's table. */
const ACTIVATIONS = new Map<unknown, Activation>([
  ['gelu_new', 'gelu_new'],
  ['gelu', 'gelu'],
  ['relu', 'relu'],
  ['silu', 'silu'],
  ['gelu_pytorch_tanh', 'gelu_new'],
  ['swish', 'silu'],
]);

/** @throws InputError for a text that is no object */
export function configFields(json: string, fileName: string): JsonObject {
  const fields = parseJson(json, fileName);
  if (fields instanceof Map) return fields;
  throw new InputError(`${fileName}: found ${described(fields)}, expected an object. ${correct}`);
}

/**
 * @param notes takes one line about foreign keys, which are ignored
 * @throws InputError for another model_type, a key that is missing or misspelt, and a switch of another value
 */
export function checkKeys(
  fields: JsonObject,
  { modelType, required, optional, onlyValue, harmless }: ConfigKeys,
  where: string,
  notes: string[],
): void {
  const known = new Set([...required, ...optional, ...onlyValue.keys(), ...harmless, ...CLASSIFIER]);
  const foreign = [...fields.keys()].filter((key) => !known.has(key));
  const looksLike = (key: string) => foreign.find((other) => nearest(other, [key]));
  const type = fields.get('model_type');
  if (modelType !== null && type !== undefined && type !== modelType) {
    throw new InputError(
      `${where}: model_type: found ${described(type)}, which is not supported; expected "${modelType}". Take a model of a supported type.`,
    );
  }
  for (const key of required) {
    if (fields.has(key)) continue;
    const near = looksLike(key);
    throw new InputError(
      `${where}: ${key} is missing${near ? `; ${quoted(near)} looks like it` : ''}. Add it to the file.`,
    );
  }
  for (const key of [...optional, ...onlyValue.keys()]) {
    const near = fields.has(key) ? undefined : looksLike(key);
    if (near)
      throw new InputError(`${where}: found key ${quoted(near)}, expected ${key}? Correct the name, or take it out.`);
  }
  for (const [key, value] of onlyValue) {
    if (fields.has(key) && fields.get(key) !== value)
      throw misfit(where, key, fields.get(key), `${value}; nothing else is supported`, 'Take another model.');
  }
  if (foreign.length > 0) notes.push(`${where}: keys ignored: ${firstTen(foreign.map(quoted))}`);
}

/** An id of the vocabulary. @throws InputError for one outside */
export function tokenId(fields: JsonObject, key: string, vocabSize: number, where: string): number {
  const id = wholeNumber(fields, key, where, 0);
  if (id < vocabSize) return id;
  throw new InputError(`${where}: ${key}: found ${id}, outside 0..${vocabSize - 1} of vocab_size. ${correct}`);
}

/** The ids under a key: one, a list of them (Llama 3 has several ends), or none for null. @throws InputError as tokenId */
export function tokenIds(fields: JsonObject, key: string, vocabSize: number, where: string): number[] {
  const value = fields.get(key) ?? null;
  if (value === null) return [];
  if (!Array.isArray(value)) return [tokenId(fields, key, vocabSize, where)];
  return value.map((each, i) => tokenId(new Map([[`${key}[${i}]`, each]]), `${key}[${i}]`, vocabSize, where));
}

/** The function of an MLP by its name; `otherwise` where the file has none. @throws InputError for one that is not known here */
export function activationNamed(fields: JsonObject, key: string, where: string, otherwise?: Activation): Activation {
  const name = fields.get(key) ?? otherwise;
  const known = ACTIVATIONS.get(name);
  if (known) return known;
  throw misfit(where, key, name, `one of ${[...ACTIVATIONS.keys()].join(', ')}`, 'Take another model.');
}

/** Checks that a model is of this world. @throws InputError */
export function refuseHuge(parameters: number, where: string): void {
  const bytes = 4 * parameters;
  if (bytes <= maxWeightBytes) return;
  throw new InputError(
    `${where}: the weights alone would need ${bytesInWords(bytes)}, expected at most ${bytesInWords(maxWeightBytes)}. ${correct}`,
  );
}

function bytesInWords(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const amount = bytes / 1000 ** power;
  return `${amount < 1000 ? Number(amount.toPrecision(2)) : amount.toExponential(1).replace('e+', 'e')} ${units[power]}`;
}

/** Keys and values of a file that is being written: those of equal keys in their places, others behind. */
export function withFields(
  fields: readonly (readonly [string, unknown])[],
  others: readonly (readonly [string, unknown])[],
): (readonly [string, unknown])[] {
  const all = new Map([...fields, ...others]);
  return [...all];
}
