// A language model in memory as its files: read whole, checked, and put onto a machine whenever something begins from it.

import type { TextIds } from '../../src/checkpoint/config_keys.ts';
import { folderIds, GENERATION_NAME } from '../../src/checkpoint/generation_config.ts';
import { type GivenFiles, openWeights, type WeightFiles } from '../../src/checkpoint/huggingface.ts';
import { checkVocabulary } from '../../src/checkpoint/model_config.ts';
import { INDEX_NAME, parseShardIndex } from '../../src/checkpoint/shards.ts';
import { TOKENIZER_TEXTS } from '../../src/checkpoint/tokenizer_names.ts';
import { weightParts } from '../../src/checkpoint/weights.ts';
import {
  bytesSource,
  ChatTemplate,
  InputError,
  type LanguageModel,
  makeModel,
  parseModelConfig,
  Sha256,
  type Tokenizer,
  tokenizerFromFiles,
  wholesOf,
} from '../../src/index.ts';
import type { CausalConfig } from '../../src/nn/model_config.ts';
import type { ModelPart } from '../protocol.ts';
import { isPickle, type ModelFiles, pickled } from './model_files.ts';

export interface BaseModel {
  /** `moby-dick, step 2000`, the folder's name. */
  readonly name: string;
  readonly config: CausalConfig;
  /** Which ids begin and end a text. */
  readonly ids: TextIds;
  /** With the chat template among its files, where there is one. */
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate | null;
  readonly weights: WeightFiles;
  /** SHA-256 of the weights' file, or of its shards one behind the other, hex. */
  readonly hash: string;
  /** All that it was read from. */
  readonly files: ModelFiles;
  readonly parameters: number;
  readonly parts: readonly ModelPart[];
  readonly notes: readonly string[];
}

/**
 * @param found called between parts of the weights with the bytes that were read, so that other work has its turn
 * @throws InputError for a model of another kind, for weights and a tokenizer that do not fit it, and for damaged files
 */
export async function openBase(
  name: string,
  files: ModelFiles,
  found: (done: number, total: number) => Promise<void> = async () => {},
): Promise<BaseModel> {
  const notes: string[] = [];
  const text = (file: string) => new TextDecoder().decode(files.get(file));
  const where = `${name}/config.json`;
  const { config, ids } = parseModelConfig(text('config.json'), where, notes);
  const tokenizer = await tokenizerOf(name, files);
  checkVocabulary(config, tokenizer.vocabSize, name);
  const template = await ChatTemplate.fromFiles(tokenizer.files());
  const weights = weightFiles(name, files);
  const model = bareModel(config);
  const wholes = wholesOf(model.parameters);
  const opened = await openWeights(weights, wholes, notes);
  // Every value is looked at before anybody is told that the model is there.
  const total = wholes.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for await (const { data } of weightParts(opened)) await found((done += data.length), total);
  const hash = new Sha256();
  for (const source of weights.sources) hash.update(await source.read(0, source.size));
  const generation = files.has(GENERATION_NAME) ? text(GENERATION_NAME) : null;
  const given = folderIds(generation, `${name}/${GENERATION_NAME}`, ids, config.vocabSize);
  return {
    ...{ name, config, tokenizer, template, weights, files, notes },
    ids: { bosTokenId: given.bosTokenId, eosTokenIds: given.eosTokenIds },
    hash: hash.hex(),
    parameters: total,
    parts: wholes.map((whole) => ({ name: whole.name, shape: whole.shape, bytes: 4 * whole.size })),
  };
}

/** The model without values: they are about to come from files. */
export function bareModel(config: CausalConfig): LanguageModel {
  const model = makeModel(config, { seed: 0 });
  for (const parameter of model.parameters) parameter.init = undefined;
  return model;
}

async function tokenizerOf(name: string, files: ModelFiles): Promise<Tokenizer> {
  const texts = TOKENIZER_TEXTS.filter((file) => files.has(file));
  const own = new Map(texts.map((file) => [file, new TextDecoder().decode(files.get(file))] as const));
  if (!own.has('tokenizer.json') && !(own.has('vocab.json') && own.has('merges.txt')))
    throw new InputError(
      `${name}: found no tokenizer.json, expected the tokenizer that this model was trained with. Put its files into the folder.`,
    );
  return tokenizerFromFiles(own);
}

/** model.safetensors, or the shards that the index names. @throws InputError for none, for one that is missing, and for pickles */
function weightFiles(name: string, files: ModelFiles): GivenFiles & WeightFiles {
  const source = (file: string) => bytesSource(`${name}/${file}`, files.get(file)!);
  if (files.has('model.safetensors')) return { sources: [source('model.safetensors')], index: null };
  const index = files.get(INDEX_NAME);
  if (index) {
    const parsed = parseShardIndex(new TextDecoder().decode(index), `${name}/${INDEX_NAME}`);
    const { shards } = parsed;
    const missing = shards.findIndex((shard) => !files.has(shard));
    if (missing < 0) return { sources: shards.map(source), index: parsed };
    throw new InputError(
      `${name}: shard ${missing + 1} of ${shards.length} is missing: expected ${shards[missing]}. Give it with the others.`,
    );
  }
  const pickle = [...files.keys()].find(isPickle);
  if (pickle !== undefined) throw pickled(name, pickle);
  throw new InputError(
    `${name}: found no model.safetensors, expected the model's weights beside its config.json. Give the whole folder.`,
  );
}
