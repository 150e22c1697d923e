// Chapters that teach a model which is there, from the commands of the page to what the command line loads: each on a few rows, in seconds.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Lesson, LessonSettings, ShelfId, Teaching } from '../demo/protocol/lessons.ts';
import type { RunFile } from '../demo/protocol.ts';
import type { BaseCellar } from '../demo/worker/base_cellar.ts';
import { openBase } from '../demo/worker/base_model.ts';
import { LessonRun } from '../demo/worker/lesson_run.ts';
import type { LessonSpec } from '../demo/worker/lesson_spec.ts';
import { modelFiles } from '../demo/worker/model_files.ts';
import { ShelfWriter } from '../demo/worker/shelf_writer.ts';
import { openDevice, readZip, Twin } from '../src/index.ts';
import { run as command } from './harness/inside.ts';
import { llamaJson, writeModelFolder } from './harness/model_files.ts';
import { PageVisit, standIn } from './harness/page_visit.ts';
import { adapter, scratchFolder } from './harness/program.ts';
import { testWith } from './harness/shared.ts';
import { text as tale } from './harness/tiny_training.ts';

const place = scratchFolder();
const book = tale.repeat(4);
const words = ['spleen', 'mouth', 'soul', 'sea', 'november', 'funeral', 'time', 'way', 'circulation', 'regulating'];
const tsv = (count: number) => {
  const rows = Array.from({ length: count }, (_, i) => {
    const [one, other] = [words[i % 10]!, words[(i + 1 + Math.floor(i / 10)) % 10]!];
    return i % 2 === 0 ? `a ${one} in the ${other}\tgrim` : `of every ${one} i meet ${other}\tmet`;
  });
  return `text\tlabel\n${rows.join('\n')}\n`;
};
const jsonl = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n');
const instructions = jsonl(
  Array.from({ length: 40 }, (_, i) => ({
    instruction: `find ${words[i % 10]}`,
    input: '',
    output: words[(i + 1) % 10],
  })),
);
const pairs = jsonl(
  Array.from({ length: 20 }, (_, i) => ({
    instruction: `find ${words[i % 10]} ${i % 3}`.replace(/\d/g, 'a'),
    input: '',
    chosen: words[(i + 1) % 10],
    rejected: `every ${words[(i + 2) % 10]}`,
  })),
);
const bytes = (text: string) => new TextEncoder().encode(text);
const FIRST = '?layers=1&heads=2&width=16&context=32&batch=2&steps=6&seed=3&warmup=1';

let undo: () => void;
let visit: PageVisit;

beforeEach(() => {
  undo = standIn(
    new Map([
      ['moby-dick.txt', book],
      ['data/classify.tsv', tsv(60)],
      ['data/instruct.jsonl', instructions],
      ['data/prefer.jsonl', pairs],
    ]),
  );
  visit = new PageVisit();
});
afterEach(() => undo());
afterAll(() => place.remove());

/** The first chapter's run, at its end. */
async function pretrained(search = FIRST): Promise<void> {
  visit.send({ type: 'open', search, hidden: false });
  await visit.said('state', 0, ({ state }) => state === 'done');
}

const lesson = (chapter: Teaching, settings: Partial<LessonSettings> = {}, base: ShelfId = 'trained'): Lesson => ({
  ...{ chapter, base, data: { builtin: true } },
  settings: { steps: 12, batch: 4, context: 32, seed: 5, ...settings },
});

/** Teaches it to its end. @returns what was told of it */
async function taught(asked: Lesson) {
  const from = visit.news.length;
  visit.send({ type: 'teach', lesson: asked });
  const ready = await visit.said('ready', from);
  await visit.said('state', from, ({ state }) => state === 'done');
  const events = visit.events(from);
  const end = events.find((event) => event.event === 'end')!;
  const evals = events.flatMap((event) => (event.event === 'eval' ? [event] : []));
  const steps = events.flatMap((event) => (event.event === 'step' ? [event] : []));
  return { ready, events, steps, evals, end };
}

/** What is exported, as a folder on disk. */
async function exported(what: 'run' | 'model' | 'adapter'): Promise<string> {
  const { name, bytes: zip } = await visit.ask({ type: 'export', what }, 'exported');
  const files = await readZip(name, zip);
  for (const file of files) {
    const to = path.join(place.folder, file.path);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.writeFileSync(to, file.bytes);
  }
  return path.join(place.folder, files[0]!.path.split('/')[0]!);
}

describe('a chapter', () => {
  test('classify: the loss falls, accuracy is told, a text has a class, and predict loads what is exported', async () => {
    await pretrained();
    const { prepared } = await visit.ask({ type: 'prepare', id: 1, lesson: lesson('classify') }, 'prepared');
    expect(prepared).toMatchObject({ data: 'classify.tsv', settings: { steps: 12, batch: 4, loraR: 0, seed: 5 } });
    expect(prepared!.classes.map(({ name }) => name).sort()).toEqual(['grim', 'met']);
    expect(prepared!.baselines.map(({ name }) => name)).toContain('naive Bayes');
    expect(prepared!.counts.trained).toBeGreaterThan(0);
    expect(prepared!.shown[0]!.tokens.map(({ text }) => text).join('')).toMatch(/^(a|of every) /);
    expect(prepared!.trainedParameters).toBe(prepared!.parameters);
    const { ready, evals, steps, end } = await taught(lesson('classify', { steps: 40, learningRate: 1e-2 }));
    expect(ready.lesson).toMatchObject({ unit: 'nats a text', prepared: { data: 'classify.tsv' } });
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
    expect(evals.at(-1)!.validationMetrics!.accuracy).toBeGreaterThan(0.5);
    expect(end).toMatchObject({ test: { accuracy: expect.any(Number) } });
    const question = { kind: 'classified', text: 'a soul in the sea' } as const;
    const { answer } = await visit.ask({ type: 'ask', id: 9, step: null, question }, 'answered');
    const { classes } = answer as { classes: { name: string; probability: number }[] };
    expect(classes[0]!.name).toBe('grim');
    expect(classes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
    const folder = await exported('model');
    const texts = path.join(place.folder, 'texts.txt');
    fs.writeFileSync(texts, `${question.text}\n`);
    const { code, stderr, lines } = await command(['predict', '--model', folder, '--data', texts, '--json']);
    expect(code, stderr).toBe(0);
    expect(lines[0]).toMatchObject({
      label: 'grim',
      probabilities: { grim: expect.closeTo(classes[0]!.probability, 4) },
    });
  });

  test('instruct: answers are learned in the plain form, both models answer at once, and generate loads what is exported', async () => {
    await pretrained();
    const { prepared } = await visit.ask({ type: 'prepare', id: 1, lesson: lesson('instruct') }, 'prepared');
    const row = prepared!.shown[0]!.tokens;
    const said = (role: string) => row.flatMap((token) => (token.role === role ? [token.text] : [])).join('');
    expect([said('prompt'), said('answer')]).toEqual([`find ${words[0]}\n`, `${words[1]}\n`]);
    const { steps, evals } = await taught(lesson('instruct', { steps: 30, learningRate: 1e-2 }));
    expect(steps.at(-1)!.loss).toBeLessThan(0.8 * steps[0]!.loss);
    expect(evals.at(-1)!.validationLoss).toBeGreaterThan(0);
    const from = visit.news.length;
    const asked = { type: 'generate', prompt: '', temperature: 0, topK: 0, maxNewTokens: 8 } as const;
    const messages = [{ role: 'user', content: 'find sea' }] as const;
    visit.send({ ...asked, id: 1, side: 'base', messages });
    visit.send({ ...asked, id: 2, side: 'tuned', messages });
    for (const id of [1, 2]) {
      const { error, cancelled } = await visit.said('generated', from, (each) => each.id === id);
      expect([error, cancelled]).toEqual([null, false]);
    }
    const order = visit.news.slice(from).flatMap((each) => (each.type === 'token' ? [each.id] : []));
    expect(order.indexOf(2)).toBeLessThan(order.lastIndexOf(1));
    const folder = await exported('model');
    expect(fs.readdirSync(folder)).toContain('chat_template.jinja');
    const words2 = ['generate', '--model', folder, '--prompt', 'find sea', '--max-new-tokens', '4'];
    const { code, stderr } = await command(words2);
    expect(code, stderr).toBe(0);
  });

  test('lora: the base stays as it is, and run, model and adapter are what the command line loads', async () => {
    await pretrained();
    const { ready, steps } = await taught(lesson('lora', { steps: 20, loraR: 2, learningRate: 2e-2 }));
    const { prepared } = ready.lesson!;
    expect(prepared.trainedParameters).toBeLessThan(prepared.parameters / 2);
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
    const run = await exported('run');
    const adapter = await exported('adapter');
    const model = await exported('model');
    expect(fs.readdirSync(adapter)).toEqual(
      expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']),
    );
    const asked = ['--prompt', 'find sea', '--max-new-tokens', '6', '--temperature', '0', '--json'];
    const text = async (flags: string[]) => {
      const { code, stderr, lines } = await command(['generate', ...flags, ...asked]);
      expect(code, stderr).toBe(0);
      return (lines.at(-1) as { text?: string }).text;
    };
    const merged = await text(['--model', model]);
    expect(await text(['--model', path.join(run, 'base'), '--adapter-weights', adapter])).toBe(merged);
    // The base goes with the run.
    expect(await text(['--model', run])).toBe(merged);
    const { adapter: kept } = visit.news
      .flatMap((each) => (each.type === 'shelf' ? each.models : []))
      .findLast(({ id }) => id === 'taught')!;
    expect(kept).toBe(true);
  });

  test('dpo: the reference is found first, the first loss is that of no preference, and the margin grows', async () => {
    await pretrained();
    const from = visit.news.length;
    const { ready, steps } = await taught(lesson('dpo', { steps: 16, learningRate: 3e-3 }));
    expect(ready.lesson!.references[0]!.value).toBeCloseTo(Math.log(2), 6);
    expect(steps[0]!.loss).toBeCloseTo(Math.log(2), 3);
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
    expect(steps.at(-1)!.metrics!.rewardMargin).toBeGreaterThan(0);
    const phases = visit.news.slice(from).flatMap((each) => (each.type === 'phase' ? [each.text] : []));
    expect(phases.some((each) => each.includes('reference'))).toBe(true);
  });

  test('load: goes on with a text, and back is the run before, at its save', async () => {
    await pretrained();
    const before = visit.events().find((event) => event.event === 'end')!;
    const own = { name: 'more.txt', text: tale.split('').reverse().join('').repeat(3) };
    const { steps } = await taught({ ...lesson('load', { steps: 15, learningRate: 1e-2 }), data: { own } });
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
    const ready = await visit.ask({ type: 'back' }, 'ready');
    expect(ready).toMatchObject({ resumedAt: 6, totalSteps: 6 });
    expect(ready.lesson).toBe(undefined);
    const from = visit.news.indexOf(ready);
    await visit.said('state', from);
    const model = await exported('run');
    expect(fs.existsSync(path.join(model, 'step-000006'))).toBe(true);
    expect(before.event).toBe('end');
  });
});

describe('a lesson', () => {
  test('goes on from what the one before made, its adapter merged', async () => {
    await pretrained();
    await taught(lesson('lora', { steps: 6, loraR: 2 }));
    const { ready, steps } = await taught(lesson('dpo', { steps: 4 }, 'taught'));
    expect(ready.lesson!.lesson.base).toBe('taught');
    expect(steps[0]!.loss).toBeCloseTo(Math.log(2), 3);
    const { sentence } = await visit.ask({ type: 'export', what: 'adapter' }, 'error');
    expect(sentence).toContain('found a model that is trained whole, expected an adapter');
  });

  test('goes on from what the one before made, which was left for the first chapter', async () => {
    await pretrained();
    await taught(lesson('lora', { steps: 6, loraR: 2 }));
    await visit.ask({ type: 'back' }, 'state', ({ state }) => state === 'done');
    const { error } = await visit.ask({ type: 'prepare', id: 1, lesson: lesson('dpo', {}, 'taught') }, 'prepared');
    expect(error).toBe(null);
    const { steps } = await taught(lesson('dpo', { steps: 4 }, 'taught'));
    expect(steps[0]!.loss).toBeCloseTo(Math.log(2), 3);
  });

  test('that cannot be is refused with a sentence, and the run stays', async () => {
    await pretrained();
    const error = async (asked: Lesson) =>
      (await visit.ask({ type: 'prepare', id: 1, lesson: asked }, 'prepared')).error;
    expect(await error(lesson('classify', { context: 99 }))).toBe(
      'context: found 99, expected at most 32, which the model has. Make it shorter.',
    );
    expect(await error(lesson('dpo', {}, 'loaded'))).toContain('found no model that was loaded');
    const own = { name: 'rows.tsv', text: 'text\tlabel\na soul\tgrim\n' };
    expect(await error({ ...lesson('classify'), data: { own } })).toMatch(/^rows\.tsv: /);
    const { sentence } = await visit.ask({ type: 'teach', lesson: lesson('lora', { loraR: -1 }) }, 'error');
    expect(sentence).toContain('loraR: found -1');
    expect((await visit.ask({ type: 'export' }, 'exported')).name).toBe('moby-6.zip');
  });

  test('of long data says what the run stands still for', async () => {
    await pretrained();
    const reading = async (text: string) => {
      const from = visit.news.length;
      const asked: Lesson = { ...lesson('load'), data: { own: { name: 'long.txt', text } } };
      expect(await visit.ask({ type: 'prepare', id: 1, lesson: asked }, 'prepared')).toMatchObject({ error: null });
      return visit.news.slice(from).flatMap((said) => (said.type === 'phase' ? [said.text] : []));
    };
    const long = tale.repeat(Math.ceil(1e6 / tale.length));
    expect(await reading(tale.repeat(4))).toEqual([]);
    expect(await reading(long)).toEqual([`reading ${long.length.toLocaleString('en')} characters of data`]);
  });

  test('begins, whatever is asked right before it and behind it', async () => {
    await pretrained();
    const asked = lesson('instruct', { steps: 4 });
    for (const base of ['trained', 'taught'] as const) {
      const from = visit.news.length;
      visit.send({ type: 'prepare', id: 1, lesson: asked });
      visit.send({ type: 'teach', lesson: { ...asked, base } });
      visit.send({ type: 'prepare', id: 2, lesson: { ...asked, base: 'taught' } });
      visit.send({ type: 'prepare', id: 3, lesson: asked });
      const ready = await visit.said('ready', from);
      expect(ready.lesson!.lesson.base).toBe(base);
      for (const id of [1, 2, 3])
        expect(await visit.said('prepared', from, (said) => said.id === id)).toMatchObject({ error: null });
      await visit.said('state', from, ({ state }) => state === 'done');
      expect(visit.events(from).filter(({ event }) => event === 'step').length).toBeGreaterThanOrEqual(4);
    }
  });

  test('whose GPU is lost is rebuilt, to the same hash', async () => {
    await pretrained();
    const asked = lesson('lora', { steps: 40, loraR: 2 });
    const { end } = await taught(asked);
    await visit.ask({ type: 'back' }, 'state', ({ state }) => state === 'done' || state === 'paused');
    const from = visit.news.length;
    visit.send({ type: 'teach', lesson: asked });
    await visit.said('event', from, ({ event }) => event.event === 'step' && event.step >= 27);
    visit.send({ type: 'unplug' });
    const lost = await visit.said('lost', from);
    expect(lost.from).toBeGreaterThanOrEqual(25);
    await visit.said('state', visit.news.indexOf(lost), ({ state }) => state === 'done');
    // What a step does not need is compiled when it is needed.
    const kernels = (since: number): number =>
      visit.news
        .slice(since)
        .flatMap((said) => (said.type === 'phase' && said.text === 'compiling kernel' ? [said.total!] : []))[0]!;
    const rebuilding = visit.news.findIndex((said) => said.type === 'phase' && said.text.startsWith('rebuilding'));
    expect(kernels(rebuilding)).toBeLessThan(kernels(0));
    const again = visit.events(from).find((event) => event.event === 'end');
    expect(again).toMatchObject({ parameterHash: end.parameterHash });
  });

  test('needs a GPU', () => {
    const home = { machine: new Twin(), device: null, twin: 'There is no WebGPU here.' };
    expect(() => new LessonRun(home, {} as LessonSpec)).toThrow('There is no WebGPU here. Lessons need a GPU');
  });
});

describe('a lesson that is left in its midst', () => {
  test.each(['classify', 'lora', 'dpo'] as const)(
    '%s: goes on after a reload, to the same hash as unbroken, on the page and on the command line',
    async (chapter) => {
      await pretrained();
      const asked = lesson(chapter, { steps: 9, ...(chapter === 'lora' && { loraR: 2 }) });
      const { end } = await taught(asked);
      await visit.ask(
        { type: 'back' },
        'state',
        ({ state }) => state === 'done' || state === 'waiting' || state === 'paused',
      );
      const from = visit.news.length;
      visit.send({ type: 'teach', lesson: asked });
      await visit.said('event', from, ({ event }) => event.event === 'step' && event.step >= 2);
      await visit.ask({ type: 'pause' }, 'state', ({ state }) => state === 'paused' || state === 'done');
      const folder = await exported('run');
      const { code, stderr, lines } = await command(['finetune', '--resume', folder, '--json']);
      expect(code, stderr).toBe(0);
      expect(lines.find(({ event }) => event === 'end')).toMatchObject({ parameterHash: end.parameterHash });
      // The page is opened anew.
      visit = new PageVisit();
      visit.send({ type: 'open', search: '', hidden: false });
      const ready = await visit.said('ready');
      expect(ready.lesson!.lesson).toMatchObject({ chapter, base: 'trained' });
      await visit.said('state', 0, ({ state }) => state === 'done');
      expect(visit.events().findLast((event) => event.event === 'end')).toMatchObject({
        parameterHash: end.parameterHash,
      });
      expect((await visit.ask({ type: 'back' }, 'ready')).resumedAt).toBe(6);
    },
  );
});

describe('a folder that is dropped', () => {
  const filesOf = (folder: string): RunFile[] =>
    fs.readdirSync(folder).map((name) => ({
      path: `${path.basename(folder)}/${name}`,
      bytes: new Uint8Array(fs.readFileSync(path.join(folder, name))),
    }));
  const characters = (count: number) =>
    JSON.stringify({
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(Array.from({ length: count }, (_, i) => [String.fromCharCode(97 + i), i])),
        merges: [],
      },
    });
  const folderOf = (name: string, others: Record<string, string> = { 'tokenizer.json': characters(48) }) =>
    writeModelFolder(place.at(name), llamaJson, undefined, others);

  const load = (name: string, files: RunFile[]) =>
    visit.ask({ type: 'load', name, files }, 'shelf', ({ models }) => models.some(({ id }) => id === 'loaded'));

  test('stands on the shelf with its sizes, and is taught a text', async () => {
    await pretrained();
    const folder = await folderOf('little-llama');
    const { models } = await load('little-llama', filesOf(folder));
    // The bar tells of the run again, not of the reading.
    expect(visit.news.findLast(({ type }) => type === 'phase' || type === 'state')).toMatchObject({ state: 'done' });
    expect(models.find(({ id }) => id === 'loaded')).toMatchObject({
      name: 'little-llama',
      family: 'llama',
      layers: 2,
      width: 16,
      context: 32,
      vocabSize: 48,
      chats: false,
    });
    const own = { name: 'letters.txt', text: 'abcdefghijklmnopqrstuvwxyz'.repeat(30) };
    const { steps } = await taught({ ...lesson('load', { steps: 8, learningRate: 1e-2 }, 'loaded'), data: { own } });
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
  });

  test('is refused with a sentence: adapters, pickles, no tokenizer, a damaged weight, a tokenizer too large', async () => {
    await pretrained();
    const files = filesOf(await folderOf('sound'));
    const said = async (given: RunFile[]) =>
      (await visit.ask({ type: 'load', name: 'it', files: given }, 'error')).sentence;
    const without = (name: string) => files.filter((file) => !file.path.endsWith(name));
    const file = (name: string, text: string) => ({ path: `sound/${name}`, bytes: bytes(text) });
    expect(await said([file('adapter_config.json', '{}')])).toContain('found an adapter');
    expect(await said([...without('model.safetensors'), file('pytorch_model.bin', 'x')])).toContain('a PyTorch pickle');
    expect(await said(without('tokenizer.json'))).toContain('found no tokenizer.json');
    expect(await said([])).toContain('found no config.json');
    expect(await said([...without('tokenizer.json'), file('tokenizer.json', characters(60))])).toContain('60 tokens');
    const weights = files.find((each) => each.path.endsWith('model.safetensors'))!;
    const damaged = weights.bytes.slice();
    damaged.set([0, 0, 0xc0, 0x7f], damaged.length - 4);
    expect(await said([...without('model.safetensors'), { ...weights, bytes: damaged }])).toContain('NaN');
    expect(visit.news.some((each) => each.type === 'shelf' && each.models.some(({ id }) => id === 'loaded'))).toBe(
      false,
    );
  });

  const stories = path.join(import.meta.dirname, '../../shared/models/stories260K/hf');
  test('is asked beside the run, without a lesson, and after one', async () => {
    await pretrained();
    await load('little-llama', filesOf(await folderOf('asked')));
    const ask = (side: 'loaded' | 'trained' | 'tuned', id: number) =>
      visit.ask(
        { type: 'generate', id, side, prompt: 'abc', temperature: 0, topK: 0, maxNewTokens: 5 },
        'generated',
        (said) => said.id === id,
      );
    const said = await ask('loaded', 1);
    expect(said).toMatchObject({ error: null, cancelled: false });
    expect(said.text).toMatch(/^[^ ]{5}$/);
    expect((await ask('loaded', 2)).text).toBe(said.text);
    // Of the shelf it is the run's own model.
    expect((await ask('trained', 3)).text).toBe((await ask('tuned', 4)).text);
    const messages = [{ role: 'user' as const, content: 'abc' }];
    const asked = { prompt: '', messages, temperature: 0, topK: 0, maxNewTokens: 5 };
    const refused = await visit.ask({ type: 'generate', id: 5, side: 'loaded', ...asked }, 'generated');
    expect(refused.error).toContain('this model has no form for conversations');
    // While a lesson runs, the run before it is asked as it was saved.
    const trained = (await ask('tuned', 6)).text;
    await taught(lesson('instruct', { steps: 4, learningRate: 1e-2 }));
    expect((await ask('trained', 7)).text).toBe(trained);
    expect((await ask('loaded', 8)).text).toBe(said.text);
  });

  test('gives back what it took when nobody asks it any more', async () => {
    const base = await openBase('little-llama', await modelFiles('it', filesOf(await folderOf('released'))));
    const device = await openDevice(adapter === undefined ? {} : { adapter });
    const home = { machine: device, device, twin: null };
    const shelf = new ShelfWriter({ get: async () => base } as unknown as BaseCellar);
    const own = { id: 'trained', writers: {} } as unknown as Parameters<ShelfWriter['of']>[2];
    const before = device.shared.buffers.liveBytes;
    const writer = await shelf.of('loaded', home, own);
    const generator = await writer.generator();
    expect(device.shared.buffers.liveBytes - before).toBeGreaterThanOrEqual(4 * base.parameters);
    expect(await (await shelf.of('loaded', home, own)).generator()).toBe(generator);
    shelf.rest();
    expect(device.shared.buffers.liveBytes).toBe(before);
    device.close();
  });

  testWith(stories, 'of a real model, too', async () => {
    await pretrained();
    const { models } = await load('stories260K', filesOf(stories));
    expect(models.find(({ id }) => id === 'loaded')).toMatchObject({ family: 'llama', width: 64, vocabSize: 512 });
    const own = { name: 'tale.txt', text: tale.repeat(3) };
    const { steps } = await taught({ ...lesson('load', { steps: 3, context: 32 }, 'loaded'), data: { own } });
    expect(steps.at(-1)!.loss).toBeLessThan(6);
  });
});
