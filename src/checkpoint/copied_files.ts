// What goes with a model's weights and is copied from folder to folder as it is: the tokenizer in all its forms.

import { InputError } from '../errors.ts';
import { type FileLayer, nameOfKind, systemError } from './files.ts';
import { described, type JsonObject, type JsonValue, parseJson } from './json.ts';
import { readLimited } from './model_folder.ts';
import { TOKENIZER_NAMES } from './tokenizer_names.ts';

/** No file of a tokenizer has more bytes than this: those of the largest vocabularies have 35 million. */
export const maxTokenizerBytes = 64 * 2 ** 20;
const copyBytes = 2 ** 20;

/** The tokenizer files that a folder has, read as they are written. @throws InputError for one that is no plain file or too large */
export function tokenizerFiles(folder: string, layer: FileLayer): Map<string, AsyncIterable<Uint8Array>> {
  const files = new Map<string, AsyncIterable<Uint8Array>>();
  for (const name of TOKENIZER_NAMES) {
    const path = `${folder}/${name}`;
    const found = layer.stat(path);
    if (!found) continue;
    if (found.kind !== 'file' || found.size > maxTokenizerBytes)
      throw new InputError(
        `${path}: found ${found.kind === 'file' ? `${found.size} bytes` : nameOfKind(found)}, expected a file of at most ${maxTokenizerBytes} bytes. Check the folder.`,
      );
    files.set(name, { [Symbol.asyncIterator]: () => copied(path, found.size, layer) });
  }
  return files;
}

async function* copied(path: string, size: number, layer: FileLayer): AsyncGenerator<Uint8Array> {
  const handle = orRefuse(path, () => layer.open(path, 'read'));
  try {
    for (let at = 0; at < size; at += copyBytes)
      yield orRefuse(path, () => layer.read(handle, at, Math.min(copyBytes, size - at)));
  } finally {
    layer.close(handle);
  }
}

/** A file that cannot be read is a fault of what was handed in, not of the place that is written. */
function orRefuse<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new InputError(
      `${path}: cannot be read: ${systemError(error)}, expected a readable file. Check its permissions.`,
      { cause: error },
    );
  }
}

/**
 * Number of ids that the tokenizer of a folder speaks of: the largest in tokenizer.json, or else in vocab.json, and one more.
 * @returns null for a folder without either   @throws InputError for a malformed file
 */
export function tokenizerSize(folder: string, layer: FileLayer): number | null {
  const name = ['tokenizer.json', 'vocab.json'].find((each) => layer.stat(`${folder}/${each}`));
  if (name === undefined) return null;
  const path = `${folder}/${name}`;
  const root = anObject(parseJson(readLimited(path, maxTokenizerBytes, layer), path), path);
  if (name === 'vocab.json') return largest(root.values(), `${path}: an id`) + 1;
  const model = anObject(root.get('model'), `${path}: model`);
  const vocab = model.get('vocab');
  const added = root.get('added_tokens') ?? [];
  if (!Array.isArray(added))
    throw new InputError(`${path}: added_tokens: found ${described(added)}, expected a list. Fetch the file again.`);
  const ids = added.map((each) => anObject(each, `${path}: added_tokens`).get('id'));
  // A unigram's vocabulary is a list, whose places are the ids.
  const last = Array.isArray(vocab)
    ? vocab.length - 1
    : largest(anObject(vocab, `${path}: model.vocab`).values(), `${path}: model.vocab: an id`);
  return Math.max(last, largest(ids, `${path}: added_tokens: an id`)) + 1;
}

function largest(ids: Iterable<JsonValue | undefined>, where: string): number {
  let most = -1;
  for (const id of ids) {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
      throw new InputError(`${where} is ${described(id)}, expected whole numbers from 0. Fetch the file again.`);
    if (id > most) most = id;
  }
  return most;
}

function anObject(value: JsonValue | undefined, where: string): JsonObject {
  if (value instanceof Map) return value;
  throw new InputError(`${where}: found ${described(value)}, expected an object. Fetch the file again.`);
}
