// An adapter on a machine as the two files of PEFT, and back. A classifier's own layer, trained beside the adapter, stands in the same
// file, as PEFT has it.
import type { Machine } from '../autograd/machine.ts';
import { quoted } from '../checkpoint/json.ts';
import type { FileContent } from '../checkpoint/manifest.ts';
import { ADAPTER_NAME, peftWeights } from '../checkpoint/peft.ts';
import { ADAPTER_CONFIG_NAME, peftConfigJson } from '../checkpoint/peft_config.ts';
import type { PeftFolder } from '../checkpoint/peft_folder.ts';
import { InputError } from '../errors.ts';
import { type Family, familyRow } from '../nn/families.ts';
import { type Adapted, type Adapter, lora } from '../nn/lora.ts';
import { PEFT_PREFIX } from '../nn/lora_config.ts';
import type { LanguageModel } from '../nn/model.ts';
import { type Whole, wholesOf } from '../tensor/pieces.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type LoadWatcher, streamWeights, weightFile } from './snapshot.ts';

/** What an adapter's files say beside it. */
export interface AdapterFileOptions {
  /** Folder or hub name of the base. */
  base: string;
  /** Parameters of a classifier's own layer, `score.weight` and perhaps `score.bias`; none for a language model. */
  score?: readonly Tensor[];
}

/** All tensors of an adapter's file, by PEFT's names. */
export function wholesIn({ parameters }: Adapter, score: readonly Tensor[]): Whole[] {
  const own = wholesOf(score).map((whole) => ({ ...whole, name: PEFT_PREFIX + whole.name }));
  return [...wholesOf(parameters), ...own];
}

/** adapter_config.json and adapter_model.safetensors. @throws RunError if a weight is not finite: such a state is not saved */
export async function adapterFiles(
  machine: Machine,
  { adapter, family }: Adapted,
  { base, score = [] }: AdapterFileOptions,
): Promise<Map<string, FileContent>> {
  const classifies = score.length > 0;
  const modulesToSave = classifies ? ['score'] : [];
  const config = { ...adapter.config, base, taskType: classifies ? 'SEQ_CLS' : 'CAUSAL_LM', modulesToSave };
  const json = peftConfigJson(config, familyRow(family as Family).storedInOut);
  return new Map<string, FileContent>([
    [ADAPTER_CONFIG_NAME, new TextEncoder().encode(json)],
    [ADAPTER_NAME, await weightFile(machine, wholesIn(adapter, score))],
  ]);
}

/**
 * The model with the adapter of a folder on it, its weights on the machine.
 * @param score as in AdapterFileOptions: parameters that the file holds the values of
 * @throws InputError for an adapter that does not fit the model, and as peftWeights
 */
export async function loadAdapter(
  machine: Machine,
  base: LanguageModel,
  { config, configName, source }: PeftFolder,
  score: readonly Tensor[] = [],
  watcher?: LoadWatcher,
): Promise<Adapted> {
  const adapted = adaptedBy(base, { config, configName }, score);
  const wholes = wholesIn(adapted.adapter, score);
  await streamWeights(machine, wholes, await peftWeights(source, wholes), watcher);
  return adapted;
}

/** The model with an adapter as a folder describes it, of which no value has been read. @throws InputError if it does not fit the model */
export function adaptedBy(
  base: LanguageModel,
  { config, configName }: Pick<PeftFolder, 'config' | 'configName'>,
  score: readonly Tensor[] = [],
): Adapted {
  const known = score.length > 0 ? ['score', 'classifier'] : [];
  const foreign = config.modulesToSave.find((name) => !known.includes(name));
  if (foreign !== undefined)
    throw new InputError(
      `${configName}: modules_to_save: found ${quoted(foreign)}, expected ${score.length > 0 ? 'the score of a classifier alone' : 'none: this is a language model, which has adapters alone'}. Take a model of that kind, or merge the adapter with PEFT.`,
    );
  const adapted = lora(base, { ...config, seed: 0 }, configName);
  // Its first values are about to be overwritten: none are drawn.
  for (const parameter of adapted.adapter.parameters) parameter.init = undefined;
  return adapted;
}
