// A classifier from a folder: a whole one, or a LoRA adapter of one with the base that it belongs to.
import { existsSync } from 'node:fs';
import { diskLayer } from '../checkpoint/files.ts';
import { checkVocabulary, parseClassifierConfig, parseFolderConfig } from '../checkpoint/model_config.ts';
import { maxConfigBytes, openModelFolder, readLimited } from '../checkpoint/model_folder.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { Classifier, type ClassifierConfig } from '../nn/classifier.ts';
import { makeModel } from '../nn/families.ts';
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
