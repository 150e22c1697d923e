// finetune --task translate and summarize: an encoder-decoder learns to write one text from another, from nothing or on from what it knows.

import { grouped } from '../../data/counted.ts';
import type { EncodedPair } from '../../data/pairs/encode_pairs.ts';
import type { Pair } from '../../data/pairs/read_pairs.ts';
import { spread } from '../../data/spread.ts';
import { InputError } from '../../errors.ts';
import type { EncoderDecoderConfig } from '../../nn/transformer_config.ts';
import { corpusBleu } from '../../scores/bleu.ts';
import { exactMatch, rougeL } from '../../scores/rouge.ts';
import { pairRows } from '../../tasks/translate_rows.ts';
import { kebabCase } from '../flags.ts';
import type { PairTask } from '../pair_figures.ts';
import { readSourceTokenizer } from '../source_tokenizer.ts';
import { toldRows } from '../told_pairs.ts';
import { type PairBeginning, pairSizes, pairsFromNothing } from './pair_beginning.ts';
import { pairData, pairShapes, samplerOf } from './pair_data.ts';
import { finishPairs } from './pair_end.ts';
import { chosenPairs, hashOfPairs, pairsName, pairsText } from './pair_files.ts';
import { pairParts } from './pair_parts.ts';
import { keptPairs, makePairRun, type PairRun } from './pair_run.ts';
import { type PairTokenizers, sparing } from './pair_tokenizers.ts';
import type { FinetuneTask, ShownTask, TaskRequest } from './task.ts';

/** Pairs of the validation part that are written anew at every evaluation, and those that are shown. */
const [MEASURED, SHOWN] = [200, 3];

type PairRequest = TaskRequest<EncoderDecoderConfig>;

const ADAPTER = ['lora-r', 'lora-alpha', 'lora-dropout', 'lora-targets', 'rslora'];

function pairTask(
  name: PairTask,
  about: string,
  defaults: FinetuneTask['defaults'],
): FinetuneTask<EncoderDecoderConfig> {
  return {
    name,
    about,
    takes: 'encoder-decoder',
    flags: [
      ...['source', 'target', 'source-column', 'target-column'],
      ...['validation-data', 'validation-source', 'validation-target', 'test-part'],
      ...['encoder-layers', 'decoder-layers', 'width', 'heads', 'ffn', 'norm', 'positions', 'tie', 'vocabulary'],
      ...['vocab-size', 'tokenizer', 'source-tokenizer', 'target-tokenizer'],
      ...['batch-tokens', 'long-pairs', 'beams'],
    ],
    without: [...ADAPTER, 'batch', 'train'],
    defaults: {
      encoderLayers: 2,
      ...{ labelSmoothing: 0.1, dropout: 0.1, beta2: 0.98, eps: 1e-9, validationPart: 0.05, warmupSteps: 400 },
      ...defaults,
    },
    epochs: 10,
    ownDefaults: ({ model, validationData, validationSource }) => ({
      // As for any model that is there: far below the rate of training from nothing.
      ...(model === undefined
        ? { learningRate: 2e-3, minLearningRate: 2e-4 }
        : { learningRate: 2e-4, minLearningRate: 2e-5 }),
      testPart: validationData === undefined && validationSource === undefined ? 0.05 : 0,
    }),
    sizes: pairSizes,
    fromNothing: pairsFromNothing,
    open: (request) => openPairs(request, name),
  };
}

export const translate = pairTask('translate', 'from one language into another', { context: 256, batchTokens: 1024 });
export const summarize = pairTask('summarize', 'a short text from a long one', { context: 512, batchTokens: 2048 });

async function openPairs(request: PairRequest, task: PairTask): Promise<ShownTask<PairRun>> {
  const { context, settings, config, beginning, resumed, seed, tokenizerDir } = request;
  const { out } = context;
  const chosen = chosenPairs(request);
  const { made } = beginning as PairBeginning;
  if (!made) refuseVocabulary(context.given, beginning.name);
  const parts = made?.parts ?? pairParts(chosen, settings, seed, out);
  const tokenizers = made?.tokenizers ?? (await tokenizersIn(tokenizerDir!, request.tokenizer));
  const tokenizer = sparing(tokenizers.target, config.vocabSize);
  const { context: blockSize, longPairs: long = 'cut' } = settings;
  const encoded = (pairs: readonly Pair[], name: string) =>
    toldRows(pairs, { ...tokenizers, blockSize, long, name }, out);
  const train = encoded(parts.train, parts.name);
  const validation = encoded(parts.validation, parts.validationName);
  const test = parts.test.length > 0 ? encoded(parts.test, parts.name) : null;
  const rows = { train: pairRows(train.rows, config), validation: pairRows(validation.rows, config) };
  const { source: sources, target: targets } = train.counts;
  out.note(
    `pairs: ${grouped(train.rows.length)} to train on (${grouped(sources.tokens)} and ${grouped(targets.tokens)} tokens), ${grouped(validation.rows.length)} to validate${test ? `, ${grouped(test.rows.length)} to test` : ''}`,
  );
  const widest = Math.max(...samplerOf(rows.train, settings, seed).shapes.map(({ width }) => width));
  if (widest > settings.batchTokens!)
    out.note(
      `--batch-tokens: found ${settings.batchTokens}, and pairs of up to ${widest} positions: those that are longer are batches of one`,
    );
  const { vocabSize } = config;
  const dataset = {
    name: pairsName(chosen),
    ...{ trainRows: train.rows.length, validationRows: validation.rows.length, testRows: test?.rows.length ?? 0 },
    ...{ sourceTokens: sources.tokens, targetTokens: targets.tokens },
    ...{ tokenizer: tokenizer.kind, vocabSize },
  };
  const references = [{ label: `guessing among ${vocabSize}`, value: Math.log(vocabSize) }];
  const tokens = sources.tokens + targets.tokens + 2 * train.rows.length;
  const hash = hashOfPairs(chosen);
  const measured = spread(validation.rows.length, MEASURED);
  /** What the last evaluation said of the weights. */
  const last = { trained: 0, ema: 0 };
  // Without an evaluation behind it, those that a run with --ema is made for.
  const better = () => (settings.ema > 0 && last.trained <= last.ema ? 'ema' : 'trained');
  const written = async (
    { translators }: PairRun,
    weights: 'trained' | 'ema',
    numbers: readonly number[],
    stopped: () => boolean,
  ) => {
    const ids = numbers.map((i) => Array.from(validation.rows[i]!.source));
    const texts = await translators[weights]!.translate(ids, { beams: 1, stopped });
    return texts.map((text) => tokenizer.decode(text.ids));
  };
  return {
    name: pairsName(chosen),
    epochRows: rows.train.length,
    epoch(asked) {
      const { batchesPerEpoch: batches, shapes } = samplerOf(rows.train, asked, seed);
      return { batches, rows: Math.max(...shapes.map((shape) => shape.rows)) };
    },
    remembered: { data: pairsText(chosen) },
    shown: rows.train,
    usuallyShown: false,
    ...(tokenizers.source !== tokenizers.target && { sourceTokenizer: tokenizers.source }),
    make: (device, asked, own) => makePairRun(device, config, beginning.start === null && resumed === null, asked, own),
    kept: (run) => keptPairs(run, tokenizers),
    shapes: (asked, { translators }) => ({
      ...pairShapes(rows.train, rows.validation, config, asked),
      sampling: plannedWriting(translators.trained, [...validation.rows, ...(test?.rows ?? [])], measured.length),
    }),
    data: (asked, own) => pairData({ ...rows, tokenizer, hash, dataset, references, tokens }, asked, own),
    async figures(run, weights, stop) {
      const texts = await written(run, weights, measured, stop);
      if (stop()) return {};
      const expected = measured.map((i) => validation.pairs[i]!.target);
      const found = figuresOf(task, texts, expected);
      last[weights] = found.bleu ?? found.rougeL ?? found.exact ?? 0;
      return found;
    },
    async sample(run, stop) {
      const numbers = spread(validation.rows.length, SHOWN);
      const texts = await written(run, run.translators.ema ? 'ema' : 'trained', numbers, stop);
      return numbers
        .map((i, at) => `${validation.pairs[i]!.source}\n=> ${texts[at]} | ${validation.pairs[i]!.target}`)
        .join('\n');
    },
    firstLoss: () => null,
    finish: (run, folder) =>
      finishPairs(
        context,
        task,
        run,
        better(),
        {
          ...(test ?? validation),
          ...{ part: test ? 'test' : 'validation', trained: parts.train, tokenizer },
        },
        folder,
      ),
    next: (folder) => `${task}: npm run translate -- --model ${folder}${better() === 'ema' ? ' --weights ema' : ''}`,
  };
}

/** Its tables stand for the ids of its own tokenizers. @throws InputError */
function refuseVocabulary(given: ReadonlySet<string>, name: string | null): void {
  const flag = (['tokenizer', 'sourceTokenizer', 'targetTokenizer', 'vocabulary'] as const).find((each) =>
    given.has(each),
  );
  if (flag !== undefined)
    throw new InputError(
      `--${kebabCase(flag)}: found beside --${name === null ? 'resume' : 'model'}, expected neither another vocabulary nor tokenizer than the model has. Leave the flag out.`,
    );
}

async function tokenizersIn(dir: string, target: PairRequest['tokenizer']): Promise<PairTokenizers> {
  return { source: (await readSourceTokenizer(dir)) ?? target, target };
}

/** What is told of texts at an evaluation. */
function figuresOf(task: PairTask, texts: readonly string[], expected: readonly string[]): Record<string, number> {
  const exact = exactMatch(texts, [expected]);
  if (task === 'summarize') return { rougeL: rougeL(texts, [expected]), exact };
  const { score: bleu } = corpusBleu(texts, [expected]);
  // It looks at runs of four words: of texts that have none it says nothing.
  const hasRuns = corpusBleu(expected, [expected]).totals[3]! > 0;
  return hasRuns ? { bleu } : { exact };
}

/** What writing them runs, by the longest. */
function plannedWriting(
  translator: PairRun['translators']['trained'],
  rows: readonly EncodedPair[],
  count: number,
): ReturnType<typeof translator.planned> {
  const longest = rows.reduce((most, { source }) => Math.max(most, source.length + 1), 1);
  return translator.planned(count, longest, 2 * longest + 16);
}
