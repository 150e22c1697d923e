// model.safetensors.index.json: which of a model's files holds which tensor. Read it is checked against the files, written it is
// what transformers' save_pretrained writes.
// Source: https://huggingface.co/docs/huggingface_hub/package_reference/serialization, "split_torch_state_dict_into_shards".

import { InputError } from '../errors.ts';
import { object, wholeNumber } from './fields.ts';
import { described, parseJson, quoted } from './json.ts';
import type { SafetensorsReader } from './safetensors.ts';
import { dtypeBytes } from './safetensors_header.ts';
import type { TensorEntry } from './safetensors_write.ts';

export const INDEX_NAME = 'model.safetensors.index.json';

export interface ShardIndex {
  readonly fileName: string;
  /** Names of the files, in order. */
  readonly shards: readonly string[];
  /** File by tensor. */
  readonly weightMap: ReadonlyMap<string, string>;
  /** Bytes of all tensors; null where the file does not say. */
  readonly totalSize: number | null;
}

/** Reads the index. @throws InputError, also for a shard's name that is more than a plain file's */
export function parseShardIndex(text: string, fileName: string): ShardIndex {
  const root = parseJson(text, fileName);
  if (!(root instanceof Map))
    throw new InputError(`${fileName}: found ${described(root)}, expected an object. Fetch the file again.`);
  const weightMap = new Map<string, string>();
  for (const [tensor, shard] of object(root, 'weight_map', fileName)) {
    if (typeof shard !== 'string')
      throw new InputError(
        `${fileName}: weight_map: ${quoted(tensor)} is ${described(shard)}, expected a file name. Fetch the file again.`,
      );
    if (!/^[\w][\w.-]*\.safetensors$/.test(shard)) {
      throw new InputError(
        `${fileName}: shard ${quoted(shard)} refused, expected the plain name of a .safetensors file in the same folder. Do not trust this model.`,
      );
    }
    weightMap.set(tensor, shard);
  }
  if (weightMap.size === 0)
    throw new InputError(`${fileName}: weight_map: found no tensors, expected some. Fetch the file again.`);
  const metadata = root.has('metadata') ? object(root, 'metadata', fileName) : new Map();
  const totalSize = metadata.has('total_size') ? wholeNumber(metadata, 'total_size', `${fileName}: metadata`, 0) : null;
  return { fileName, shards: [...new Set(weightMap.values())].sort(), weightMap, totalSize };
}

/**
 * Checks that the index and the files agree: every tensor that it names stands in the file that it names, and no file holds another.
 * @param readers by the shard's name
 * @returns a remark where `total_size` is not the size of the tensors: it is a count that no reader needs, and files in use have it wrong
 * @throws InputError
 */
export function checkIndex(index: ShardIndex, readers: ReadonlyMap<string, SafetensorsReader>): string | null {
  const { fileName, weightMap, totalSize } = index;
  for (const [tensor, shard] of weightMap) {
    if (readers.get(shard)?.tensors.has(tensor)) continue;
    const elsewhere = [...readers].find(([, reader]) => reader.tensors.has(tensor))?.[0];
    throw new InputError(
      `${fileName}: ${quoted(tensor)}: not found in ${quoted(shard)}${elsewhere ? ` but in ${quoted(elsewhere)}` : ''}, expected there. ` +
        'The files are of different models or downloads: fetch them again.',
    );
  }
  let bytes = 0;
  for (const [shard, reader] of readers) {
    for (const [tensor, { start, end }] of reader.tensors) {
      bytes += end - start;
      const named = weightMap.get(tensor);
      if (named === shard) continue;
      throw new InputError(
        `${reader.name}: ${quoted(tensor)}: the index ${named ? `names ${quoted(named)} for it` : 'does not name it'}, expected this file. ` +
          'The files are of different models or downloads: fetch them again.',
      );
    }
  }
  if (totalSize === null || totalSize === bytes) return null;
  return `${fileName}: total_size says ${totalSize} bytes, the tensors have ${bytes}; it is not needed`;
}

export interface Shard {
  readonly name: string;
  readonly entries: readonly TensorEntry[];
}

/**
 * Deals tensors out to files in their order: a file is full when the next tensor would take it above the limit; a larger tensor
 * gets one of its own. All in one file is `model.safetensors`, without an index.
 * @param limit bytes of tensors in one file
 */
export function dealShards(entries: readonly TensorEntry[], limit: number): { shards: Shard[]; index: string | null } {
  const parts: { entries: TensorEntry[]; bytes: number }[] = [];
  for (const entry of entries) {
    const bytes = bytesOfEntry(entry);
    const last = parts.at(-1);
    if (last && last.bytes + bytes <= limit) {
      last.entries.push(entry);
      last.bytes += bytes;
    } else parts.push({ entries: [entry], bytes });
  }
  if (parts.length <= 1) return { shards: [{ name: 'model.safetensors', entries }], index: null };
  const digits = (n: number) => String(n).padStart(5, '0');
  const shards = parts.map((part, i) => ({
    name: `model-${digits(i + 1)}-of-${digits(parts.length)}.safetensors`,
    entries: part.entries,
  }));
  const weightMap = shards.flatMap((shard) => shard.entries.map(({ name }) => [name, shard.name] as const));
  const index = {
    metadata: { total_size: parts.reduce((sum, { bytes }) => sum + bytes, 0) },
    weight_map: Object.fromEntries(weightMap.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  return { shards, index: `${JSON.stringify(index, null, 2)}\n` };
}

function bytesOfEntry({ dtype, shape }: TensorEntry): number {
  return shape.reduce((product, size) => product * size, dtypeBytes.get(dtype)!);
}
