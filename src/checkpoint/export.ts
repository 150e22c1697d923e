// A model as the files of a Hugging Face folder: what transformers' save_pretrained would write of it.

import { InputError } from '../errors.ts';
import { configFields } from './config_keys.ts';
import { GENERATION_NAME } from './generation_config.ts';
import type { FileContent } from './manifest.ts';
import { type TensorEntry, writeSafetensors } from './safetensors.ts';
import { dealShards, INDEX_NAME } from './shards.ts';
import type { WeightDtype, Weights } from './weights.ts';

export interface ExportedModel {
  /** Text and name of config.json. */
  readonly config: string;
  readonly configName: string;
  /** Text of generation_config.json; null for none. */
  readonly generation: string | null;
  readonly weights: Weights;
  /** The tokenizer's files. */
  readonly others: ReadonlyMap<string, FileContent>;
}

/** PyTorch's names of types, as configurations write them. */
const torchNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/**
 * The files of a folder by name. Weights are read when theirs are: one part in memory at a time.
 * @param shardBytes bytes of tensors in one file at most
 * @throws InputError for a configuration that is no object, or names no type; while the files are read, as the weights do and for values that the dtype cannot hold
 */
export function huggingFaceFiles(
  { config, configName, generation, weights, others }: ExportedModel,
  dtype: WeightDtype,
  shardBytes: number,
): Map<string, FileContent> {
  const entries = weights.tensors.map(
    ({ name, shape }): TensorEntry => ({ name, shape, dtype, data: (from, to) => weights.read(name, from, to) }),
  );
  const { shards, index } = dealShards(entries, shardBytes);
  const bytes = (text: string) => new TextEncoder().encode(text);
  return new Map<string, FileContent>([
    ['config.json', bytes(withDtype(config, dtype, configName))],
    ...(generation === null ? [] : [[GENERATION_NAME, bytes(generation)] as const]),
    ...others,
    ...shards.map((shard) => [shard.name, writeSafetensors(shard.entries)] as const),
    ...(index === null ? [] : [[INDEX_NAME, bytes(index)] as const]),
  ]);
}

/**
 * A configuration that says another dtype; every other character of it stays. `torch_dtype` is the key, newer files say `dtype`.
 * @throws InputError for a text that is no object
 */
function withDtype(config: string, dtype: WeightDtype, fileName: string): string {
  const fields = configFields(config, fileName);
  const name = torchNames[dtype];
  const keys = ['torch_dtype', 'dtype'].filter((key) => fields.has(key));
  if (keys.length === 0) return config.replace(/\{/, `{\n  "torch_dtype": "${name}"${fields.size > 0 ? ',' : ''}`);
  const changed = config.replace(/"(torch_dtype|dtype)"(\s*:\s*)(?:"[^"\\]*"|null)/g, `"$1"$2"${name}"`);
  const now = configFields(changed, fileName);
  const left = keys.find((key) => now.get(key) !== name);
  if (left === undefined) return changed;
  throw new InputError(`${fileName}: ${left}: expected the name of a type, such as "float32". Correct the file.`);
}
