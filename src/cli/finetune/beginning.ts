// The model that a fine-tuning begins from: named, or the one that a saved run began from.

import { diskLayer } from '../../checkpoint/files.ts';
import { checkVocabulary, parseFolderConfig } from '../../checkpoint/model_config.ts';
import { maxConfigBytes, readLimited } from '../../checkpoint/model_folder.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import { InputError } from '../../errors.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { readTokenizer } from '../folders.ts';
import type { Fetching } from '../model_place.ts';
import { openStartingModel, type StartingModel } from '../starting_model.ts';
import type { ResumedRun } from '../training_run.ts';

export interface Beginning {
  /** As it was named. */
  readonly name: string;
  readonly weights: 'trained' | 'ema';
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** Where it lies, with the chat template if there is one. */
  readonly tokenizerDir: string;
  /** null where everything is in the checkpoint that is gone on with. */
  readonly start: StartingModel | null;
}

/** @throws InputError for a model without a tokenizer; as openStartingModel */
export async function newBeginning(name: string, weights: 'trained' | 'ema', context: Fetching): Promise<Beginning> {
  const start = await openStartingModel(name, weights, context);
  const { config, dir } = start;
  if (!start.hasTokenizer)
    throw new InputError(
      `${dir}: found no tokenizer, expected the one that this model was trained with. Put its files there.`,
    );
  const tokenizer = await readTokenizer(dir);
  checkVocabulary(config, tokenizer.vocabSize, dir);
  return { name, weights, config, tokenizer, tokenizerDir: dir, start };
}

/** The base of an adapter is needed again; a whole model stands in the checkpoint. @throws InputError as openStartingModel and readTokenizer */
export async function resumedBeginning({ path, state }: ResumedRun, context: Fetching): Promise<Beginning> {
  const { settings } = state;
  const name = String(settings.get('model'));
  const weights = settings.get('weights') === 'ema' ? 'ema' : 'trained';
  const tokenizer = await readTokenizer(path);
  const own = { name, weights, tokenizer, tokenizerDir: path } as const;
  if (Number(settings.get('loraR')) > 0) {
    const start = await openStartingModel(name, weights, context);
    return { ...own, config: start.config, start };
  }
  const file = `${path}/config.json`;
  return { ...own, config: parseFolderConfig(readLimited(file, maxConfigBytes, diskLayer), file).config, start: null };
}
