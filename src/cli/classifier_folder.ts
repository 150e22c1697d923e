// A classifier from a folder: a whole one, or a LoRA adapter of one with the base that it belongs to.
import { existsSync } from 'node:fs';
import { diskLayer } from '../checkpoint/files.ts';
import {
  checkVocabulary,
  parseClassifierConfig,
  parseFolderConfig,
  parseMaskedConfig,
} from '../checkpoint/model_config.ts';
import { maxConfigBytes, openModelFolder, readLimited } from '../checkpoint/model_folder.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { Classifier, type ClassifierConfig } from '../nn/classifier.ts';
import { familyRow, makeModel } from '../nn/families.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Device } from '../runtime/device.ts';
import { type ModelChoice, modelPlaces } from './adapter.ts';
import type { FlagValues } from './flags.ts';
import { hasTokenizer, loadAdapterOf, loadWeights, type modelFlags, readTokenizer } from './folders.ts';
import type { Fetching } from './model_place.ts';

export interface LoadedClassifier {
  model: Classifier;
  tokenizer: Tokenizer;
  /** The folder that its tokenizer came from. */
  dir: string;
}

/**
 * What the config.json beside an adapter says of a classifier, as our runs keep it; null where there is none, or one of a language model.
 * @throws InputError as parseFolderConfig
 */
export function classifierBeside(adapter: string): ClassifierConfig | null {
  const file = `${adapter}/config.json`;
  return existsSync(file) ? parseFolderConfig(readLimited(file, maxConfigBytes, diskLayer), file).classifier : null;
}

/**
 * Whether a folder holds an encoder that fills masks, and no classifier over one.
 * @param place as modelFolder() gives it   @throws InputError as parseFolderConfig
 */
export async function fillsMasks(place: string, given: ModelChoice, context: Fetching): Promise<boolean> {
  const { dir, adapter } = await modelPlaces(place, given, context);
  const file = `${dir}/config.json`;
  if (!existsSync(file) || (adapter !== null && classifierBeside(adapter))) return false;
  const { config, classifier } = parseFolderConfig(readLimited(file, maxConfigBytes, diskLayer), file);
  return classifier === null && !familyRow(config.family).causal;
}

/** An encoder that fills masks, perhaps with an adapter, its weights on the device. @throws InputError as openClassifier */
export async function openFiller(
  device: Device,
  place: string,
  given: ModelChoice & Pick<FlagValues<typeof modelFlags>, 'weights'>,
  context: Fetching,
): Promise<{ model: LanguageModel; tokenizer: Tokenizer; dir: string }> {
  const { dir: base, adapter } = await modelPlaces(place, given, context);
  const dir = adapter !== null && hasTokenizer(adapter) ? adapter : base;
  const folder = openModelFolder(base, { averaged: given.weights === 'ema' });
  try {
    const notes: string[] = [];
    const { config } = parseMaskedConfig(folder.config, folder.configName, notes);
    for (const line of notes) context.out.note(line);
    const tokenizer = await readTokenizer(dir);
    checkVocabulary(config, tokenizer.vocabSize, dir);
    const model = makeModel(config, { seed: 0 });
    for (const p of model.parameters) p.init = undefined;
    await loadWeights(device, model, folder, context);
    return { model: adapter === null ? model : await loadAdapterOf(device, model, adapter, context), tokenizer, dir };
  } finally {
    folder.close();
  }
}

/**
 * A classifier, its weights on the device. That of an adapter has its labels in the config.json beside it, or in that of its
 * base.
 * @param place as modelFolder() gives it
 * @throws InputError for a language model, a folder without a tokenizer, and as openModel
 */
export async function openClassifier(
  device: Device,
  place: string,
  given: ModelChoice & Pick<FlagValues<typeof modelFlags>, 'weights'>,
  context: Fetching,
): Promise<LoadedClassifier> {
  const { dir: base, adapter } = await modelPlaces(place, given, context);
  const dir = adapter !== null && hasTokenizer(adapter) ? adapter : base;
  const folder = openModelFolder(base, { averaged: given.weights === 'ema' });
  try {
    const notes: string[] = [];
    const { config, classifier: whole } = parseFolderConfig(folder.config, folder.configName, notes);
    const beside = adapter === null ? null : classifierBeside(adapter);
    const told = beside ?? parseClassifierConfig(folder.config, folder.configName).classifier;
    for (const line of notes) context.out.note(line);
    const tokenizer = await readTokenizer(dir);
    checkVocabulary(config, tokenizer.vocabSize, dir);
    const body = makeModel(config, { seed: 0 });
    const model = new Classifier(body, { ...told, seed: 0 });
    // All first values are about to be overwritten: none are drawn.
    for (const p of [...body.parameters, ...model.parameters]) p.init = undefined;
    await loadWeights(device, whole ? model : body, folder, context);
    if (adapter === null) return { model, tokenizer, dir };
    const adapted = await loadAdapterOf(device, body, adapter, context, [model.score.weight]);
    return { model: model.over(adapted), tokenizer, dir };
  } finally {
    folder.close();
  }
}
