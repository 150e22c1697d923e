// Small adapters as folders, written as a run writes them, for small models that are folders too.
import fs from 'node:fs';
import path from 'node:path';
import type { Machine } from '../../src/autograd/machine.ts';
import { parseModelConfig } from '../../src/checkpoint/model_config.ts';
import { collectBytes } from '../../src/checkpoint/safetensors.ts';
import { makeModel } from '../../src/nn/families.ts';
import { type Adapted, type LoraOptions, lora } from '../../src/nn/lora.ts';
import type { LanguageModel } from '../../src/nn/model.ts';
import { Twin } from '../../src/reference/twin.ts';
import { normal } from '../../src/tensor/random.ts';
import { type AdapterFileOptions, adapterFiles } from '../../src/train/adapter_files.ts';

/** The model of a config.json, with no weights of its own yet. */
export function modelOf(config: object): LanguageModel {
  return makeModel(parseModelConfig(JSON.stringify(config), 'config.json').config, { seed: 0 });
}

/** Every tensor of an adapter with values of its own, so that it changes what the model computes. */
export function fillAdapter(machine: Machine, { adapter }: Adapted, seed = 3): void {
  for (const [i, tensor] of adapter.parameters.entries()) machine.write(tensor, normal(tensor.size, 0.3, seed, i));
}

/** Writes an adapter with random values for a model of this config.json; `others` are files that stand beside. */
export async function writeAdapterFolder(
  folder: string,
  config: object,
  options: Partial<LoraOptions> = {},
  file: AdapterFileOptions = { base: 'base' },
  others: Readonly<Record<string, string>> = {},
): Promise<string> {
  const twin = new Twin();
  const adapted = lora(modelOf(config), { r: 2, alpha: 3, seed: 1, ...options });
  fillAdapter(twin, adapted);
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, content] of await adapterFiles(twin, adapted, file))
    fs.writeFileSync(path.join(folder, name), await collectBytes(content instanceof Uint8Array ? [content] : content));
  for (const [name, text] of Object.entries(others)) fs.writeFileSync(path.join(folder, name), text);
  return folder;
}
