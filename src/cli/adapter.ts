// The adapter that a command puts onto a model: which folder it lies in, and which base it belongs to.
import path from 'node:path';
import { diskLayer } from '../checkpoint/files.ts';
import { resolveModelDir } from '../checkpoint/model_folder.ts';
import { ADAPTER_CONFIG_NAME } from '../checkpoint/peft_config.ts';
import { readPeftConfig } from '../checkpoint/peft_folder.ts';
import { printable, quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { baseBeside } from './base_beside.ts';
import { defineFlags } from './flags.ts';
import { type Fetching, modelFolder } from './model_place.ts';
import { warnOfOtherBase } from './weights_hash.ts';

/** Which adapter goes onto the model of --model. */
export const adapterFlags = defineFlags([
  {
    name: 'adapter-weights',
    type: 'text',
    placeholder: 'DIR',
    example: 'runs/instruct-1',
    help: 'a LoRA adapter for the model: a folder as PEFT writes it, or a run or step folder of finetune --lora-r',
  },
]);

/** What was typed of a model and its adapter. */
export interface ModelChoice {
  model?: string | undefined;
  adapterWeights?: string | undefined;
}

/** A model's folder, and that of the adapter on it. */
export interface ModelPlaces {
  dir: string;
  adapter: string | null;
}

/**
 * Where a model lies, and its adapter. A folder that holds an adapter stands for its base with the adapter on it, which is told.
 * @param place the folder of --model, as modelFolder() gives it
 * @param flag what names the adapter, for messages
 * @throws InputError for two adapters, and an adapter that names no base; as modelFolder and resolveModelDir
 */
export async function modelPlaces(
  place: string,
  { model = place, adapterWeights }: ModelChoice,
  context: Fetching,
  flag = '--adapter-weights',
): Promise<ModelPlaces> {
  const { out } = context;
  const dir = resolveModelDir(place, diskLayer, ['config.json', ADAPTER_CONFIG_NAME]);
  const isAdapter = diskLayer.stat(`${dir}/${ADAPTER_CONFIG_NAME}`) !== null;
  if (!isAdapter) {
    if (adapterWeights === undefined) return { dir, adapter: null };
    const adapter = resolveModelDir(adapterWeights, diskLayer, [ADAPTER_CONFIG_NAME]);
    const { base } = readPeftConfig(adapter).config;
    if (base !== null && !mayBe(base, model))
      out.warn(
        `${adapter}: made for the base ${quoted(base)}, and the model here is ${quoted(model)}: both must be the same weights`,
      );
    await warnOfOtherBase(adapter, dir, out);
    return { dir, adapter };
  }
  if (adapterWeights !== undefined)
    throw new InputError(
      `${flag}: found beside --model ${quoted(model)}, which is an adapter itself, expected a base model there. Leave one of the two out.`,
    );
  const { base, revision } = readPeftConfig(dir).config;
  if (base === null)
    throw new InputError(
      `${dir}: ${ADAPTER_CONFIG_NAME}: base_model_name_or_path names no base, expected a folder or a name on the hub. Name it: --model BASE ${flag} ${dir}`,
    );
  out.note(printable(`model: ${model} is an adapter; its base is ${base}`, true));
  const named = revision === null ? base : `${base}@${revision}`;
  const own = resolveModelDir(baseBeside(dir) ?? (await modelFolder(named, context)));
  await warnOfOtherBase(dir, own, out);
  return { dir: own, adapter: dir };
}

/** Whether two names of a model may mean the same: one folder, or equal last names. */
function mayBe(base: string, model: string): boolean {
  const last = (name: string) => path.basename(name).split('@')[0];
  return path.resolve(base) === path.resolve(model) || last(base) === last(model);
}
