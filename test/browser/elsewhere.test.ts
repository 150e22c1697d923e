// The page's run elsewhere: on the CPU twin where there is no WebGPU, in Node to the same bits, and as a folder that the command line
// goes on with.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { RunFile } from '../../demo/protocol.ts';
import { fullSettings } from '../../demo/worker/presets.ts';
import { PageRun } from '../../demo/worker/run.ts';
import { pretrain } from '../../src/cli/pretrain.ts';
import { readText } from '../../src/data/text_reader.ts';
import { mobyDick } from '../../src/data/text_source.ts';
import {
  bytesSource,
  fastKernels,
  loop,
  openDevice,
  parameterHash,
  readZip,
  SafetensorsReader,
  type TableStore,
  textCorpus,
} from '../../src/index.ts';
import { fakeHome, shaderformer } from '../cli_home.ts';
import { changedRun } from '../harness/changed_run.ts';
import { patience, useBrowser, visit } from './visit.ts';

useBrowser();

const folder = mkdtempSync(path.join(os.tmpdir(), 'shaderformer-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** By how much losses of the twin, in float64, may differ from the kernels' in the first 20 steps. */
const BAND = 2e-3;

async function book(): Promise<string> {
  const parts: string[] = [];
  for await (const part of readText(mobyDick(), false)) parts.push(String(part));
  return parts.join('');
}

test('check 12: without WebGPU the CPU twin trains the same model, and says so', async () => {
  const without = `Object.defineProperty(WorkerNavigator.prototype, 'gpu', { get() {} });`;
  const link = '?steps=25&seed=5';
  const twin = await visit(link, { beforeWorker: without });
  await twin.steps(20, 20);
  const chip = twin.tab.locator('[data-twin]');
  expect(await chip.getAttribute('data-twin')).toBe('true');
  expect((await twin.said('adapter')).twin).toContain('WebGPU: this browser does not have it');
  await twin.state('done', 20);
  const gpu = await visit(link);
  await gpu.steps(20);
  const [mine, theirs] = [twin.losses(), gpu.losses()];
  for (let i = 0; i < 20; i++) expect(Math.abs(mine[i]! - theirs[i]!)).toBeLessThan(BAND);
  await twin.close();
  await gpu.close();
});

test('the first 20 losses are those of Node on the same adapter and kernels, to the last bit', async () => {
  const page = await visit('?steps=40&seed=11');
  await page.steps(20);
  const { settings } = await page.said('ready');
  const start = page.news.find((news) => news.type === 'event' && news.event.event === 'start');
  if (start?.type !== 'event' || start.event.event !== 'start') throw new Error('the page told no start');
  const { kernels, kernelsFrom } = start.event;
  await page.close();

  // Nothing was measured in this profile nor is here: both take what comes with the program for this kind of adapter.
  const nothing: TableStore = { placeOf: () => 'nowhere', get: async () => null, set: async () => {} };
  const device = await openDevice({ adapter: 'swiftshader', kernels: fastKernels(nothing) });
  expect(kernelsFrom).toMatch(/^shipped: measured on swiftshader/);
  expect(device.kernelsFrom).toBe(kernelsFrom);
  try {
    const text = { data: 'moby-dick', corpus: textCorpus('moby-dick', await book()), own: null };
    const run = new PageRun(
      { machine: device, device, twin: null },
      { settings: fullSettings(settings), seed: settings.seed, text },
    );
    expect(run.kernels).toEqual(kernels);
    const losses: number[] = [];
    const options = run.loopOptions({ stop: () => losses.length >= 20, drawn: () => {}, save: async () => null });
    for await (const event of loop(run.parts.trainer, options, run.progress))
      if (event.event === 'step') losses.push(event.loss);
    expect(losses.slice(0, 20)).toEqual(page.losses().slice(0, 20));
  } finally {
    device.close();
  }
});

test('an exported run goes on from the command line, and ends at the hash that the page ends at', async () => {
  const page = await visit('?steps=40&seed=13');
  await page.steps(26);
  await page.send({ type: 'export' });
  const { name, bytes } = await page.said('exported');
  await page.state('done');
  const hash = await page.hash();
  const told = page.news.flatMap((news) => (news.type === 'event' ? [news.event] : []));
  const evaluations = told.filter((event) => event.event === 'eval');
  await page.close();

  expect(name).toMatch(/^moby-\d+\.zip$/);
  for (const { path: file, bytes: content } of await readZip(name, Uint8Array.from(bytes))) {
    mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(folder, file), content);
  }
  const run = path.join(folder, name.replace('.zip', ''));
  const words = ['pretrain', '--resume', run, '--adapter', 'swiftshader'];
  const { code, stderr } = await shaderformer(words, [pretrain], fakeHome());
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  const model = readFileSync(path.join(run, 'step-000040/model.safetensors'));
  const reader = await SafetensorsReader.open(bytesSource('model', model));
  const entries = [];
  for (const tensor of reader.tensors.keys()) entries.push({ name: tensor, data: await reader.readFloat32(tensor) });
  expect(parameterHash(entries)).toBe(hash);
  // It evaluates as many batches as the page did: the same ones.
  const log = readFileSync(path.join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  const evaluated = log.map((line) => JSON.parse(line)).filter((event) => event.event === 'eval');
  expect(evaluated).toEqual(evaluations);
  expect(evaluations.map(({ step }) => step)).toEqual([40]);
});

test('an export is imported again, and goes on', async () => {
  const page = await visit('?steps=40&seed=13');
  await page.steps(26);
  await page.tab.getByRole('button', { name: 'Pause' }).click();
  await page.state('paused');
  await page.send({ type: 'export' });
  const { name, bytes } = await page.said('exported');
  await page.send({ type: 'go' });
  await page.state('done');
  const hash = await page.hash();
  await page.close();

  const other = await visit('?run=0&steps=10');
  await other.state('waiting');
  await other.tab.evaluate(
    ([path, values]) => {
      const files = [{ path, bytes: Uint8Array.from(values as number[]) }];
      (globalThis as unknown as { worker: Worker }).worker.postMessage({ type: 'import', files });
    },
    [name, [...bytes]] as const,
  );
  await expect.poll(async () => (await other.said('ready')).resumedAt, { timeout: patience(20) }).toBeGreaterThan(0);
  await other.send({ type: 'go' });
  await other.state('done');
  expect(await other.hash()).toBe(hash);
  await other.close();
});

test('an import that does not fit is refused in a sentence, and the run goes on', async () => {
  const page = await visit('?steps=2000');
  await page.steps(26);
  await page.send({ type: 'export' });
  const { name, bytes } = await page.said('exported');
  const files = (await readZip(name, Uint8Array.from(bytes))) as RunFile[];
  const large = changedRun(files, { width: 131072 });
  await page.tab.evaluate(
    (given) => {
      const files = given.map(({ path, values }) => ({ path, bytes: Uint8Array.from(values) }));
      (globalThis as unknown as { worker: Worker }).worker.postMessage({ type: 'import', files });
    },
    large.map((file) => ({ path: file.path, values: [...file.bytes] })),
  );
  const { sentence } = await page.said('error', 20);
  expect(sentence).toMatch(/^model: training [\d,]+ parameters needs more than [\d.]+ TB/);
  const step = await page.figure('step');
  await page.steps(step + 5);
  expect(await page.run.getAttribute('data-state')).toBe('training');
  expect(page.news.filter((news) => news.type === 'ready').length).toBe(1);
  await page.close();
});

test('the adapter is checked against reference values, and the run goes on', async () => {
  const page = await visit('?steps=2000');
  await page.steps(3);
  await page.send({ type: 'check' });
  const { passed, failed, report } = await page.said('verdict', 90);
  expect(failed, report).toBe(0);
  expect(passed).toBeGreaterThan(20);
  const checked = page.news.flatMap((news) => (news.type === 'checked' ? [news] : []));
  expect(checked.at(-1)).toMatchObject({ done: checked.length, total: checked.length });
  expect(checked.some(({ case: { name, ok } }) => name === 'trace gpt2' && ok)).toBe(true);
  expect(checked.at(-1)!.case).toMatchObject({ name: 'loss and gradients of this model', ok: true });
  expect(report).toContain('swiftshader');
  const step = await page.figure('step');
  await page.steps(step + 3);
  expect(page.faults).toEqual([]);
  await page.close();
});
