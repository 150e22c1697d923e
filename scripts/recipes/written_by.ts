// What a saved encoder-decoder writes.
import { parseEncoderDecoderConfig } from '../../src/checkpoint/encoder_decoder_config.ts';
import { openModelFolder, resolveModelDir } from '../../src/checkpoint/model_folder.ts';
import { readTokenizer } from '../../src/cli/folders.ts';
import { Translator } from '../../src/generate/translator.ts';
import { EncoderDecoder } from '../../src/nn/encoder_decoder.ts';
import type { Device } from '../../src/runtime/device.ts';
import { loadModel } from '../../src/train/snapshot.ts';

/**
 * The most probable text, token by token, of each source.
 * @param place a run or a model folder, with one tokenizer for both sides     @throws InputError for what is none
 */
export async function writtenBy(device: Device, place: string, sources: readonly string[]): Promise<string[]> {
  const dir = resolveModelDir(place);
  const folder = openModelFolder(dir);
  try {
    const config = parseEncoderDecoderConfig(folder.config, folder.configName);
    const tokenizer = await readTokenizer(dir);
    const model = new EncoderDecoder(config, { seed: 0 });
    await loadModel(device, model, folder);
    const translator = new Translator(device, model);
    const ids = sources.map((source) => tokenizer.encode(source));
    const written = await translator.translate(ids, { beams: 1 });
    translator.release();
    device.release(model.parameters);
    return written.map((text) => tokenizer.decode(text.ids));
  } finally {
    folder.close();
  }
}
