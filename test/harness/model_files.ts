// Small models as files: Hugging Face folders with random weights, and what a folder's weights are when they are read back.
import fs from 'node:fs';
import path from 'node:path';
import { parameterHash } from '../../src/checkpoint/hash.ts';
import { openWeights } from '../../src/checkpoint/huggingface.ts';
import { parseFolderConfig } from '../../src/checkpoint/model_config.ts';
import { openModelFolder } from '../../src/checkpoint/model_folder.ts';
import {
  collectBytes,
  type TensorEntry,
  type WrittenDtype,
  writeSafetensors,
} from '../../src/checkpoint/safetensors.ts';
import { type ExpectedTensor, elementsOf, weightParts } from '../../src/checkpoint/weights.ts';
import { Classifier } from '../../src/nn/classifier.ts';
import { makeModel } from '../../src/nn/families.ts';
import { wholesOf } from '../../src/tensor/pieces.ts';
import { normal } from '../../src/tensor/random.ts';

export const llamaJson = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 48,
  max_position_embeddings: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 4,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: false,
  torch_dtype: 'float32',
  bos_token_id: 1,
  eos_token_id: 2,
};

export const gpt2Json = {
  architectures: ['GPT2LMHeadModel'],
  model_type: 'gpt2',
  vocab_size: 48,
  n_positions: 32,
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
  bos_token_id: 0,
  eos_token_id: 0,
  dtype: 'float32',
};

/** Names and shapes that a configuration asks for. */
export function tensorsOf(config: object): ExpectedTensor[] {
  const parsed = parseFolderConfig(JSON.stringify(config), 'config.json');
  const body = makeModel(parsed.config, { seed: 0 });
  const model = parsed.classifier ? new Classifier(body, { ...parsed.classifier, seed: 0 }) : body;
  return wholesOf(model.parameters).map(({ name, shape }) => ({ name, shape: [...shape] }));
}

/** Random weights of a model. */
export function randomEntries(config: object, dtype: WrittenDtype = 'F32'): TensorEntry[] {
  return tensorsOf(config).map(({ name, shape }, i) => ({
    name,
    shape,
    dtype,
    data: normal(elementsOf({ shape }), 0.3, 11, i),
  }));
}

export async function writeModelFolder(
  folder: string,
  config: object,
  entries: readonly TensorEntry[] = randomEntries(config),
  others: Readonly<Record<string, string>> = {},
): Promise<string> {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config, null, 2));
  fs.writeFileSync(path.join(folder, 'model.safetensors'), await collectBytes(writeSafetensors(entries)));
  for (const [name, text] of Object.entries(others)) fs.writeFileSync(path.join(folder, name), text);
  return folder;
}

/** All weights of a folder, put together. */
export async function weightsOf(folder: string): Promise<Map<string, Float32Array>> {
  const opened = openModelFolder(folder);
  try {
    const expected = tensorsOf(JSON.parse(opened.config) as object);
    const weights = new Map(expected.map((tensor) => [tensor.name, new Float32Array(elementsOf(tensor))]));
    for await (const { name, start, data } of weightParts(await openWeights(opened, expected)))
      weights.get(name)!.set(data, start);
    return weights;
  } finally {
    opened.close();
  }
}

/** The hash that a run would end with. */
export async function hashOfFolder(folder: string): Promise<string> {
  return parameterHash([...(await weightsOf(folder))].map(([name, data]) => ({ name, data })));
}

/** Bytes of every file by name. */
export function filesOf(folder: string): Map<string, Buffer> {
  return new Map(
    fs
      .readdirSync(folder)
      .sort()
      .map((name) => [name, fs.readFileSync(path.join(folder, name))]),
  );
}
