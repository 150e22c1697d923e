// finetune --task translate and summarize: an encoder-decoder from nothing or on from one that is there, on pairs of small texts.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FinetuneFlags, settingSpecs } from '../src/cli/finetune/flags.ts';
import { newSettings } from '../src/cli/finetune/settings.ts';
import { TASKS } from '../src/cli/finetune/tasks.ts';
import { allows } from '../src/cli/flag_value.ts';
import { camelCase } from '../src/cli/flags.ts';
import { fakeHome } from './cli_home.ts';
import { run, type Said } from './harness/inside.ts';
import { listing, scratchFolder, tiny } from './harness/program.ts';

const place = scratchFolder();
const quiet = ['--json', '--quiet'];
const data = place.at('copies.tsv');
const sides = { source: place.at('words.a'), target: place.at('words.b') };
/** A few of them, which are soon translated. */
const few = { source: place.at('few.a'), target: place.at('few.b') };

/** Words of three letters, so many, another beginning for each number. */
const words = (number: number, count: number) =>
  Array.from({ length: count }, (_, i) => 'abcde'[(number * (i + 2) + i) % 5]!.repeat(3)).join(' ');

beforeAll(() => {
  const pairs = Array.from({ length: 60 }, (_, i) => [
    `${i} ${words(i, 1 + (i % 3))}`,
    `${words(i, 1 + (i % 3))} ${i}`,
  ]);
  fs.writeFileSync(data, ['source\ttarget', ...pairs.map((pair) => pair.join('\t'))].join('\n'));
  for (const [files, count] of [
    [sides, pairs.length],
    [few, 6],
  ] as const) {
    const some = pairs.slice(0, count);
    fs.writeFileSync(files.source, some.map(([source]) => source).join('\n'));
    fs.writeFileSync(files.target, some.map(([, target]) => target).join('\n'));
  }
});
afterAll(() => place.remove());

const small = [
  ...['--encoder-layers', '1', '--decoder-layers', '1', '--width', '16', '--heads', '2', '--batch-tokens', '96'],
  ...['--beams', '2'],
];
/** Sizes of a small model, but for those that are given otherwise. */
const sizes = (more: readonly string[]) => small.filter((_, i) => !more.includes(small[i - (i % 2)]!));
const asked = (out: string, ...more: string[]) => [
  ...['finetune', '--task', 'translate', '--out', place.at(out), ...sizes(more), ...more],
];
const pairs = (out: string, ...more: string[]) => run([...asked(out, '--data', data, ...more), ...quiet]);
const events = ({ lines }: Said, name: string) => lines.filter((line) => line.event === name);
const event = (said: Said, name: string) => events(said, name).at(-1)!;
const saved = (out: string, step: number) => place.at(`${out}/step-${String(step).padStart(6, '0')}`);
const plain = (said: Said) => JSON.parse(JSON.stringify(event(said, 'end')).replace(/"file":"[^"]*"/, '"file":""'));

test('every setting has a value that its flag would take, before the data decides what it decides', () => {
  for (const task of TASKS.filter(({ fromNothing }) => fromNothing)) {
    const settings = newSettings(task, {}, null, {} as FinetuneFlags);
    const wrong = settingSpecs(task.flags).filter(
      (spec) => !allows(spec, settings[camelCase(spec.name) as keyof typeof settings]),
    );
    // Whether tables are one follows from the vocabularies.
    expect([task.name, wrong.map(({ name }) => name).filter((name) => name !== 'tie')]).toEqual([task.name, []]);
  }
});

test('a run that is stopped and goes on ends as if it had never stopped, averaged weights and figures too', async () => {
  const all = ['--vocab-size', '270', '--steps', '4', '--eval-every', '2', '--save-every', '2', '--ema', '0.9'];
  const whole = await pairs('whole', ...all, '--accumulate', '2', '--sample-every', '2');
  expect(whole.code, whole.stderr).toBe(0);
  const home = fakeHome();
  const { write } = home.stdout;
  home.stdout.write = function (line, done) {
    if (line.includes('"event":"step","step":1,')) home.signals.emit('SIGINT');
    return write.call(this, line, done);
  };
  const words = asked('cut', '--data', data, ...all, '--accumulate', '2', '--sample-every', '2');
  const first = await run([...words, ...quiet], home);
  expect([first.code, (event(first, 'save').step as number) < 4], first.stderr).toEqual([130, true]);
  const second = await run(['finetune', '--resume', place.at('cut'), ...quiet]);
  expect(second.code, second.stderr).toBe(0);
  expect(plain(second)).toEqual(plain(whole));
  const later = (said: Said) => events(said, 'eval').filter(({ step }) => (step as number) > 3);
  expect(later(second)).toEqual(later(whole));

  const { validationMetrics } = event(whole, 'eval') as unknown as { validationMetrics: Record<string, number> };
  expect(Object.keys(validationMetrics)).toEqual(['bleu', 'emaBleu']);
  // Of three pairs to validate on each is shown: source, translation, reference.
  const shown = (event(whole, 'sample').text as string).split('\n');
  expect([shown.length, shown.filter((line) => line.startsWith('=> ') && line.includes(' | ')).length]).toEqual([6, 3]);
  expect(fs.readdirSync(saved('whole', 4)).sort()).toEqual([
    ...['config.json', 'ema.safetensors', 'manifest.json', 'model.safetensors', 'optimizer.safetensors'],
    ...['tokenizer.json', 'tokenizer_config.json', 'training.json'],
  ]);
  const { test: found } = event(whole, 'end') as unknown as { test: Record<string, unknown> };
  expect(found).toMatchObject({ bleu: expect.any(Number), chrf: expect.any(Number), rows: 3 });
  expect(Object.keys(found.baselines as object)).toEqual(['copy', 'wordByWord']);
  const table = fs.readFileSync(place.at('whole/translations.tsv'), 'utf8').trimEnd().split('\n');
  expect([table[0], table.length]).toEqual(['source\treference\twritten', 4]);
  expect(fs.readFileSync(place.at('whole/report.html'), 'utf8')).toContain('<figcaption>BLEU</figcaption>');
});

test('goes on with a model that is there, whose sizes and vocabulary it keeps', async () => {
  const more = ['--steps', '2', '--save-every', '0', '--test-part', '0'];
  const before = await pairs('before', '--tokenizer', 'char', ...more);
  expect(before.code, before.stderr).toBe(0);
  const words = ['finetune', '--task', 'translate', '--model', place.at('before'), '--data', data, ...more];
  const said = await run([...words, '--out', place.at('after'), '--batch-tokens', '64', '--show-mask', '1', ...quiet]);
  expect(said.code, said.stderr).toBe(0);
  const { model, config } = event(said, 'start') as unknown as Record<string, Record<string, unknown>>;
  expect([model!.name, config!.nEmbd, config!.encoderLayers]).toEqual([place.at('before'), 16, 1]);
  expect(event(said, 'end').validation).toMatchObject({ bleu: expect.any(Number), rows: 3 });
  const wider = await run([...words, '--out', place.at('never'), '--width', '32', ...quiet]);
  const retold = await run([...words, '--out', place.at('never'), '--tokenizer', 'byte', ...quiet]);
  expect(retold.errors[0]).toMatch(/^--tokenizer: found beside --model/);
  expect(wider.errors[0]).toMatch(/^--width: found 32, expected 16, which .*before has\. Leave the flag out\./);
});

test('two files, a vocabulary for each side, files to validate on', async () => {
  const files = ['--source', sides.source, '--target', sides.target];
  const held = ['--validation-source', few.source, '--validation-target', few.target];
  const own = ['--vocabulary', 'separate', '--vocab-size', '265', '--norm', 'post', '--positions', 'learned'];
  const said = await run([
    ...asked('sides', ...files, ...held, ...own, '--steps', '2', '--show-mask', '1', '--beams', '1'),
  ]);
  expect(said.code, said.stderr).toBe(0);
  expect(said.stderr).toContain('6 of 6 sources stand among those to train on');
  expect(said.stdout).toMatch(/row 1: \d+ of \d+ tokens/);
  const folder = saved('sides', 2);
  expect(fs.readdirSync(folder)).toEqual(expect.arrayContaining(['source_tokenizer.json', 'tokenizer.json']));
  expect(JSON.parse(fs.readFileSync(`${folder}/config.json`, 'utf8'))).toMatchObject({
    ...{ tie: 'target and output embeddings', norm: 'post', positions: 'learned', vocab_size: 265 },
  });
  expect(said.stdout).toMatch(/^step 2 {2}train [\d.]+ {2}validation [\d.]+, BLEU [\d.]+/m);
  expect(said.stdout).toMatch(/^translate: npm run translate -- --model /m);
  const again = await run(['finetune', '--resume', place.at('sides'), '--steps', '3', ...quiet]);
  expect([again.code, event(again, 'end').step], again.stderr).toEqual([0, 3]);
});

test('summarize tells ROUGE-L, and --find-lr writes nothing', async () => {
  const task = ['finetune', '--task', 'summarize', '--data', data, ...small, '--tokenizer', 'byte'];
  const said = await run([...task, '--out', place.at('short'), '--steps', '1', '--context', '8', '--json']);
  expect(said.code, said.stderr).toBe(0);
  expect(Object.keys(event(said, 'eval').validationMetrics as object)).toEqual(['rougeL', 'exact']);
  expect(event(said, 'end').test).toMatchObject({ rougeL: expect.any(Number) });
  expect(said.stderr).toMatch(/longer than the context of 8/);
  const files = listing(place.folder);
  const found = await run([...task, '--find-lr', ...quiet]);
  expect([found.code, event(found, 'suggestion').reason], found.stderr).toEqual([0, expect.any(String)]);
  expect(listing(place.folder)).toEqual(files);
});

describe('refuses, and writes nothing', () => {
  beforeAll(async () => {
    fs.writeFileSync(place.at('longer.b'), `${fs.readFileSync(sides.target, 'utf8')}\nmore`);
    fs.writeFileSync(place.at('two.tsv'), 'a\tb\nc\td\n');
    const own = [...tiny(['--tokenizer', 'byte', '--steps', '1']), '--data', place.data];
    const { code, stderr } = await run(['pretrain', ...own, '--out', place.at('gpt'), '--quiet']);
    if (code !== 0) throw new Error(stderr);
  });
  const cases: [string, () => string[], RegExp][] = [
    ['no data', () => [], /^--data: found nothing, expected a file of pairs for --task translate/],
    ['one side', () => ['--source', sides.source], /^--source: found without --target, expected both/],
    [
      'unequal files',
      () => ['--source', sides.source, '--target', place.at('longer.b')],
      /found 61 and 60 lines, expected as many in both/,
    ],
    [
      'one side to validate on',
      () => ['--data', data, '--validation-target', sides.target],
      /^--validation-target: found without --validation-source, expected both/,
    ],
    ['too few pairs', () => ['--data', place.at('two.tsv')], /found 2 pairs .*none is left to validate on/],
    [
      'a context that holds none',
      () => ['--data', data, '--tokenizer', 'byte', '--context', '2', '--long-pairs', 'drop'],
      /longer than the context of 2.* Use a longer --context/,
    ],
    ['heads that do not fit', () => ['--data', data, '--heads', '3'], /width 16 is not divisible by 3 heads/],
    ['matrices without end', () => ['--data', data, '--width', '131072'], /found a matrix of 524288 by 131072 numbers/],
    [
      'a table for two vocabularies',
      () => ['--data', data, '--vocabulary', 'separate', '--tie', 'all', '--vocab-size', '262'],
      /^--tie: found all beside a vocabulary for each side/,
    ],
    ['averaged weights of nothing', () => ['--data', data, '--weights', 'ema'], /^--weights: found without --model/],
    [
      'a file to validate on that is not there',
      () => ['--data', data, '--validation-data', place.at('no.tsv')],
      /Check --validation-data\.$/,
    ],
    ['an adapter', () => ['--data', data, '--lora-r', '8'], /^--lora-r: found beside --task translate/],
    ['rows of a batch', () => ['--data', data, '--batch', '8'], /^--batch: found beside --task translate/],
    [
      'two tokenizers for a side',
      () => ['--data', data, '--tokenizer', 'char', '--source-tokenizer', 'byte'],
      /^--tokenizer: found beside --source-tokenizer/,
    ],
    [
      'a share beside files to validate on',
      () => ['--data', data, '--validation-data', data, '--validation-part', '0.1'],
      /^--validation-part: found beside files to validate on/,
    ],
    [
      'a language model',
      () => ['--data', data, '--model', place.at('gpt')],
      /found a model of type "gpt2", expected an encoder-decoder/,
    ],
    [
      'too little memory',
      () => ['--data', data, '--memory-limit', '1.5', '--batch-tokens', '1024', '--tokenizer', 'byte'],
      /^model: training needs .* Use --batch-tokens \d+ --accumulate \d+/,
    ],
  ];
  for (const [name, more, message] of cases)
    test(name, async () => {
      const files = listing(place.folder);
      const said = await run([...asked('never', ...more()), ...quiet]);
      expect([said.code, said.errors[0]]).toEqual([2, expect.stringMatching(message)]);
      expect(listing(place.folder)).toEqual(files);
    });

  test('an encoder-decoder where a language model is asked for', async () => {
    const { code, stderr } = await pairs('there', '--steps', '1', '--vocab-size', '260', '--test-part', '0');
    expect(code, stderr).toBe(0);
    const asks = ['--task', 'language', '--model', place.at('there'), '--data', place.data];
    const said = await run(['finetune', ...asks, '--out', place.at('never'), ...quiet]);
    expect(said.errors[0]).toMatch(
      /found an encoder-decoder, which writes one text from another, expected a language model/,
    );
  });
});
