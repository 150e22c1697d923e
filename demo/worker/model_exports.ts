// The model of a save by itself: as a folder that Hugging Face's tools load, an adapter merged into its base or left by itself for PEFT.
import { huggingFaceFiles } from '../../src/checkpoint/export.ts';
import { GENERATION_NAME } from '../../src/checkpoint/generation_config.ts';
import { openWeights } from '../../src/checkpoint/huggingface.ts';
import { mergedWeights } from '../../src/checkpoint/merged_weights.ts';
import { modelConfigJson, parseFolderConfig } from '../../src/checkpoint/model_config.ts';
import { ADAPTER_NAME, peftWeights } from '../../src/checkpoint/peft.ts';
import { ADAPTER_CONFIG_NAME, parsePeftConfig } from '../../src/checkpoint/peft_config.ts';
import { TOKENIZER_NAMES } from '../../src/checkpoint/tokenizer_names.ts';
import type { Weights } from '../../src/checkpoint/weights.ts';
import { bytesSource, Classifier, InputError, wholesOf, writeZip } from '../../src/index.ts';
import { PEFT_PREFIX } from '../../src/nn/lora_config.ts';
import { productOf } from '../../src/nn/lora_merge.ts';
import type { LowRankProduct } from '../../src/tensor/low_rank.ts';
import { adaptedBy, wholesIn } from '../../src/train/adapter_files.ts';
import { type BaseModel, bareModel } from './base_model.ts';
import { collected } from './collected.ts';
import type { ModelFiles } from './model_files.ts';

/** Bytes of tensors in one file. */
const SHARD = 2 ** 31 - 2 ** 20;
const MODEL_NAMES: readonly string[] = ['config.json', GENERATION_NAME, 'model.safetensors', ...TOKENIZER_NAMES];
const ADAPTER_NAMES: readonly string[] = [ADAPTER_CONFIG_NAME, ADAPTER_NAME, 'config.json', ...TOKENIZER_NAMES];

export const isAdapterSave = (saved: ModelFiles): boolean => saved.has(ADAPTER_CONFIG_NAME);

/** The files of the whole model. @param base that the adapter of the save stands on; null where it has none   @throws InputError */
export async function wholeModelFiles(saved: ModelFiles, base: BaseModel | null): Promise<ModelFiles> {
  if (!isAdapterSave(saved)) return chosen(saved, MODEL_NAMES);
  if (!base) throw new InputError('export: found an adapter without its base, expected both. Begin the lesson again.');
  return merged(saved, base);
}

/** adapter_config.json and adapter_model.safetensors with the tokenizer. @throws InputError where there is no adapter */
export function adapterOnly(saved: ModelFiles): ModelFiles {
  if (isAdapterSave(saved)) return chosen(saved, ADAPTER_NAMES);
  throw new InputError('export: found a model that is trained whole, expected an adapter. Export the model.');
}

/** One .zip with a folder in it. */
export function zipped(folder: string, files: ModelFiles): { name: string; bytes: Uint8Array<ArrayBuffer> } {
  const entries = [...files].map(([name, bytes]) => ({ path: `${folder}/${name}`, bytes }));
  return { name: `${folder}.zip`, bytes: writeZip(entries) };
}

function chosen(saved: ModelFiles, names: readonly string[]): ModelFiles {
  return new Map([...saved].filter(([name]) => names.includes(name)));
}

/** As `convert --merge` does it: matrix by matrix, on the host. */
async function merged(saved: ModelFiles, base: BaseModel): Promise<ModelFiles> {
  const text = (name: string) => new TextDecoder().decode(saved.get(name));
  const config = parsePeftConfig(text(ADAPTER_CONFIG_NAME), ADAPTER_CONFIG_NAME);
  const classifier = saved.has('config.json') ? parseFolderConfig(text('config.json'), 'config.json').classifier : null;
  const body = bareModel(base.config);
  const weights = await openWeights(base.weights, wholesOf(body.parameters));
  const model = classifier && new Classifier(body, { ...classifier, seed: 0 });
  const score = model ? [model.score.weight] : [];
  const { adapter } = adaptedBy(body, { config, configName: ADAPTER_CONFIG_NAME }, score);
  const own = await peftWeights(bytesSource(ADAPTER_NAME, saved.get(ADAPTER_NAME)!), wholesIn(adapter, score));
  const products = new Map<string, LowRankProduct>();
  for (const layer of adapter.layers.values()) {
    const { a, b } = layer.lora;
    const [first, second] = [await own.read(a.name, 0, a.size), await own.read(b.name, 0, b.size)];
    products.set(layer.weight.name, productOf(layer, first, second));
  }
  const sums = mergedWeights(weights, products);
  const { bosTokenId, eosTokenIds } = base.ids;
  const ids = { bosTokenId, eosTokenId: eosTokenIds[0] ?? null };
  const generation = base.files.get(GENERATION_NAME);
  const files = huggingFaceFiles(
    {
      config: modelConfigJson(base.config, ids, classifier),
      configName: 'config.json',
      generation: generation && !classifier ? new TextDecoder().decode(generation) : null,
      weights: model ? withScore(sums, model, own) : sums,
      others: chosen(saved, TOKENIZER_NAMES),
    },
    'F32',
    SHARD,
  );
  return collected(files);
}

/** The tensors of the classifier, with the scores of the adapter's file. */
function withScore(weights: Weights, { parameters, score }: Classifier, adapter: Weights): Weights {
  const { name } = score.weight;
  const read: Weights['read'] = (asked, from, to) =>
    asked === name ? adapter.read(PEFT_PREFIX + name, from, to) : weights.read(asked, from, to);
  return { ...weights, tensors: wholesOf(parameters), read };
}
