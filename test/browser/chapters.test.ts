// Every stage of a model's life on the page: what a lesson would train on before it begins, a short run of it, its figures, and what one
// takes away.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { readZip } from '../../src/index.ts';
import { llamaJson, writeModelFolder } from '../harness/model_files.ts';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const stories = fileURLToPath(new URL('../../../shared/models/stories260K/hf', import.meta.url));

/** The page at the end of a short run of the first chapter, in another. */
async function at(chapter: string, link = '?steps=30&seed=3'): Promise<Visit> {
  const page = await visit(link);
  await page.state('done');
  await open(page, chapter);
  return page;
}

const open = ({ tab }: Visit, chapter: string) => tab.getByRole('tab', { name: chapter, exact: true }).click();

/** What stands before a lesson's run, once the worker has looked at the data. */
async function prepared({ tab }: Visit): Promise<Locator> {
  const lesson = tab.locator('#lesson[data-prepared="yes"]');
  await lesson.waitFor({ timeout: patience(60) });
  return lesson;
}

/** Shown tokens of a role. */
const count = (lesson: Locator, role: string) =>
  lesson.locator(`.mask-key [data-role="${role}"]`).getAttribute('data-count').then(Number);

/** Begins it with so few steps, and waits for its end. */
async function teach(page: Visit, chapter: string, steps = 20): Promise<void> {
  const { tab } = page;
  await prepared(page);
  await tab.locator('#lesson-steps').fill(String(steps));
  await tab.keyboard.press('Tab');
  const begin = tab.getByRole('button', { name: 'Train', exact: true });
  await expect.poll(() => begin.isEnabled(), { timeout: patience(60) }).toBe(true);
  await prepared(page);
  await begin.click();
  await tab.locator(`#lesson[data-runs="${chapter}"]`).waitFor({ timeout: patience(60) });
  await page.state('done', 120);
  expect(await page.figure('total')).toBe(steps);
}

/** Names of the files in what a button gives. */
async function exported(page: Visit, button: RegExp | string): Promise<string[]> {
  const { tab } = page;
  const waits = tab.waitForEvent('download', { timeout: patience(60) });
  await tab.locator('.exports').getByRole('button', { name: button }).click();
  const file = await (await waits).path();
  return (await readZip('export', new Uint8Array(fs.readFileSync(file)))).map((entry) => entry.path);
}

test('classify: classes and baselines before the run, accuracy beside naive Bayes after it, a text to try, the model to take', async () => {
  const page = await at('Classify');
  const { tab } = page;
  const lesson = await prepared(page);
  expect(await lesson.locator('[data-classes]').getAttribute('data-classes')).toBe('6');
  expect(await lesson.locator('[data-baselines]').textContent()).toMatch(/naive Bayes: \d\d\.\d %/);
  expect(await count(lesson, 'prompt')).toBeGreaterThan(50);
  expect(await lesson.locator('.mask-rows li').first().textContent()).toMatch(/prompt ".+", not counted/);
  await teach(page, 'classify');
  const chart = tab.locator('[data-metric="accuracy"]');
  await chart.waitFor();
  expect(await chart.locator('h3').textContent()).toMatch(/naive Bayes 0\.\d\d/);
  expect(await tab.locator('#curve h2').textContent()).toContain('nats a text');
  // The same in numbers.
  await tab.getByText('The numbers', { exact: true }).click();
  const heads = await tab.locator('table th[scope="col"]').allTextContents();
  expect(heads).toContain('accuracy, validation');
  expect(await tab.locator('[data-compared]').textContent()).toMatch(/naive Bayes 0\.\d+ accuracy/);
  await tab.locator('.try').getByRole('button', { name: 'Classify' }).click();
  const bars = tab.locator('.try [data-probability]');
  await bars.first().waitFor({ timeout: patience(20) });
  expect(await tab.locator('.try').textContent()).toMatch(/Asked at step \d+: a small bird of the sea$/);
  const shares = await bars.evaluateAll((found) => found.map((each) => Number(each.dataset.probability)));
  expect(shares.length).toBe(6);
  expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 3);
  expect(await exported(page, /Model folder/)).toEqual(
    expect.arrayContaining([expect.stringMatching(/config\.json$/)]),
  );
  await tab.getByRole('button', { name: 'Back to pretraining' }).click();
  await expect.poll(() => page.figure('total'), { timeout: patience(30) }).toBe(30);
  expect(page.faults).toEqual([]);
  await page.close();
});

test('instruct: the mask counts answers alone, and base and tuned answer side by side', async () => {
  const page = await at('Instruct');
  const { tab } = page;
  const lesson = await prepared(page);
  const [prompts, answers] = [await count(lesson, 'prompt'), await count(lesson, 'answer')];
  expect(prompts).toBeGreaterThan(answers);
  expect(answers).toBeGreaterThan(10);
  expect(await lesson.locator('.piece.prompt.counts').count()).toBe(0);
  await open(page, 'Chat');
  expect(await tab.locator('#chat').getAttribute('data-sides')).toBe('1');
  expect(await tab.locator('#chat').textContent()).toContain('After a lesson the model stands beside');
  await open(page, 'Instruct');
  await teach(page, 'instruct');
  expect(await exported(page, 'The run')).toEqual(expect.arrayContaining([expect.stringContaining('step-')]));
  await tab.getByRole('button', { name: 'Ask it, before and after' }).click();
  const chat = tab.locator('#chat[data-sides="2"][data-chats="true"]');
  await chat.waitFor();
  await chat.getByLabel('Message').fill('Define dog');
  await chat.getByRole('button', { name: 'Ask' }).click();
  for (const side of ['base', 'tuned']) {
    const column = chat.locator(`[data-side="${side}"][data-writing="false"]`);
    await column.waitFor({ timeout: patience(60) });
    expect(await column.textContent()).toContain('Define dog');
    expect(await column.locator('.problem').count()).toBe(0);
  }
  const tokens = page.news.flatMap((news) => (news.type === 'token' ? [news.id] : []));
  expect(new Set(tokens).size).toBeGreaterThan(0);
  expect(page.faults).toEqual([]);
  await page.close();
});

test('LoRA: few parameters are trained, and the adapter alone is a small file', async () => {
  const page = await at('LoRA');
  const lesson = await prepared(page);
  const trained = await lesson.locator('[data-trained]').getAttribute('data-trained').then(Number);
  const all = await lesson.locator('[data-of]').getAttribute('data-of').then(Number);
  expect(trained).toBeGreaterThan(0);
  expect(trained).toBeLessThan(all / 2);
  await teach(page, 'lora');
  expect(await exported(page, /Adapter alone/)).toEqual(
    expect.arrayContaining([expect.stringMatching(/adapter_model\.safetensors$/)]),
  );
  expect(page.faults).toEqual([]);
  await page.close();
});

test('DPO: both answers of a question before the run, the margin between them after it', async () => {
  const page = await at('DPO');
  const lesson = await prepared(page);
  const notes = await lesson.locator('.mask-rows .note').allTextContents();
  expect(notes.some((note) => note.includes('chosen'))).toBe(true);
  expect(notes.some((note) => note.includes('rejected'))).toBe(true);
  await teach(page, 'dpo');
  await page.tab.locator('[data-metric="rewardMargin"]').waitFor();
  expect(await exported(page, /Model folder/)).toEqual(expect.arrayContaining([expect.stringMatching(/safetensors$/)]));
  expect(page.faults).toEqual([]);
  await page.close();
});

/** A tokenizer of 48 characters from `a` on. */
const letters = JSON.stringify({
  ...{ version: '1.0', added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null },
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(Array.from({ length: 48 }, (_, i) => [String.fromCharCode(97 + i), i])),
    merges: [],
  },
});

/** Goes on with a folder that is picked. */
async function loaded(page: Visit, folder: string): Promise<void> {
  const { tab } = page;
  await tab.locator('#shelf input[type="file"]').first().setInputFiles(folder);
  await tab.locator('[data-shelf="loaded"] input:checked').waitFor({ timeout: patience(60) });
  await tab.locator('[data-family="llama"]').waitFor();
}

test('load: a Llama folder is read, told of, and goes on learning; without its weights one sentence says so', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'llama-'));
  await writeModelFolder(folder, llamaJson, undefined, { 'tokenizer.json': letters });
  const page = await at('Load');
  await loaded(page, folder);
  const text = 'abcdefghijklmnopqrstuvwxyz'.repeat(400);
  await page.tab
    .locator('#lesson-data input[type="file"]')
    .setInputFiles({ name: 'letters.txt', mimeType: 'text/plain', buffer: Buffer.from(text) });
  await page.tab.locator('#lesson-data[data-own="letters.txt"]').waitFor();
  expect(await page.tab.locator('#shelf .facts').textContent()).toContain('llama');
  await teach(page, 'load', 5);
  fs.rmSync(path.join(folder, 'model.safetensors'));
  await page.tab.locator('#shelf input[type="file"]').first().setInputFiles(folder);
  const trouble = page.tab.locator('.trouble');
  await expect.poll(() => trouble.textContent(), { timeout: patience(30) }).toContain('model.safetensors');
  fs.rmSync(folder, { recursive: true });
  expect(page.faults).toEqual([]);
  await page.close();
});

test.skipIf(!fs.existsSync(stories))('load: a published model of 260,000 parameters is read and taught', async () => {
  const page = await at('Load');
  await loaded(page, stories);
  expect(await page.tab.locator('#shelf .facts').textContent()).toContain('512');
  await teach(page, 'load', 3);
  expect(page.losses().at(-1)).toBeLessThan(6.2);
  expect(page.faults).toEqual([]);
  await page.close();
});
