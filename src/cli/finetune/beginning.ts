// The model that a fine-tuning begins from: named, made for its data, or the one that a saved run began from.

import { parseEncoderDecoderConfig } from '../../checkpoint/encoder_decoder_config.ts';
import { diskLayer } from '../../checkpoint/files.ts';
import {
  checkVocabulary,
  parseBodyConfig,
  parseFolderConfig,
  parseMaskedConfig,
  parseModelConfig,
} from '../../checkpoint/model_config.ts';
import { maxConfigBytes, readLimited } from '../../checkpoint/model_folder.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import { InputError } from '../../errors.ts';
import type { EncoderConfig } from '../../nn/encoder_config.ts';
import type { ModelConfig } from '../../nn/families.ts';
import type { EncoderDecoderConfig } from '../../nn/transformer_config.ts';
import { baseBeside } from '../base_beside.ts';
import { readTokenizer } from '../folders.ts';
import type { Fetching } from '../model_place.ts';
import { openStartingModel, type StartingModel } from '../starting_model.ts';
import type { ResumedRun } from '../training_run.ts';

/** What a task's model may be, and what its config.json is read into. */
interface Configs {
  language: ModelConfig;
  encoder: EncoderConfig;
  /** Either of them, as a body that classes are read from. */
  body: ModelConfig;
  'encoder-decoder': EncoderDecoderConfig;
}

export type Architecture = keyof Configs;
export type AnyConfig = Configs[Architecture];

type Reader = (json: string, fileName: string, notes?: string[]) => AnyConfig;

/** Each refuses the others' files and says what they are. `saved`: of a checkpoint, where a classifier stands over a language model too. */
const READERS: { readonly [A in Architecture]: { readonly named: Reader; readonly saved: Reader } } = {
  language: {
    named: (...file) => parseModelConfig(...file).config,
    saved: (...file) => parseFolderConfig(...file).config,
  },
  encoder: {
    named: (...file) => parseMaskedConfig(...file).config,
    saved: (...file) => parseMaskedConfig(...file).config,
  },
  body: {
    named: (...file) => parseBodyConfig(...file).config,
    saved: (...file) => parseFolderConfig(...file).config,
  },
  'encoder-decoder': { named: parseEncoderDecoderConfig, saved: parseEncoderDecoderConfig },
};

export interface Beginning<C extends AnyConfig = AnyConfig> {
  /** As it was named; null for a model that is made for its data. */
  readonly name: string | null;
  readonly weights: 'trained' | 'ema';
  readonly config: C;
  readonly tokenizer: Tokenizer;
  /** Where it lies, with the chat template if there is one; null where it was made for the data too. */
  readonly tokenizerDir: string | null;
  /** null where its weights are drawn by chance, or everything is in the checkpoint that is gone on with. */
  readonly start: StartingModel<AnyConfig> | null;
}

/** @throws InputError for a model without a tokenizer, and one of another architecture; as openStartingModel */
export async function newBeginning(
  takes: Architecture,
  name: string,
  weights: 'trained' | 'ema',
  context: Fetching,
): Promise<Beginning> {
  const start = await openStartingModel(name, weights, context, READERS[takes].named);
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
export async function resumedBeginning(
  takes: Architecture,
  { path, state }: ResumedRun,
  context: Fetching,
): Promise<Beginning> {
  const { settings } = state;
  const named = settings.get('model');
  const name = typeof named === 'string' ? named : null;
  const weights = settings.get('weights') === 'ema' ? 'ema' : 'trained';
  const tokenizer = await readTokenizer(path);
  const own = { name, weights, tokenizer, tokenizerDir: path } as const;
  if (Number(settings.get('loraR')) > 0) {
    const start = await openStartingModel(baseBeside(path) ?? String(named), weights, context, READERS[takes].named);
    return { ...own, config: start.config, start };
  }
  const file = `${path}/config.json`;
  return { ...own, config: READERS[takes].saved(readLimited(file, maxConfigBytes, diskLayer), file), start: null };
}
