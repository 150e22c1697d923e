// convert: a model from one form into another, part by part from file to file. No adapter is needed.
import path from 'node:path';
import { poolingNote } from '../checkpoint/classifier_keys.ts';
import { huggingFaceFiles } from '../checkpoint/export.ts';
import { diskLayer } from '../checkpoint/files.ts';
import { type GgufFile, writeGguf } from '../checkpoint/gguf.ts';
import { ggufModel } from '../checkpoint/gguf_families.ts';
import { stat } from '../checkpoint/run_place.ts';
import { collectBytes } from '../checkpoint/safetensors.ts';
import { elementsOf, type WeightDtype } from '../checkpoint/weights.ts';
import { grouped } from '../data/counted.ts';
import { ggufTokenizer } from '../data/gguf_tokenizer.ts';
import { printable, quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { modelPlaces } from './adapter.ts';
import { type CommandContext, defineCommand } from './command.ts';
import { withMerged } from './convert_merge.ts';
import { type ConvertSource, openFolder, openLlama2cModel } from './convert_source.ts';
import { defineFlags } from './flags.ts';
import { modelFlags } from './folders.ts';
import { LoadingLine } from './loading_line.ts';
import { modelFolder } from './model_place.ts';
import { placeForFile, placeForFolder, writeFolder, writeNewFile } from './new_folder.ts';

const [modelFlag, weightsFlag] = modelFlags;

const flags = defineFlags([
  {
    ...modelFlag,
    placeholder: 'DIR|OWNER/NAME|FILE',
    help: `${modelFlag.help}; or a model of llama2.c, FILE.bin`,
  },
  weightsFlag,
  {
    name: 'merge',
    type: 'text',
    placeholder: 'DIR',
    example: 'runs/instruct-1',
    help: 'a LoRA adapter that is put into the weights: a folder as PEFT writes it, or a run or step folder',
  },
  {
    name: 'out',
    type: 'text',
    placeholder: 'DIR',
    example: 'gpt2-f16',
    help: 'a new or empty folder, in the form of Hugging Face',
  },
  { name: 'gguf', type: 'text', placeholder: 'FILE', example: 'model.gguf', help: 'a new file for llama.cpp' },
  {
    name: 'dtype',
    type: 'choice',
    choices: ['f32', 'f16', 'bf16'],
    help: 'what weights are stored as, rounded to the nearest; default: as they are',
  },
  {
    name: 'shard-size',
    type: 'text',
    default: '5GB',
    example: '2GB',
    placeholder: 'SIZE',
    help: 'files of weights are at most this large; kB, MB and GB count by 1000, KiB, MiB and GiB by 1024',
  },
  {
    name: 'tokenizer',
    type: 'text',
    placeholder: 'FILE',
    example: 'tok512.bin',
    help: 'of a llama2.c model: its tokenizer; default: tokVOCAB.bin or tokenizer.bin beside it',
  },
]);

const dtypes = new Map<string, WeightDtype>([
  ['f32', 'F32'],
  ['f16', 'F16'],
  ['bf16', 'BF16'],
]);

export const convert = defineCommand({
  name: 'convert',
  summary: 'writes a model in another form or precision: Hugging Face folders, GGUF, from llama2.c',
  flags,
  examples: [
    'convert --model runs/moby-1 --out moby --dtype f16',
    'convert --model stories260K.bin --out stories',
    'convert --model moby --gguf moby.gguf',
    'convert --model gpt2 --merge runs/instruct-1 --out gpt2-instruct',
  ],
  stopsAtSignal: true,
  savesNothing: true,
  async run(context, { model, weights, merge, out: folder, gguf, dtype, shardSize, tokenizer }) {
    const { out } = context;
    if (folder === undefined && gguf === undefined)
      throw new InputError('--out: found neither --out nor --gguf, expected at least one. For example: --out gpt2-f16');
    const shardBytes = bytesOfSize(shardSize);
    const place = folder === undefined ? null : placeForFolder(diskLayer, folder);
    if (gguf !== undefined) placeForFile(diskLayer, gguf);
    if (place !== null && gguf !== undefined && path.resolve(place) === path.resolve(gguf))
      throw new InputError(`--gguf: found ${quoted(gguf)}, which is --out too, expected another name for the file.`);
    const source = await openSource(context, { model, merge, tokenizer, averaged: weights === 'ema' });
    if (source === null) return 0;
    const since = performance.now();
    const line = new LoadingLine(context, 'converting');
    try {
      const kind = dtypes.get(dtype ?? '') ?? source.weights.dtype;
      const watched = { ...source, weights: line.watch(source.weights, place !== null && gguf !== undefined ? 2 : 1) };
      // Both are laid out, and what they refuse is said, before the first is written.
      const files = place === null ? null : huggingFaceFiles(watched, kind, shardBytes);
      const file = gguf === undefined ? null : await ggufFile(watched, kind, gguf, (text) => out.note(text));
      const pooling = source.classifier && poolingNote(source.classifier);
      if (pooling !== null) out.note(`pooling: ${pooling}`);
      if (files) await writeFolder(diskLayer, place!, files);
      if (file) await writeNewFile(diskLayer, gguf!, file);
      line.end();
      const parameters = source.weights.tensors.reduce((sum, tensor) => sum + elementsOf(tensor), 0);
      const seconds = Math.round((performance.now() - since) / 10) / 100;
      const name = [...dtypes].find(([, each]) => each === kind)![0];
      out.emit({ out: place, gguf: gguf ?? null, dtype: name, parameters, seconds });
      for (const each of [place, gguf ?? null])
        if (each !== null)
          out.print(`${printable(each, true)}: ${grouped(parameters)} parameters in ${name}, in ${seconds} s`);
      return 0;
    } finally {
      line.end();
      source.close();
    }
  },
});

/** @throws InputError for a classifier, and for a model or tokenizer that has no form in llama.cpp */
async function ggufFile(
  { modelConfig, classifier, weights, configName, ids, others }: ConvertSource,
  dtype: WeightDtype,
  file: string,
  note: (text: string) => void,
): Promise<GgufFile> {
  if (classifier)
    throw new InputError(
      `--gguf: ${configName} is that of a classifier, expected a language model: scores of labels have no place in such a file. Write a folder with --out.`,
    );
  const { metadata, tensors } = ggufModel(modelConfig, weights, dtype, configName);
  const texts = new Map<string, string>();
  for (const [name, content] of others) {
    const parts = content instanceof Uint8Array ? [content] : content;
    texts.set(name, new TextDecoder().decode(await collectBytes(parts)));
  }
  const tokenizer = ggufTokenizer(texts, ids, modelConfig.vocabSize);
  if (tokenizer.missing !== null) note(`${file}: without a tokenizer, ids go in and come out: ${tokenizer.missing}`);
  metadata.set('general.name', { string: path.basename(file).replace(/\.gguf$/, '') });
  return writeGguf(new Map([...metadata, ...tokenizer.metadata]), tensors);
}

/** What was typed of the model. */
interface Chosen {
  model: string | undefined;
  merge: string | undefined;
  tokenizer: string | undefined;
  averaged: boolean;
}

/** @returns null where a signal asked to stop */
async function openSource(
  context: CommandContext,
  { model, merge, tokenizer, averaged }: Chosen,
): Promise<ConvertSource | null> {
  const note = (text: string) => context.out.note(text);
  if (model !== undefined && stat(diskLayer, model)?.kind === 'file' && !/\.(safetensors|json)$/.test(model)) {
    if (averaged)
      throw new InputError('--weights: found ema, but a file of llama2.c has trained weights alone. Leave it out.');
    if (merge !== undefined)
      throw new InputError('--merge: found beside a file of llama2.c, expected a folder of a model. Convert it first.');
    return openLlama2cModel(model, tokenizer, note);
  }
  if (tokenizer !== undefined)
    throw new InputError(
      '--tokenizer: found beside a folder, which has its own, expected it for a llama2.c file alone. Leave it out.',
    );
  const place = await modelFolder(model, context);
  if (place === null) return null;
  const { dir, adapter } = await modelPlaces(place, { model, adapterWeights: merge }, context, '--merge');
  const source = await openFolder(dir, averaged, note);
  try {
    return adapter === null ? source : await withMerged(source, adapter, note);
  } catch (error) {
    source.close();
    throw error;
  }
}

const UNITS = new Map([
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
]);

/** `2GB` -> 2e9. @throws InputError */
function bytesOfSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([kmg]i?b)$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS.get((unit ?? '').toLowerCase()) ?? Number.NaN));
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw new InputError(
    `--shard-size: found ${quoted(text)}, expected a size with its unit. For example: --shard-size 2GB`,
  );
}
