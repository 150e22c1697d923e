// An adapter on a machine as the two files of PEFT, and back. A classifier's own layer, trained beside the adapter, stands in the same
// file, as PEFT has it.
import type { Machine } from '../autograd/machine.ts';
import { firstTen, quoted } from '../checkpoint/json.ts';
import type { FileContent } from '../checkpoint/manifest.ts';
import { ADAPTER_NAME, peftWeights } from '../checkpoint/peft.ts';
import { ADAPTER_CONFIG_NAME, peftConfigJson } from '../checkpoint/peft_config.ts';
import type { PeftFolder } from '../checkpoint/peft_folder.ts';
import type { ByteSource } from '../checkpoint/safetensors.ts';
import { InputError } from '../errors.ts';
import { familyRow } from '../nn/families.ts';
import { type Adapted, type Adapter, lora } from '../nn/lora.ts';
import { PEFT_PREFIX } from '../nn/lora_config.ts';
import { strayTargets } from '../nn/lora_targets.ts';
import type { LanguageModel } from '../nn/model.ts';
import { type Whole, wholesOf } from '../tensor/pieces.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { streamWeights, weightFile } from './snapshot.ts';

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
  { adapter, config: { family } }: Adapted,
  { base, score = [] }: AdapterFileOptions,
): Promise<Map<string, FileContent>> {
  const classifies = score.length > 0;
  const modulesToSave = classifies ? ['score'] : [];
  const config = { ...adapter.config, base, taskType: classifies ? 'SEQ_CLS' : 'CAUSAL_LM', modulesToSave };
  const json = peftConfigJson(config, familyRow(family).storedInOut);
  return new Map<string, FileContent>([
    [ADAPTER_CONFIG_NAME, new TextEncoder().encode(json)],
    [ADAPTER_NAME, await weightFile(machine, wholesIn(adapter, score))],
  ]);
}

/**
 * The model with the adapter of a folder on it, its weights on the machine.
 * @param score as in AdapterFileOptions: parameters that the file holds the values of
 * @param notes takes a remark as adaptedBy
 * @throws InputError for an adapter that does not fit the model, and as peftWeights
 */
export async function loadAdapter(
  machine: Machine,
  base: LanguageModel,
  { config, configName, source }: PeftFolder,
  score: readonly Tensor[] = [],
  notes: string[] = [],
): Promise<Adapted> {
  const adapted = adaptedBy(base, { config, configName }, score, notes);
  await loadAdapterWeights(machine, adapted.adapter, source, score);
  return adapted;
}

/** The values of adapter_model.safetensors onto the machine. @param score as in loadAdapter   @throws InputError as peftWeights */
export async function loadAdapterWeights(
  machine: Machine,
  adapter: Adapter,
  source: ByteSource,
  score: readonly Tensor[] = [],
): Promise<void> {
  const wholes = wholesIn(adapter, score);
  await streamWeights(machine, wholes, await peftWeights(source, wholes));
}

/**
 * The model with an adapter as a folder describes it, of which no value has been read.
 * @param notes takes a remark about targets that no layer is called: as PEFT has it they do no harm where others are
 * @throws InputError if it does not fit the model
 */
export function adaptedBy(
  base: LanguageModel,
  { config, configName }: Pick<PeftFolder, 'config' | 'configName'>,
  score: readonly Tensor[] = [],
  notes: string[] = [],
): Adapted {
  const known = score.length > 0 ? ['score', 'classifier'] : [];
  const foreign = config.modulesToSave.find((name) => !known.includes(name));
  if (foreign !== undefined)
    throw new InputError(
      `${configName}: modules_to_save: found ${quoted(foreign)}, expected ${score.length > 0 ? 'the score of a classifier alone' : 'none: this is a language model, which has adapters alone'}. Take a model of that kind, or merge the adapter with PEFT.`,
    );
  const stray = new Set(strayTargets(base, config.targets));
  const found = config.targets.filter((target) => !stray.has(target));
  // Where all are stray, lora() says what the layers are called.
  const targets = found.length > 0 ? found : config.targets;
  const adapted = lora(base, { ...config, targets, seed: 0 }, configName);
  if (stray.size > 0)
    notes.push(
      `${configName}: target_modules: passed over, as no layer is called so: ${firstTen([...stray].map(quoted))}`,
    );
  // Its first values are about to be overwritten: none are drawn.
  for (const parameter of adapted.adapter.parameters) parameter.init = undefined;
  return adapted;
}
