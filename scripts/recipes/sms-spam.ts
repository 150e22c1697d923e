// Ham or spam, as well as words can tell: the SMS Spam Collection (UCI) in ten splits, a small transformer from nothing and one that
// has read the unlabelled messages first, beside what counting words reaches.
// `npx tsx scripts/recipes/sms-spam.ts SMSSpamCollection [--seeds 0-9] [--adapter NAME] [--json]`: a table, or an object a split and one of means.
//
// A split as in Raschka 2024, chapter 6: as many ham as spam, by chance; 70 % to train on, 10 % to validate, 20 % to test. Duplicates
// are removed before, since a text on both sides would be known and not judged. Everything here was chosen on other seeds than 0 to 9
// and is fixed: the test part is looked at once, after the last step.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { diskStore } from '../../src/cli/tune/disk_store.ts';
import { readLabelled } from '../../src/data/labelled.ts';
import type { LabelledRow } from '../../src/data/labelled_rows.ts';
import { naiveBayes, type TextClassifier } from '../../src/data/naive_bayes.ts';
import { distinctRows, seenBefore, splitRows } from '../../src/data/split.ts';
import type { WordTokenizer } from '../../src/data/tokenizer.ts';
import { trainWords } from '../../src/data/word_train.ts';
import { InputError } from '../../src/errors.ts';
import { Classifier } from '../../src/nn/classifier.ts';
import { GPT2, gpt2Config } from '../../src/nn/gpt2.ts';
import { type Device, openDevice } from '../../src/runtime/device.ts';
import { classifyTask } from '../../src/tasks/classify.ts';
import { type ClassifyRows, classifyRows, labelledIds } from '../../src/tasks/classify_rows.ts';
import { instructRows } from '../../src/tasks/instruct.ts';
import { languageTask } from '../../src/tasks/language.ts';
import { replaceTokens } from '../../src/tasks/replace_tokens.ts';
import { fastKernels } from '../../src/tune/kernel_choice.ts';
import { type Course, type Read, teach } from './course.ts';
import { linearSvm } from './linear_svm.ts';

interface NoisyCourse extends Course {
  /** Share of the tokens that are read. See replaceTokens. */
  replaced: number;
}

const SIZES = { blockSize: 96, nEmbd: 64, nLayer: 1, nHead: 4, initializerRange: 0.05 };
const VOCABULARY = 4000;
const READING: Course = { epochs: 6, batch: 16, learningRate: 3e-3 };
const CLASSIFYING: NoisyCourse = { epochs: 15, batch: 16, learningRate: 2e-3, replaced: 0.15 };
/** A model that has read is changed more gently. */
const CLASSIFYING_READER: NoisyCourse = { ...CLASSIFYING, learningRate: 1e-3 };

/** Shares of the test part that were said rightly, and how long it took. */
interface Result {
  seed: number;
  testRows: number;
  naiveBayes: number;
  linearSvm: number;
  fromNothing: number;
  pretrained: number;
  seconds: number;
}

const FIGURES = ['naiveBayes', 'linearSvm', 'fromNothing', 'pretrained'] as const;

async function splitResult(device: Device, file: string, rows: readonly LabelledRow[], seed: number): Promise<Result> {
  const since = performance.now();
  const { train, test } = splitRows(rows, { seed, balance: true });
  // No text is in the list twice, so that no test message is read, in no other row either.
  const tested = new Set(test);
  const rest = rows.filter((row) => !tested.has(row));
  const seen = seenBefore(test, rest);
  if (seen > 0) throw new InputError(`${file}: found ${seen} test rows among those to learn from, expected none.`);
  const unlabelled = texts(rest);
  const share = (says: TextClassifier) => test.filter(({ text, label }) => says(text) === label).length / test.length;
  const parts = { device, file, train, test, seed };
  const own = trainWords(texts(train), { vocabSize: VOCABULARY });
  const all = trainWords(unlabelled, { vocabSize: VOCABULARY });
  return {
    seed,
    testRows: test.length,
    naiveBayes: share(naiveBayes(train, 2)),
    linearSvm: share(linearSvm(train, seed)),
    fromNothing: await accuracy(parts, own, newModel(own, seed), CLASSIFYING),
    pretrained: await accuracy(parts, all, await reader(device, unlabelled, all, seed), CLASSIFYING_READER),
    seconds: Math.round((performance.now() - since) / 1000),
  };
}

const texts = (rows: readonly LabelledRow[]) => rows.map(({ text }) => text);

function newModel({ vocabSize }: WordTokenizer, seed: number): GPT2 {
  return new GPT2(gpt2Config({ ...SIZES, vocabSize }), { seed });
}

/** A model that has learned to predict the words of messages, each message a row that ends with the token that ends a text. */
async function reader(
  device: Device,
  messages: readonly string[],
  tokenizer: WordTokenizer,
  seed: number,
): Promise<GPT2> {
  const { blockSize } = SIZES;
  const rows = messages.map((text, i) => {
    const ids = Int32Array.from([...tokenizer.encode(text), tokenizer.eosId!].slice(0, blockSize + 1));
    return { where: `message ${i + 1}`, ids, trained: new Uint8Array(ids.length).fill(1) };
  });
  const model = newModel(tokenizer, seed);
  await teach({ device, model, task: languageTask(), seed }, instructRows(rows, { blockSize }), READING);
  return model;
}

interface Parts {
  device: Device;
  file: string;
  train: readonly LabelledRow[];
  test: readonly LabelledRow[];
  seed: number;
}

/** Of a classifier over this body, on the test part, once it is trained; the device keeps nothing of it. */
async function accuracy(
  { device, file, train, test, seed }: Parts,
  tokenizer: WordTokenizer,
  body: GPT2,
  course: NoisyCourse,
): Promise<number> {
  const model = new Classifier(body, { labels: ['ham', 'spam'], seed, padId: tokenizer.parts.padId });
  const [learned, judged] = [train, test].map((part) =>
    classifyRows(labelledIds(part, tokenizer, file), model, { where: file }),
  ) as [ClassifyRows, ClassifyRows];
  const read = noise(course, tokenizer, seed);
  const { trainer } = await teach({ device, model, task: classifyTask(), seed, read }, learned, course);
  const byLength = Array.from({ length: judged.length }, (_, i) => i).sort(
    (a, b) => judged.lengthOf(a) - judged.lengthOf(b),
  );
  const batches = Array.from({ length: Math.ceil(byLength.length / 32) }, (_, i) =>
    judged.batch(byLength.slice(32 * i, 32 * (i + 1))),
  );
  const { metrics } = await trainer.evaluate(batches);
  trainer.release();
  return metrics.accuracy!;
}

/** Of tokens that are read, a share replaced by others. */
function noise({ replaced: share }: NoisyCourse, { parts, vocabSize: below }: WordTokenizer, seed: number): Read {
  const options = { share, from: parts.special.length, below, seed };
  return (batch, lengths, pass) => replaceTokens(batch, lengths, options, pass);
}

/** `0-9`, `3` or `0,4,7`. */
function seedsOf(text: string): number[] {
  const range = /^(\d+)-(\d+)$/.exec(text);
  const [first, last] = range ? [Number(range[1]), Number(range[2])] : [0, 0];
  const seeds = range ? Array.from({ length: last - first + 1 }, (_, i) => first + i) : text.split(',').map(Number);
  if (seeds.length > 0 && seeds.every((seed) => seed >>> 0 === seed)) return seeds;
  throw new InputError(`--seeds: found ${JSON.stringify(text)}, expected whole numbers. For example: --seeds 0-9`);
}

const percent = (share: number) => (100 * share).toFixed(2).padStart(6);

async function main(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: {
      seeds: { type: 'string', default: '0-9' },
      json: { type: 'boolean', default: false },
      adapter: { type: 'string' },
    },
    allowPositionals: true,
  });
  const [file] = positionals;
  if (file === undefined)
    throw new InputError(
      'sms-spam: found no file, expected the SMS Spam Collection: a label, a tab and a text a line.',
    );
  const seeds = seedsOf(values.seeds);
  const set = readLabelled(file, { classes: ['ham', 'spam'] });
  const { rows, dropped } = distinctRows(set.rows);
  const say = (json: object, text: string) => process.stdout.write(`${values.json ? JSON.stringify(json) : text}\n`);
  const settings = {
    ...SIZES,
    vocabulary: VOCABULARY,
    reading: READING,
    classifying: CLASSIFYING,
    classifyingReader: CLASSIFYING_READER,
  };
  say({ rows: set.rows.length, dropped, settings }, `${set.rows.length} messages, ${dropped} of them again: left out`);
  if (!values.json) process.stdout.write('seed  naive Bayes  linear SVM  from nothing  pretrained  seconds\n');
  const line = (name: string, result: Omit<Result, 'seed' | 'testRows'>) =>
    `${name}  ${FIGURES.map((key, i) => percent(result[key]).padStart([11, 10, 12, 10][i]!)).join('  ')}  ${String(result.seconds).padStart(7)}`;
  const kernels = fastKernels(diskStore(process.env));
  const device = await openDevice({ kernels, ...(values.adapter !== undefined && { adapter: values.adapter }) });
  const results: Result[] = [];
  for (const seed of seeds) {
    const result = await splitResult(device, file, rows, seed);
    results.push(result);
    say(result, line(String(seed).padStart(4), result));
  }
  const mean = (key: keyof Result) => results.reduce((sum, result) => sum + result[key], 0) / results.length;
  const seconds = Math.round(mean('seconds'));
  const means = { ...Object.fromEntries(FIGURES.map((key) => [key, mean(key)])), seconds } as Omit<
    Result,
    'seed' | 'testRows'
  >;
  say({ means }, line('mean', means));
  device.close();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof InputError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
