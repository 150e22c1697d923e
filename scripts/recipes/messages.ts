// A small translator for everyone to try: it learns from nothing what the TypeScript compiler says in English and in French, and becomes
// a model folder of under a megabyte. demo/models/messages-en-fr was made so.
// `npx tsx scripts/recipes/messages.ts DIR [--seed 0] [--epochs 40] [--words 8] [--adapter NAME] [--json]`: DIR is new; nothing is left
// of a run that is interrupted. `--words` is the most that an English message may have.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { encoderDecoderConfigJson } from '../../src/checkpoint/encoder_decoder_config.ts';
import { huggingFaceFiles } from '../../src/checkpoint/export.ts';
import { diskLayer } from '../../src/checkpoint/files.ts';
import { openWeights } from '../../src/checkpoint/huggingface.ts';
import type { FileContent } from '../../src/checkpoint/manifest.ts';
import { bytesSource } from '../../src/checkpoint/safetensors.ts';
import { placeForFolder, writeFolder } from '../../src/cli/new_folder.ts';
import { diskStore } from '../../src/cli/tune/disk_store.ts';
import { trainPairTokenizer } from '../../src/data/pairs/pair_tokenizer.ts';
import { splitPairs } from '../../src/data/pairs/split_pairs.ts';
import { END_OF_TEXT, type Tokenizer } from '../../src/data/tokenizer.ts';
import { InputError } from '../../src/errors.ts';
import { Translator } from '../../src/generate/translator.ts';
import { EncoderDecoder, encoderDecoderConfig } from '../../src/nn/encoder_decoder.ts';
import { parameterCount } from '../../src/nn/model.ts';
import { type Device, openDevice } from '../../src/runtime/device.ts';
import { corpusBleu } from '../../src/scores/bleu.ts';
import { exactMatch } from '../../src/scores/rouge.ts';
import { type TextPair, wordByWord } from '../../src/scores/word_by_word.ts';
import { translateTask } from '../../src/tasks/translate.ts';
import { pairRows } from '../../src/tasks/translate_rows.ts';
import { wholesOf } from '../../src/tensor/pieces.ts';
import { loadModel, modelFile } from '../../src/train/snapshot.ts';
import { fastKernels } from '../../src/tune/kernel_choice.ts';
import { teach } from './course.ts';
import { messagePairs } from './message_pairs.ts';
import { messagesReadme, type PartFigures } from './messages_readme.ts';
import { wholeOf } from './recipe_flags.ts';

const SIZES = { nEmbd: 96, nHead: 4, encoderLayers: 1, decoderLayers: 1, blockSize: 64 };
const VOCABULARY = 1000;
const SPECIAL = ['<|pad|>', '<|startoftext|>', END_OF_TEXT];
const COURSE = { batch: 32, learningRate: 5e-3 };
const DROPOUT = 0.1;
/** Of the messages, to be judged by. */
const TEST_PART = 0.1;

async function main(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: {
      seed: { type: 'string', default: '0' },
      epochs: { type: 'string', default: '40' },
      words: { type: 'string', default: '8' },
      json: { type: 'boolean', default: false },
      adapter: { type: 'string' },
    },
    allowPositionals: true,
  });
  if (positionals.length !== 1)
    throw new InputError(`messages: found ${positionals.length} folders, expected the new one for the model.`);
  const seed = wholeOf('seed', values.seed, 0);
  const epochs = wholeOf('epochs', values.epochs, 1);
  const { version, pairs } = messagePairs(wholeOf('words', values.words, 2));
  const place = placeForFolder(diskLayer, positionals[0]!);
  const say = (json: object, text: string) => process.stdout.write(`${values.json ? JSON.stringify(json) : text}\n`);

  const { train, test } = splitPairs(pairs, { validationPart: 0, testPart: TEST_PART, seed, name: 'messages' });
  const tokenizer = trainPairTokenizer(
    train.flatMap(({ source, target }) => [source, target]),
    VOCABULARY,
    SPECIAL,
  );
  const [padId, bosId, eosId] = SPECIAL.map((token) => tokenizer.encode(token, { allowSpecial: true })[0]!);
  const config = encoderDecoderConfig({
    ...{ ...SIZES, vocabSize: tokenizer.vocabSize, padId: padId!, bosId: bosId!, eosId: eosId! },
    ...{ norm: 'pre', positions: 'rotary' },
  });
  const model = new EncoderDecoder(config, { seed });
  const rows = train.map(({ source, target }) => ({
    source: tokenizer.encode(source),
    target: tokenizer.encode(target),
  }));
  const counts = { train: train.length, test: test.length, parameters: parameterCount(model) };
  say(
    { seed, epochs, ...counts, settings: { ...config, ...COURSE, dropout: DROPOUT } },
    `${train.length} messages to learn from, ${test.length} to translate, ${counts.parameters} parameters`,
  );
  const kernels = fastKernels(diskStore(process.env));
  const device = await openDevice({ kernels, ...(values.adapter !== undefined && { adapter: values.adapter }) });
  const since = performance.now();
  const seconds = () => Math.round((performance.now() - since) / 1000);
  const steps = Math.ceil((epochs * rows.length) / COURSE.batch);
  const every = Math.ceil(steps / 20);
  const told = (step: number, loss: number) => {
    if (step % every === 0)
      say({ step, loss, seconds: seconds() }, `step ${step} of ${steps}: loss ${loss.toFixed(3)}, ${seconds()} s`);
  };
  const task = translateTask({ dropout: { p: DROPOUT, seed } });
  await teach({ device, model, task, seed, told }, pairRows(rows, config), { ...COURSE, epochs });

  const files = await filesOf(device, model, tokenizer);
  // What is judged is what lies in the file, in half precision.
  await loadModel(device, model, [bytesSource('model.safetensors', await whole(files.get('model.safetensors')!))]);
  const figures = {
    train: await figuresOf(device, model, tokenizer, train),
    test: await figuresOf(device, model, tokenizer, test),
  };
  const byDictionary = wordByWord(train);
  const bleu = (write: (source: string) => string) =>
    corpusBleu(
      test.map(({ source }) => write(source)),
      [test.map(({ target }) => target)],
    ).score;
  const baselines = { wordByWord: bleu(byDictionary), copy: bleu((source) => source) };
  const readme = messagesReadme({ version, words: values.words, seed, epochs, ...counts, figures, baselines });
  files.set('README.md', new TextEncoder().encode(readme));
  await writeFolder(diskLayer, place, files);
  device.close();
  say(
    { model: place, ...figures, baselines, seconds: seconds() },
    `${place}: BLEU ${figures.train.bleu.toFixed(1)} on messages that it has learned, ${figures.test.bleu.toFixed(1)} on others (word by word ${baselines.wordByWord.toFixed(1)}); ${seconds()} s`,
  );
}

/** The folder's files, weights in half precision. */
async function filesOf(device: Device, model: EncoderDecoder, tokenizer: Tokenizer): Promise<Map<string, FileContent>> {
  const trained = await whole(await modelFile(device, model));
  const weights = await openWeights([bytesSource('model.safetensors', trained)], wholesOf(model.parameters));
  const others = new Map(Array.from(tokenizer.files(), ([name, text]) => [name, new TextEncoder().encode(text)]));
  const config = encoderDecoderConfigJson(model.config);
  const exported = { config, configName: 'config.json', generation: null, weights, others };
  return huggingFaceFiles(exported, 'F16', Number.POSITIVE_INFINITY);
}

/** All bytes of a file. */
async function whole(content: FileContent): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content;
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

/** Of the greedy translations. */
async function figuresOf(
  device: Device,
  model: EncoderDecoder,
  tokenizer: Tokenizer,
  pairs: readonly TextPair[],
): Promise<PartFigures> {
  const translator = new Translator(device, model);
  const sources = pairs.map(({ source }) => tokenizer.encode(source));
  const texts = (await translator.translate(sources, { beams: 1 })).map(({ ids }) => tokenizer.decode(ids));
  translator.release();
  const references = [pairs.map(({ target }) => target)];
  const [{ source, target }, text] = [pairs[0]!, texts[0]!];
  return {
    bleu: corpusBleu(texts, references).score,
    exact: exactMatch(texts, references),
    example: { source, target, text },
  };
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof InputError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
