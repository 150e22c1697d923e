// finetune as people type it: every task trains, is stopped and goes on to the same end, saves what it should, and refuses what it must.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileSource } from '../src/checkpoint/files.ts';
import { parameterHash } from '../src/checkpoint/hash.ts';
import { SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { fakeHome } from './cli_home.ts';
import { run, type Said } from './harness/inside.ts';
import { type Line, listing, scratchFolder, tiny } from './harness/program.ts';
import { text } from './harness/tiny_training.ts';

const place = scratchFolder();
const quiet = ['--json', '--quiet'];
const long = place.at('long.txt');
const files = { rows: place.at('rows.tsv'), asks: place.at('asks.json'), pairs: place.at('pairs.json') };

/** Words of the text that the model knows, so many from a place on. */
const words = text.split(/\s+/).filter(Boolean);
const some = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => words[(from + i) % words.length]!).join(' ');

beforeAll(async () => {
  fs.writeFileSync(long, text.repeat(9));
  const rows = Array.from(
    { length: 60 },
    (_, i) => `${['first', 'second', 'third'][i % 3]}\t${some(7 * i, 3 + (i % 4))}`,
  );
  fs.writeFileSync(files.rows, `${rows.join('\n')}\n`);
  const asks = Array.from({ length: 40 }, (_, i) => ({
    instruction: some(i, 2),
    input: '',
    output: some(3 * i, 2 + (i % 3)),
  }));
  fs.writeFileSync(files.asks, JSON.stringify(asks));
  const pairs = asks.map(({ output, ...ask }, i) => ({ ...ask, chosen: output, rejected: some(5 * i + 2, 3) }));
  fs.writeFileSync(files.pairs, JSON.stringify(pairs));
  // Alpaca's prompt is longer than a tiny context.
  for (const [name, width] of [
    ['base', '16'],
    ['teacher', '32'],
  ] as const) {
    const sizes = ['--context', '256', '--tokenizer', 'byte', '--layers', '2', '--width', width];
    const words = [...tiny(sizes), '--data', long, '--steps', '10', '--eval-every', '0', '--sample-every', '0'];
    const { code, stderr } = await run(['pretrain', ...words, '--out', place.at(name), '--quiet']);
    if (code !== 0) throw new Error(stderr);
  }
});
afterAll(() => place.remove());

const finetune = (task: string, data: string, out: string, ...more: string[]) =>
  run([
    'finetune',
    '--task',
    task,
    '--model',
    place.at('base'),
    '--data',
    data,
    '--out',
    place.at(out),
    ...quiet,
    ...more,
  ]);
const events = ({ lines }: Said, name: string) => lines.filter((line) => line.event === name);
const event = (said: Said, name: string) => events(said, name).at(-1)!;
const saved = (out: string, step: number) => place.at(`${out}/step-${String(step).padStart(6, '0')}`);

/** The same run, stopped by Ctrl-C in its middle. */
async function cut(task: string, data: string, out: string, step: number, ...more: string[]): Promise<Said> {
  const home = fakeHome();
  const { write } = home.stdout;
  home.stdout.write = function (line, done) {
    if (line.includes(`"event":"step","step":${step},`)) home.signals.emit('SIGINT');
    return write.call(this, line, done);
  };
  const own = ['--task', task, '--model', place.at('base'), '--data', data, '--out', place.at(out)];
  return run(['finetune', ...own, ...quiet, ...more], home);
}

describe('a run that is stopped and goes on ends as if it had never stopped', () => {
  const cases: [string, string, string, string[]][] = [
    ['classify', 'classify', files.rows, ['--dropout', '0.1', '--class-weights', 'balanced']],
    [
      'classify through an adapter',
      'classify',
      files.rows,
      ['--lora-r', '2', '--sampling', 'balanced', '--accumulate', '2'],
    ],
    ['instruct, packed', 'instruct', files.asks, ['--packing', '--sample-every', '5', '--ema', '0.9']],
    ['prefer through an adapter with dropout', 'prefer', files.pairs, ['--lora-r', '4', '--lora-dropout', '0.2']],
    ['prefer', 'prefer', files.pairs, ['--learning-rate', '0.001']],
    [
      'language through an adapter',
      'language',
      place.data,
      ['--lora-r', '2', '--lora-targets', 'all-linear', '--context', '32'],
    ],
    ['distill', 'distill', place.data, ['--teacher', place.at('teacher'), '--context', '32']],
  ];
  for (const [i, [name, task, data, more]] of cases.entries()) {
    test(name, async () => {
      const all = ['--steps', '9', '--batch', '2', '--save-every', '4', '--eval-every', '3', ...more];
      const whole = await finetune(task, data, `whole-${i}`, ...all);
      expect(whole.code, whole.stderr).toBe(0);
      const first = await cut(task, data, `cut-${i}`, 5, ...all);
      expect([first.code, event(first, 'save').step as number], first.stderr).toEqual([130, expect.any(Number)]);
      expect(event(first, 'save').step).toBeLessThan(9);
      // Its task, and all else, the run knows by itself.
      const second = await run(['finetune', '--resume', place.at(`cut-${i}`), ...quiet]);
      expect(second.code, second.stderr).toBe(0);
      const plain = ({ test, ...line }: Line) => ({
        ...line,
        ...(test !== undefined && { test: { ...(test as object), answers: '' } }),
      });
      expect(plain(event(second, 'end'))).toEqual(plain(event(whole, 'end')));
      const evaluated = (said: Said) => events(said, 'eval').filter(({ step }) => (step as number) > 5);
      expect(evaluated(second)).toEqual(evaluated(whole));
      // A finished run says its end again.
      const again = await run(['finetune', '--resume', place.at(`cut-${i}`), ...quiet]);
      expect([again.code, again.lines]).toEqual([0, [event(second, 'end')]]);
    });
  }
});

/** Every value of a file of tensors, by name. */
async function tensorsOf(file: string): Promise<{ name: string; data: Float32Array }[]> {
  const source = fileSource(file);
  try {
    const reader = await SafetensorsReader.open(source);
    const all: { name: string; data: Float32Array }[] = [];
    for (const name of reader.tensors.keys()) all.push({ name, data: await reader.readFloat32(name) });
    return all;
  } finally {
    source.close();
  }
}

const namesIn = (folder: string) => fs.readdirSync(folder).sort();
const beside = ['manifest.json', 'optimizer.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'training.json'];

describe('what a run tells and saves', () => {
  test('a classifier: accuracy beside every loss, baselines beside it, and what predict reads', async () => {
    const said = await finetune(
      'classify',
      files.rows,
      'told',
      '--epochs',
      '2',
      '--batch',
      '4',
      '--learning-rate',
      '0.01',
    );
    expect(said.code, said.stderr).toBe(0);
    const { dataset } = event(said, 'start') as unknown as { dataset: Record<string, unknown> };
    expect(dataset).toMatchObject({ trainRows: 42, validationRows: 6, testRows: 12, name: 'rows' });
    expect(dataset.classes).toEqual({ first: 20, second: 20, third: 20 });
    const baselines = dataset.baselines as Record<string, Record<string, number>>;
    for (const part of ['validation', 'test'] as const)
      for (const name of ['majority', 'naiveBayes'] as const) expect(baselines[part]![name]).toBeLessThanOrEqual(1);
    // 42 rows in batches of 4: two epochs are 21 steps, and there is an evaluation after each.
    expect(events(said, 'eval').map(({ step }) => step)).toEqual([11, 21]);
    expect(event(said, 'step').step).toBe(21);
    for (const line of events(said, 'step')) {
      const { accuracy } = line.metrics as Record<string, number>;
      expect(accuracy! * 4).toBeCloseTo(Math.round(accuracy! * 4), 9);
    }
    const end = event(said, 'end') as unknown as Record<'validation' | 'test', Record<string, number>>;
    const { validationLoss, validationMetrics } = event(said, 'eval') as unknown as {
      validationLoss: number;
      validationMetrics: Record<string, number>;
    };
    expect(end.validation.accuracy).toBeCloseTo(validationMetrics.accuracy!, 9);
    expect(end.validation.loss).toBeCloseTo(validationLoss, 5);
    expect(end.test.accuracy! * 12).toBeCloseTo(Math.round(end.test.accuracy! * 12), 9);
    expect(namesIn(saved('told', 21))).toEqual(['config.json', ...beside, 'model.safetensors'].sort());
    const config = JSON.parse(fs.readFileSync(`${saved('told', 21)}/config.json`, 'utf8'));
    expect([config.architectures, config.label2id]).toEqual([
      ['GPT2ForSequenceClassification'],
      { first: 0, second: 1, third: 2 },
    ]);
    expect(fs.readFileSync(place.at('told/report.html'), 'utf8')).toContain('<figcaption>Accuracy</figcaption>');
    fs.writeFileSync(place.at('asked.txt'), `${some(7, 4)}\n`);
    const asked = await run(['predict', '--model', place.at('told'), '--data', place.at('asked.txt'), '--json']);
    expect(asked.code, asked.stderr).toBe(0);
    expect(['first', 'second', 'third']).toContain(asked.lines[0]!.label);
  });

  test('an adapter: saved alone, over a frozen model without moments, both in the hash', async () => {
    const more = ['--lora-r', '4', '--learning-rate', '0.01', '--steps', '3', '--batch', '2'];
    const said = await finetune('prefer', files.pairs, 'adapter', ...more);
    expect(said.code, said.stderr).toBe(0);
    const folder = saved('adapter', 3);
    const own = [
      ...['adapter_config.json', 'adapter_model.safetensors', 'chat_template.jinja', 'generation_config.json'],
      'reference.safetensors',
    ];
    expect(namesIn(folder)).toEqual([...own, ...beside].sort());
    const { base_model_name_or_path, r, task_type } = JSON.parse(
      fs.readFileSync(`${folder}/adapter_config.json`, 'utf8'),
    );
    expect([base_model_name_or_path, r, task_type]).toEqual([saved('base', 10), 4, 'CAUSAL_LM']);
    const { parameters, trainedParameters, memory } = event(said, 'start') as unknown as Record<string, number> & {
      memory: Record<string, number>;
    };
    // c_attn of two layers: A is (4,16), B (48,4).
    expect(trainedParameters).toBe(2 * 4 * (16 + 48));
    expect(memory.parameters).toBeGreaterThanOrEqual(4 * parameters!);
    expect(memory.gradients).toBeLessThan(4 * 2 * trainedParameters!);
    expect(memory.optimizer).toBeLessThan(8 * 2 * trainedParameters!);
    const all = [
      ...(await tensorsOf(`${saved('base', 10)}/model.safetensors`)),
      ...(await tensorsOf(`${folder}/adapter_model.safetensors`)),
    ];
    expect(event(said, 'end').parameterHash).toBe(parameterHash(all));
    expect(all.reduce((n, { data }) => n + data.length, 0)).toBe(parameters);
    // Before its first step the model is its own reference.
    expect(events(said, 'step')[0]!.loss).toBeCloseTo(Math.log(2), 5);
    expect(Object.keys(event(said, 'eval').validationMetrics as object)).toContain('rewardMargin');
    expect(said.stderr).not.toContain('its own reference');
  });

  test('instructions: what is dropped is told before the first step, answers to test rows are kept', async () => {
    const rows = JSON.parse(fs.readFileSync(files.asks, 'utf8')) as Record<string, string>[];
    fs.writeFileSync(place.at('gaps.json'), JSON.stringify([{ ...rows[0], output: '' }, ...rows]));
    const said = await finetune('instruct', place.at('gaps.json'), 'asks', '--steps', '2', '--batch', '2');
    expect(said.code, said.stderr).toBe(0);
    expect(said.stderr).toMatch(/1 answer empty: dropped, .*row 1/);
    const answers = JSON.parse(fs.readFileSync(place.at('asks/answers.json'), 'utf8')) as Record<string, unknown>[];
    expect(answers.map(({ instruction }) => instruction)).toEqual(rows.slice(33, 37).map((row) => row.instruction));
    for (const row of answers) expect(typeof row.model_response).toBe('string');
    expect(event(said, 'end').test).toMatchObject({ rows: 4, loss: expect.any(Number) });
    const samples = events(said, 'sample').map(({ text: sample }) => sample as string);
    for (const sample of samples) expect(sample).toContain('### Response:');
    expect(samples.length).toBeGreaterThan(0);
  });

  test('rows as they are trained on, where that is asked for', async () => {
    const words = ['--task', 'instruct', '--model', place.at('base'), '--data', files.asks, '--out', place.at('shown')];
    const shown = await run(['finetune', ...words, '--steps', '1', '--batch', '2', '--show-mask', '2']);
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stdout).toContain('row 2: ');
    expect(shown.stdout.indexOf('row 2: ')).toBeLessThan(shown.stdout.indexOf('first loss'));
    expect(shown.stdout).not.toContain('row 3: ');
  });

  test('for people: parts, baselines and figures in words', async () => {
    const words = ['--task', 'classify', '--model', place.at('base'), '--data', files.rows, '--out', place.at('words')];
    const said = await run(['finetune', ...words, '--steps', '2', '--batch', '4']);
    expect(said.code, said.stderr).toBe(0);
    expect(said.stderr).toMatch(/rows: 42 to train on \(first \d+, second \d+, third \d+\), 6 to validate, 12 to test/);
    expect(said.stderr).toMatch(
      /validation beside it: always the most frequent class [\d.]+ %, naive Bayes over words [\d.]+ %/,
    );
    expect(said.stdout).toMatch(/^data +rows: 42 rows to learn from, 6 to validate on, 12 to test \(byte\)$/m);
    expect(said.stdout).toMatch(/first loss [\d.]+, guessing among 3 classes is 1\.099/);
    expect(said.stdout).toMatch(/^step 2 {2}train [\d.]+ {2}validation [\d.]+, accuracy [\d.]+/m);
    expect(said.stdout).toMatch(/^class +rows +precision % +recall %/m);
    expect(said.stdout).toMatch(/^test accuracy [\d.]+, loss [\d.]+$/m);
    expect(said.stdout).toMatch(/^ask it: npm run predict/m);
  });

  test('averages begin at the weights, of the model and of what a task adds', async () => {
    const still = [
      '--steps',
      '1',
      '--learning-rate',
      '1e-30',
      '--min-learning-rate',
      '0',
      '--ema',
      '0.5',
      '--batch',
      '2',
    ];
    const said = await finetune('classify', files.rows, 'averages', ...still);
    const { validationLoss, emaValidationLoss } = event(said, 'eval');
    expect([said.code, emaValidationLoss]).toEqual([0, validationLoss]);
  });

  test('is timed and searched for a learning rate as any run', async () => {
    const timed = await finetune('classify', files.rows, 'timed', '--minutes', '1e-7', '--batch', '2');
    const ten = await finetune('classify', files.rows, 'ten', '--steps', '10', '--batch', '2');
    expect([timed.code, event(timed, 'end')]).toEqual([0, event(ten, 'end')]);
    const search = ['finetune', '--task', 'prefer', '--model', place.at('base'), '--data', files.pairs, '--find-lr'];
    const found = await run([...search, '--batch', '2', ...quiet]);
    expect([found.code, event(found, 'suggestion').reason], found.stderr).toEqual([0, expect.any(String)]);
  });
});

test('learns: which class a text is of', async () => {
  const rows = Array.from({ length: 80 }, (_, i) => `${i % 2 ? 'yes' : 'no'}\t${some(i, 2)} ${i % 2 ? 'zzz' : 'qqq'}`);
  fs.writeFileSync(place.at('easy.tsv'), rows.join('\n'));
  const rate = ['--learning-rate', '0.02', '--batch', '8', '--steps', '60'];
  const said = await finetune('classify', place.at('easy.tsv'), 'easy', ...rate);
  const { test: found } = event(said, 'end') as unknown as { test: { accuracy: number } };
  expect([said.code, found.accuracy]).toEqual([0, 1]);
});

describe('refuses, and writes nothing', () => {
  const [model, out] = [place.at('base'), place.at('never')];
  const asked = (task: string, data: string, ...more: string[]) => [
    ...['--task', task, '--model', model, '--data', data, '--out', out],
    ...more,
  ];
  const cases: [string, () => string[], RegExp][] = [
    ['no task', () => ['--model', model], /^--task: found nothing, expected one of language, classify/],
    ['no model', () => ['--task', 'classify'], /^--model: found nothing, expected the model to teach/],
    [
      'no data',
      () => ['--task', 'classify', '--model', model],
      /^--data: found nothing, expected a file of rows for --task classify/,
    ],
    [
      'two lengths',
      () => asked('classify', files.rows, '--steps', '3', '--epochs', '1'),
      /^--epochs: found together with --steps/,
    ],
    [
      'flags of another task',
      () => asked('classify', files.rows, '--packing'),
      /^--packing: found beside --task classify, expected it with --task instruct\./,
    ],
    [
      'flags that mean nothing',
      () => asked('classify', files.rows, '--label-smoothing', '0.1'),
      /^--label-smoothing: found beside --task classify, expected it with --task language or instruct or prefer or /,
    ],
    [
      'settings of no adapter',
      () => asked('classify', files.rows, '--lora-alpha', '8'),
      /^--lora-alpha: found without --lora-r/,
    ],
    [
      'parts beside an adapter',
      () => asked('classify', files.rows, '--lora-r', '2', '--train', 'head'),
      /^--train: found together with --lora-r/,
    ],
    [
      'averages of an adapter',
      () => asked('classify', files.rows, '--lora-r', '2', '--ema', '0.9'),
      /^--ema: found together with --lora-r/,
    ],
    [
      'layers that are not there',
      () => asked('classify', files.rows, '--lora-r', '2', '--lora-targets', 'q_proj'),
      /^--lora-targets: found the target "q_proj", .*c_attn/,
    ],
    [
      'a rank above the smaller side of a layer',
      () => asked('classify', files.rows, '--lora-r', '17'),
      /^--lora-r: found r 17, but transformer\.h\.0\.attn\.c_attn is \(16,48\)/,
    ],
    [
      'commas in place of layers',
      () => asked('classify', files.rows, '--lora-r', '2', '--lora-targets', ' , '),
      /^--lora-targets: found no target, expected names of layers\. Name some: c_attn/,
    ],
    [
      'a model in place of a run folder',
      () => ['--task', 'classify', '--model', model, '--data', files.rows, '--out', saved('base', 10)],
      /step-000010: holds a model \(config\.json\), expected a new folder/,
    ],
    [
      'a run folder in a file',
      () => ['--task', 'classify', '--model', model, '--data', files.rows, '--out', `${files.rows}/run`],
      /rows\.tsv\/run: cannot be used: ENOTDIR/,
    ],
    [
      'a file in place of a run folder',
      () => ['--task', 'classify', '--model', model, '--data', place.at('broken.jsonl'), '--out', files.rows],
      /rows\.tsv: found a file, expected a folder or a new name/,
    ],
    [
      'a folder in place of rows',
      () => asked('classify', place.folder),
      /: found a folder, expected one file of rows\. Name a file in it\.$/,
    ],
    [
      'one text again and again',
      () => asked('classify', place.at('same.tsv')),
      /same\.tsv: found 1 row of different texts, too few for a train part of 70 %\. Add rows\.$/,
    ],
    [
      'a table in place of instructions',
      () => asked('instruct', files.rows),
      /rows\.tsv: line 1: found plain text, expected JSON: a list of objects, or an object a line/,
    ],
    [
      'two files of rows',
      () => asked('classify', files.rows, '--data', files.asks),
      /^--data: found 2 files, expected one for --task classify/,
    ],
    [
      'weights of no class',
      () => asked('classify', files.rows, '--class-weights', 'forth=2'),
      /^--class-weights: found "?forth=2"?, expected none, balanced, or NAME=W of a class: "?first"?/,
    ],
    [
      'parts that leave nothing',
      () => asked('classify', files.rows, '--test-part', '0.95'),
      /^--test-part: found 0\.95 beside a validation part of 0\.1/,
    ],
    [
      'a row of one column',
      () => asked('classify', place.at('short.tsv')),
      /short\.tsv: line 3: found 1 column, expected 2/,
    ],
    [
      'a single class',
      () => asked('classify', place.at('one.tsv')),
      /one\.tsv: found only the label "?ham"? .*nothing to learn/,
    ],
    ['rows that are no JSON', () => asked('instruct', place.at('broken.jsonl')), /broken\.jsonl: line 2/],
    ['pairs without a choice', () => asked('prefer', files.asks), /asks\.json: row 1: found no "?chosen"?/],
    [
      'a context the model has not',
      () => asked('instruct', files.asks, '--context', '4096'),
      /^--context: found 4096, expected at most 256/,
    ],
    [
      'epochs of random windows',
      () => asked('language', place.data, '--context', '16', '--epochs', '1'),
      /^--epochs: found beside random windows/,
    ],
    [
      'a mask of a text',
      () => asked('language', place.data, '--context', '16', '--show-mask', '1'),
      /^--show-mask: found beside a text/,
    ],
    ['no teacher', () => asked('distill', place.data), /^--teacher: found nothing/],
    [
      'a teacher of another tokenizer',
      () => asked('distill', place.data, '--context', '16', '--teacher', place.at('letters')),
      /^--teacher: found a tokenizer of \d+ tokens/,
    ],
    [
      'a run of pretrain',
      () => ['--resume', place.at('base')],
      /^--resume: found a run of pretrain in \S+, expected one of finetune\. Go on with it: pretrain --resume \S+base$/,
    ],
    [
      'an adapter in place of a model',
      () => ['--task', 'prefer', '--model', place.at('adapter'), '--data', files.pairs, '--out', out],
      /^--model: found the adapter \S+, expected a whole model\. Put it into its base: convert /,
    ],
    [
      'too little memory',
      () => asked('classify', files.rows, '--memory-limit', '1'),
      /^model: training needs .*--memory-limit allows/,
    ],
  ];
  beforeAll(async () => {
    fs.writeFileSync(place.at('short.tsv'), 'ham\tone\nspam\ttwo\nalone\n');
    fs.writeFileSync(place.at('same.tsv'), `label\ttext\n${'ham\tone\nspam\tone\n'.repeat(20)}`);
    fs.writeFileSync(place.at('one.tsv'), 'ham\tone\nham\ttwo\nham\tthree\n');
    fs.writeFileSync(place.at('broken.jsonl'), '{"instruction":"x","output":"y"}\n{"instruction":"x"\n');
    const words = [...tiny(['--tokenizer', 'char']), '--data', place.data, '--steps', '1', '--sample-every', '0'];
    await run(['pretrain', ...words, '--out', place.at('letters'), '--quiet']);
  });
  for (const [name, words, sentence] of cases)
    test(name, async () => {
      const before = listing(place.folder);
      const said = await run(['finetune', ...words(), ...quiet]);
      expect([said.code, said.errors[0]]).toEqual([2, expect.stringMatching(sentence)]);
      expect([said.lines, listing(place.folder)]).toEqual([[], before]);
    });
});

describe('a run goes on only as it began', () => {
  const go = (out: string, ...more: string[]) =>
    run(['finetune', '--resume', place.at(out), '--steps', '4', ...quiet, ...more]);

  test('with its data, its task and its flags', async () => {
    fs.copyFileSync(files.rows, place.at('moved.tsv'));
    const begun = await finetune('classify', place.at('moved.tsv'), 'begun', '--steps', '2', '--batch', '2');
    expect(begun.code, begun.stderr).toBe(0);
    fs.appendFileSync(place.at('moved.tsv'), 'first\tsome more words\n');
    const changed = await go('begun');
    expect([changed.code, changed.errors[0]]).toEqual([
      2,
      expect.stringMatching(/dataHash: found .*Resume with the data/),
    ]);
    const task = await go('begun', '--task', 'prefer');
    expect([task.code, task.errors[0]]).toEqual([2, expect.stringMatching(/^--task: found prefer, expected classify/)]);
    const pooling = await go('begun', '--pooling', 'mean');
    expect(pooling.errors[0]).toMatch(/^--pooling: found mean, expected last-token, with which/);
    const wrong = await run(['pretrain', '--resume', place.at('begun'), ...quiet]);
    expect([wrong.code, wrong.errors[0]]).toEqual([
      2,
      expect.stringMatching(/found a run of finetune .*finetune --resume \S+begun$/),
    ]);
    // The same rows elsewhere are the same data.
    const found = await go('begun', '--data', files.rows);
    expect([found.code, event(found, 'end').step], found.stderr).toEqual([0, 4]);
  });

  test('with the model that its adapter is for', async () => {
    fs.cpSync(saved('base', 10), place.at('copy'), { recursive: true });
    const words = ['--task', 'classify', '--model', place.at('copy'), '--data', files.rows, '--out', place.at('over')];
    const begun = await run(['finetune', ...words, '--lora-r', '2', '--steps', '2', '--batch', '2', ...quiet]);
    expect(begun.code, begun.stderr).toBe(0);
    const weights = fs.readFileSync(place.at('copy/model.safetensors'));
    const other = Uint8Array.from(weights);
    other[other.length - 3]! ^= 1;
    fs.rmSync(place.at('copy/manifest.json'));
    fs.writeFileSync(place.at('copy/model.safetensors'), other);
    const changed = await go('over');
    expect([changed.code, changed.errors[0]]).toEqual([
      2,
      expect.stringMatching(/copy: found weights with SHA-256 \w{12}, expected \w{12}, over which/),
    ]);
    fs.writeFileSync(place.at('asked.txt'), 'a text\n');
    const asked = () => run(['predict', '--model', place.at('over'), '--data', place.at('asked.txt')]);
    const warning = /over\/step-\d+: trained over weights with SHA-256 \w{12}, and those in \S+copy have \w{12}/;
    expect((await asked()).stderr).toMatch(warning);
    fs.writeFileSync(place.at('copy/model.safetensors'), weights);
    expect((await asked()).stderr).not.toContain('trained over weights');
    const again = await go('over');
    expect([again.code, event(again, 'end').step], again.stderr).toEqual([0, 4]);
  });
});

test('Ctrl-C behind the last step saves; what was not measured then is measured when the run goes on', async () => {
  const words = ['--steps', '2', '--batch', '2', '--sample-every', '0'];
  const whole = await finetune('instruct', files.asks, 'measured', ...words);
  const first = await cut('instruct', files.asks, 'unmeasured', 2, ...words);
  expect([first.code, event(first, 'save').step, events(first, 'end')]).toEqual([130, 2, []]);
  expect(fs.existsSync(place.at('unmeasured/answers.json'))).toBe(false);
  const second = await run(['finetune', '--resume', place.at('unmeasured'), ...quiet]);
  const figures = ({ test: _, ...line }: Line) => line;
  expect(figures(event(second, 'end')), second.stderr).toEqual(figures(event(whole, 'end')));
  const answers = (out: string) => fs.readFileSync(place.at(`${out}/answers.json`), 'utf8');
  expect(answers('unmeasured')).toBe(answers('measured'));
});

test('Ctrl-C while the reference is made leaves nothing', async () => {
  const home = fakeHome();
  const { write } = home.stderr;
  home.stderr.write = function (line, done) {
    if (line.includes('reference of answer')) home.signals.emit('SIGINT');
    return write.call(this, line, done);
  };
  const words = ['--task', 'prefer', '--model', place.at('base'), '--data', files.pairs, '--out', place.at('early')];
  const said = await run(['finetune', ...words, '--batch', '2', '--json'], home);
  expect([said.code, fs.existsSync(place.at('early'))]).toEqual([130, false]);
});
