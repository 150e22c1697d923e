// An encoder-decoder from a folder, with the tokenizers of what it reads and of what it writes.

import { parseEncoderDecoderConfig } from '../checkpoint/encoder_decoder_config.ts';
import { diskLayer } from '../checkpoint/files.ts';
import { checkVocabulary } from '../checkpoint/model_config.ts';
import { openModelFolder, resolveModelDir } from '../checkpoint/model_folder.ts';
import { ADAPTER_CONFIG_NAME } from '../checkpoint/peft_config.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import { EncoderDecoder } from '../nn/encoder_decoder.ts';
import type { Device } from '../runtime/device.ts';
import type { Precision } from '../tensor/tensor.ts';
import type { FlagValues } from './flags.ts';
import { loadWeights, type modelFlags, readTokenizer } from './folders.ts';
import type { Fetching } from './model_place.ts';
import { readSourceTokenizer } from './source_tokenizer.ts';

export interface LoadedTranslator {
  model: EncoderDecoder;
  /** Of what is read; the same as target where both sides share one. */
  source: Tokenizer;
  /** Of what is written. */
  target: Tokenizer;
  /** The folder that all came from. */
  dir: string;
}

/**
 * An encoder-decoder, its weights on the device.
 * @param place a run folder (its best step), a step folder or a model folder, as modelFolder() gives it
 * @throws InputError for another kind of model, an adapter, a folder without a tokenizer, and as openModelFolder and loadModel
 */
export async function openTranslator(
  device: Device,
  place: string,
  given: Partial<Pick<FlagValues<typeof modelFlags>, 'weights'>> & { dtype?: Precision },
  context: Fetching,
): Promise<LoadedTranslator> {
  const dir = resolveModelDir(place, diskLayer, ['config.json', ADAPTER_CONFIG_NAME]);
  if (diskLayer.stat(`${dir}/${ADAPTER_CONFIG_NAME}`) !== null)
    throw new InputError(
      `${dir}: found a LoRA adapter, expected a whole encoder-decoder. Adapters go onto language models: use it with generate.`,
    );
  const folder = openModelFolder(dir, { averaged: given.weights === 'ema' });
  try {
    const notes: string[] = [];
    const config = parseEncoderDecoderConfig(folder.config, folder.configName, notes);
    for (const line of notes) context.out.note(line);
    const target = await readTokenizer(dir);
    const source = (await readSourceTokenizer(dir)) ?? target;
    checkVocabulary(config, target.vocabSize, dir);
    checkVocabulary({ vocabSize: config.sourceVocabSize }, source.vocabSize, dir);
    const model = new EncoderDecoder(config, { seed: 0, linearDtype: given.dtype ?? 'f32' });
    // The first values are about to be overwritten: none are drawn.
    for (const p of model.parameters) p.init = undefined;
    await loadWeights(device, model, folder, context);
    return { model, source, target, dir };
  } finally {
    folder.close();
  }
}

/** A text as the encoder-decoder has learned to read them. */
function readAs(text: string): string {
  return text.normalize('NFC').trim();
}

/** Tokens of a source without its end, at most as many as the context holds. @throws InputError for what the tokenizer cannot encode */
export function sourceIds(
  { source, model }: Pick<LoadedTranslator, 'source' | 'model'>,
  text: string,
): { ids: number[]; cut: boolean } {
  const ids = source.encode(readAs(text));
  const most = model.blockSize - 1;
  return { ids: ids.slice(0, most), cut: ids.length > most };
}

/** Whether a token is part of the text that is written, and no mark that stands around it. */
export function isWritten({ target, model }: Pick<LoadedTranslator, 'target' | 'model'>, id: number): boolean {
  const { padId, bosId, eosId } = model.config;
  return id < target.vocabSize && id !== padId && id !== bosId && id !== eosId;
}

/** The text of tokens that were written. */
export function targetText(loaded: Pick<LoadedTranslator, 'target' | 'model'>, ids: readonly number[]): string {
  return loaded.target.decode(ids.filter((id) => isWritten(loaded, id)));
}
