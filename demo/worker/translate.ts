// The page's small translator: a folder beside the page becomes an encoder-decoder, which writes a text and tells how it looked at the
// source. What it takes on the machine is given back after each text: a run needs the memory that was planned for it, no more.
import {
  type Alignment,
  bytesSource,
  EncoderDecoder,
  InputError,
  loadModel,
  parseEncoderDecoderConfig,
  Translator,
  tokenizerFromFiles,
} from '../../src/index.ts';
import type { AlignmentMaps } from '../protocol.ts';
import type { Translate } from './translations.ts';

const FOLDER = 'models/messages-en-fr';
const TOKENIZER = ['tokenizer.json', 'tokenizer_config.json'];

/**
 * @param read a file by its path beside the page
 * @throws InputError for files that do not fit each other, and what `read` throws
 */
export async function openTranslator(read: (name: string) => Promise<Uint8Array>): Promise<Translate> {
  const file = async (name: string) => [name, await read(`${FOLDER}/${name}`)] as const;
  const files = new Map(await Promise.all(['config.json', 'model.safetensors', ...TOKENIZER].map(file)));
  const text = (name: string) => new TextDecoder().decode(files.get(name));
  const config = parseEncoderDecoderConfig(text('config.json'), `${FOLDER}/config.json`);
  const tokenizer = await tokenizerFromFiles(new Map(TOKENIZER.map((name) => [name, text(name)])));
  const shown = (ids: readonly number[]) => [...ids.map((id) => tokenizer.decode([id])), ''];

  return async function* (machine, given) {
    // As the model has learned to read them.
    const source = tokenizer.encode(given.normalize('NFC').trim());
    if (source.length === 0) throw new InputError('translate: found an empty text, expected a message. Type one.');
    const model = new EncoderDecoder(config, { seed: 0 });
    // The first values are about to be overwritten: none are drawn.
    for (const parameter of model.parameters) parameter.init = undefined;
    const translator = new Translator(machine, model);
    try {
      await loadModel(machine, model, [bytesSource('model.safetensors', files.get('model.safetensors')!)]);
      const ids: number[] = [];
      const decoder = tokenizer.decoder();
      for await (const id of translator.stream(source)) {
        ids.push(id);
        yield decoder.push(id);
      }
      yield decoder.end();
      const alignment = await translator.alignment(source, ids);
      return { source: shown(source), target: shown(ids), maps: mapsOf(alignment) };
    } finally {
      translator.release();
      machine.release(model.parameters);
    }
  };
}

function mapsOf(alignment: Alignment): AlignmentMaps['maps'] {
  const { layers, heads, sourceLength: S, targetLength: T } = alignment;
  const rows = (weights: Float32Array) =>
    Array.from({ length: T }, (_, t) => Array.from(weights.subarray(t * S, (t + 1) * S)));
  const all = Array.from({ length: layers * heads }, (_, i) => [Math.floor(i / heads), i % heads] as const);
  return [
    { name: 'mean of all heads', rows: rows(alignment.mean()) },
    ...all.map(([layer, head]) => ({
      name: layers > 1 ? `layer ${layer + 1}, head ${head + 1}` : `head ${head + 1}`,
      rows: rows(alignment.weights(layer, head)),
    })),
  ];
}
