// A lesson from a text in memory is the run that `finetune` makes of a file with that text: the same settings, batches, baselines and
// sentences, for every task that the page teaches.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Batch } from '../src/autograd/machine.ts';
import type { FileContent } from '../src/checkpoint/manifest.ts';
import { collectBytes } from '../src/checkpoint/safetensors.ts';
import { newSettings, typedFor } from '../src/cli/finetune/settings.ts';
import { TASKS } from '../src/cli/finetune/tasks.ts';
import { readTokenizer } from '../src/cli/folders.ts';
import { Output } from '../src/cli/output.ts';
import { StopSignal } from '../src/cli/stop.ts';
import { ByteTokenizer } from '../src/data/byte.ts';
import { trainPairTokenizer } from '../src/data/pairs/pair_tokenizer.ts';
import type { Tokenizer } from '../src/data/tokenizer.ts';
import { type Lesson, type LessonTask, openLesson } from '../src/finetune/lesson.ts';
import { type FinetuneSettings, settled } from '../src/finetune/settings.ts';
import { gpt2Config } from '../src/nn/gpt2.ts';
import { Twin } from '../src/reference/twin.ts';
import type { Device } from '../src/runtime/device.ts';
import { weightsInMemory } from '../src/train/saved_weights.ts';
import { hashOf } from '../src/train/snapshot.ts';
import { scratchFolder } from './harness/program.ts';
import { text as story } from './harness/tiny_training.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const words = story.split(/\s+/).filter(Boolean);
const some = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => words[(from + i) % words.length]!).join(' ');
const asks = Array.from({ length: 40 }, (_, i) => ({ instruction: some(i, 2), output: some(3 * i, 2 + (i % 3)) }));
const table = Array.from({ length: 60 }, (_, i) => `${['first', 'second'][i % 2]}\t${some(7 * i, 3 + (i % 4))}`);
const jsonl = (rows: readonly object[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
const pairs = asks.map(({ output, ...ask }, i) => ({ ...ask, chosen: output, rejected: some(5 * i + 2, 3) }));

const DATA: Record<LessonTask, { name: string; text: string }> = {
  language: { name: 'story.txt', text: story.repeat(9) },
  classify: { name: 'rows.tsv', text: `label\ttext\n${table.join('\n')}\n` },
  instruct: { name: 'asks.json', text: JSON.stringify(asks) },
  prefer: { name: 'pairs.jsonl', text: jsonl(pairs) },
};

interface Model {
  tokenizer: Tokenizer;
  /** Where it lies, as the command line finds it. */
  dir: string;
}
const models = {} as Record<'byte' | 'chat', Model>;

beforeAll(async () => {
  const bpe = trainPairTokenizer([story], 400, ['<|im_start|>', '<|im_end|>']);
  for (const [name, files] of [
    ['byte', new ByteTokenizer().files()],
    ['chat', new Map([...bpe.files(), ['chat_template.jinja', CHATML]])],
  ] as const) {
    const dir = place.at(name);
    fs.mkdirSync(dir);
    for (const [file, text] of files) fs.writeFileSync(`${dir}/${file}`, text);
    models[name] = { tokenizer: await readTokenizer(dir), dir };
  }
});

const configFor = ({ vocabSize }: Tokenizer) =>
  gpt2Config({ vocabSize, blockSize: 256, nEmbd: 16, nLayer: 1, nHead: 2, initializerRange: 0.1 });

interface Asked {
  task: LessonTask;
  /** A file that was written. */
  file: string;
  settings?: Partial<FinetuneSettings>;
  epochs?: number;
  model?: 'byte' | 'chat';
}

/** What the command line makes of a file before it opens a device. */
async function opened({ task: name, file, settings: typed = {}, epochs, model: which = 'byte' }: Asked) {
  const { tokenizer, dir } = models[which];
  const config = configFor(tokenizer);
  const said: string[] = [];
  class Told extends Output {
    override note(line: string): void {
      said.push(`note: ${line}`);
    }
    override warn(line: string): void {
      said.push(`warn: ${line}`);
    }
  }
  const nobody = { write: () => true, on: () => nobody };
  const task = TASKS.find((each) => each.name === name)!;
  const given = new Set(Object.keys(typed));
  const beginning = { name: 'base', weights: 'trained', config, tokenizer, tokenizerDir: dir, start: null } as const;
  const flags = { ...typed, data: [file] } as never;
  const chosen = typedFor(task, flags, given, TASKS);
  const asked = newSettings(task, chosen, beginning, flags);
  const out = new Told({ stdout: nobody as never, stderr: nobody as never });
  const context = { out, signal: new StopSignal(), given, env: {} };
  const request = { context, flags, settings: asked, beginning, config, tokenizer, tokenizerDir: dir };
  const found = await task.open({ ...request, seed: 7, resumed: null });
  return { settings: settled(asked, chosen, task, found, epochs), opened: found, said };
}

/** The same of its text in memory. */
async function lesson({ task, file, settings = {}, epochs, model = 'byte' }: Asked) {
  const { tokenizer } = models[model];
  const bytes = fs.readFileSync(file);
  const said: string[] = [];
  const made = await openLesson({
    task,
    data: { name: file, text: bytes.toString(), hash: createHash('sha256').update(bytes).digest('hex') },
    ...{ config: configFor(tokenizer), modelName: 'base', tokenizer, settings, epochs, seed: 7 },
    tell: {
      note: (line) => said.push(`note: ${line}`),
      figures: (line) => said.push(`note: ${line}`),
      warn: (line) => said.push(`warn: ${line}`),
    },
    stop: () => false,
  });
  return { ...made, said };
}

function written(name: string, text: string): string {
  fs.writeFileSync(place.at(name), text);
  return place.at(name);
}

function hashOfBatches(batches: readonly Batch[]): string {
  const hash = createHash('sha256');
  for (const batch of batches)
    for (const [name, { shape, data }] of Object.entries(batch))
      hash.update(`${name} ${shape} `).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/** All of a run's data that can be compared. */
function looked({ opened: task, settings }: { opened: Pick<Lesson['opened'], 'data'>; settings: FinetuneSettings }) {
  const data = task.data(settings, 7);
  const first = [data.next(), data.next(), data.next()].flat();
  return {
    ...{ first: hashOfBatches(first), validation: hashOfBatches([...data.validationBatches()]) },
    ...{ train: hashOfBatches([...data.trainBatches()]), references: data.references(), hash: data.hash },
    ...{ dataset: data.dataset, unit: data.unit, tokens: data.tokensPerStep, cursor: data.sampler.state() },
  };
}

describe('is what the command line makes of a file with the same text', () => {
  const cases: [string, Omit<Asked, 'file'>][] = [
    ['language', { task: 'language', settings: { context: 32, steps: 20 } }],
    [
      'language, strided, by subwords',
      { task: 'language', settings: { windows: 'strided', context: 24 }, model: 'chat', epochs: 2 },
    ],
    ['classify', { task: 'classify' }],
    [
      'classify, balanced',
      { task: 'classify', settings: { sampling: 'balanced', classWeights: 'first=2', testPart: 0 }, epochs: 3 },
    ],
    ['instruct', { task: 'instruct', settings: { loraR: 2, context: 96, packing: true }, model: 'chat' }],
    [
      "instruct, in Alpaca's prompt",
      { task: 'instruct', settings: { promptFormat: 'alpaca', steps: 7 }, model: 'chat' },
    ],
    ['prefer', { task: 'prefer', settings: { dpoBeta: 0.3 }, model: 'chat' }],
    ['prefer through an adapter', { task: 'prefer', settings: { loraR: 2 }, model: 'chat', epochs: 2 }],
  ];
  test.each(cases)('%s', async (_, asked) => {
    const { name, text } = DATA[asked.task];
    const file = written(name, text);
    const [ours, theirs] = [await lesson({ ...asked, file }), await opened({ ...asked, file })];
    expect(ours.settings).toEqual(theirs.settings);
    expect(looked(ours)).toEqual(looked(theirs));
    expect(ours.said).toEqual(theirs.said);
    const { name: called, epochRows, remembered } = ours.opened;
    expect({ called, epochRows }).toEqual({ called: theirs.opened.name, epochRows: theirs.opened.epochRows });
    expect(remembered).toEqual(theirs.opened.remembered);
    theirs.opened.close?.();
  });

  test('another text is another run', async () => {
    const file = written('rows.tsv', DATA.classify.text);
    const other = written('others.tsv', DATA.classify.text.replaceAll(' ', '  '));
    const [ours, theirs] = [await lesson({ task: 'classify', file: other }), await opened({ task: 'classify', file })];
    expect(looked(ours).first).not.toBe(looked(theirs).first);
  });
});

describe('says before the first step', () => {
  test('how many rows of which class there are, and what needs no network', async () => {
    const found = await lesson({ task: 'classify', file: written('rows.tsv', DATA.classify.text) });
    const { rows, classes, baselines, counts, settings } = found;
    expect(classes.map(({ name }) => name)).toEqual(['first', 'second']);
    expect(classes.reduce((sum, each) => sum + each.rows, 0)).toBe(rows.train + rows.validation + rows.test);
    expect(settings.steps).toBe(Math.ceil((5 * rows.train) / 8));
    expect(counts.trained).toBe(rows.train);
    expect(counts.tokens).toBeGreaterThan(3 * rows.train);
    expect(baselines.map(({ name, unit }) => [name, unit])).toEqual([
      ['the most frequent class', 'accuracy'],
      ['naive Bayes', 'accuracy'],
    ]);
    expect(found.dataset.baselines).toMatchObject({ validation: { majority: baselines[0]!.value } });
  });

  test('how many tokens have a loss', async () => {
    const {
      counts,
      opened: task,
      baselines,
    } = await lesson({
      ...{ task: 'instruct', file: written('asks.json', DATA.instruct.text), model: 'chat' },
    });
    const shown = Array.from({ length: task.shown!.length }, (_, i) => task.shown!.shown(i));
    expect(counts.trained).toBe(shown.reduce((sum, { trained }) => sum + trained.filter(Boolean).length, 0));
    expect(baselines).toEqual([
      { name: expect.stringMatching(/^guessing among /), value: expect.any(Number), unit: 'nats' },
    ]);
    const { baselines: none } = await lesson({
      task: 'prefer',
      file: written('p.jsonl', DATA.prefer.text),
      model: 'chat',
    });
    expect(none).toEqual([{ name: 'no preference', value: Math.log(2), unit: 'nats' }]);
  });
});

describe('refuses with the sentence of the command line', () => {
  const same = (i: number) => ({ instruction: `a${i}`, chosen: 'b', rejected: 'b' });
  const cases: [string, Omit<Asked, 'file'>, string, string][] = [
    ['an empty text', { task: 'language' }, 'e.txt', ''],
    ['binary data', { task: 'language' }, 'b.txt', 'a\0b'],
    ['a short text', { task: 'language', settings: { context: 64 } }, 's.txt', 'only a few words are here'],
    ['a single class', { task: 'classify' }, 'one.csv', 'label,text\nham,a\nham,b\n'],
    [
      'a column that is not there',
      { task: 'classify', settings: { labelColumn: 'kind' } },
      'c.tsv',
      'label\ttext\na\tb\nc\td\n',
    ],
    ['a row of another length', { task: 'classify' }, 'l.tsv', 'label\ttext\na\tb\nc\n'],
    ['a JSON list as a table', { task: 'classify' }, 'l.json', '[{"label":"a","text":"b"}]'],
    ['a picture', { task: 'classify' }, 'p.tsv', 'GIF89a'],
    [
      'too few rows',
      { task: 'classify' },
      'f.jsonl',
      jsonl([
        { label: 'a', text: 'x' },
        { label: 1, text: 'y' },
      ]),
    ],
    ['a class weight', { task: 'classify', settings: { classWeights: 'third=2' } }, 'w.tsv', DATA.classify.text],
    ['faulty JSON', { task: 'instruct' }, 'j.jsonl', '{"instruction": "a", "output": "b"}\n{"instruction": }\n'],
    ['faulty JSON in a list', { task: 'instruct' }, 'j.json', '[\n  {"instruction": "a", "output": }\n]'],
    ['one object over several lines', { task: 'instruct' }, 'o.json', '{\n  "instruction": "a"\n}'],
    ['misspelt keys', { task: 'instruct' }, 'k.json', '[{"instrution": "a", "output": "b"}]'],
    ['plain text', { task: 'instruct' }, 't.json', 'What is this?'],
    ['no rows', { task: 'instruct' }, 'n.json', '[]'],
    ['parts that leave nothing', { task: 'instruct', settings: { testPart: 0.97 } }, 'r.json', DATA.instruct.text],
    [
      'a template that is not there',
      { task: 'instruct', settings: { promptFormat: 'template' } },
      'm.json',
      DATA.instruct.text,
    ],
    ['equal answers', { task: 'prefer' }, 'q.jsonl', jsonl([1, 2, 3].map(same))],
    ['a missing answer', { task: 'prefer' }, 'a.jsonl', jsonl([{ instruction: 'a', chosen: 'b' }])],
    ['prompts longer than the context', { task: 'prefer', settings: { context: 8 } }, 'x.jsonl', DATA.prefer.text],
    ['a context that the model has not', { task: 'prefer', settings: { context: 257 } }, 'y.jsonl', DATA.prefer.text],
    [
      'epochs of random windows',
      { task: 'language', epochs: 2, settings: { context: 8 } },
      'z.txt',
      DATA.language.text,
    ],
    [
      'settings of an adapter without one',
      { task: 'classify', settings: { loraAlpha: 3 } },
      'v.tsv',
      DATA.classify.text,
    ],
    [
      'a warm-up longer than the run',
      { task: 'classify', settings: { steps: 3, warmupSteps: 4 } },
      'u.tsv',
      DATA.classify.text,
    ],
  ];
  test.each(cases)('%s', async (_, asked, name, text) => {
    const file = written(name, text);
    const sentence = async (made: Promise<unknown>) =>
      made.then(
        () => 'nothing was refused',
        (error: Error) => `${error.name}: ${error.message}`,
      );
    const ours = await sentence(lesson({ ...asked, file }));
    expect(ours).toMatch(/^InputError: .+: ./s);
    expect(ours).toBe(await sentence(opened({ ...asked, file })));
  });
});

async function collected(files: ReadonlyMap<string, FileContent>): Promise<Map<string, Uint8Array>> {
  const bytes = new Map<string, Uint8Array>();
  for (const [file, content] of files)
    bytes.set(file, content instanceof Uint8Array ? content : await collectBytes(content));
  return bytes;
}

describe('a checkpoint in memory', () => {
  const cases: [string, Omit<Asked, 'file'>][] = [
    ['of a whole model', { task: 'classify', settings: { ema: 0.9 } }],
    ['of an adapter and a class layer', { task: 'classify', settings: { loraR: 2 } }],
    ['of preferences, with its reference', { task: 'prefer', settings: { loraR: 2, context: 64 }, model: 'chat' }],
  ];
  test.each(cases)('%s is read back', async (_, asked) => {
    const { name, text } = DATA[asked.task];
    const file = written(name, text);
    const run = async (seed: number) => {
      const { opened: task, settings } = await lesson({ ...asked, file });
      const twin = new Twin() as unknown as Device;
      const made = task.make(twin, settings, seed);
      // The base comes from files: here from nowhere, alike for both.
      for (const p of made.base.parameters)
        twin.write(p, new Float32Array(p.shape.reduce((a, b) => a * b, 1)).fill(0.01));
      return { twin, task, made, kept: task.kept(made, { name: 'base', load: async () => {} }) };
    };
    const first = await run(1);
    await first.task.begin?.(first.made);
    const bytes = await collected(await first.kept.files());
    const second = await run(2);
    const saved = weightsInMemory(bytes, 'step-000001');
    await second.kept.load(saved);
    await second.task.goOn?.(second.made, saved);
    const hashes = await Promise.all([first, second].map(({ twin, made }) => hashOf(twin, made.trainer.model)));
    expect(hashes[1]).toBe(hashes[0]);
    expect(await collected(await second.kept.files())).toEqual(bytes);
    await expect(second.kept.load(weightsInMemory(new Map(), 'step-000002'))).rejects.toThrow(
      /^step-000002: found no (adapter_)?model\.safetensors, expected it in this checkpoint\./,
    );
  });
});
