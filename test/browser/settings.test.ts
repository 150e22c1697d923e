// Settings: links there and back, bad ones, a visitor's own text, runs that cannot be, and runs that end badly.
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

/** What the form shows, by the name of a setting. */
function form(page: Visit): Promise<Record<string, string>> {
  return page.tab.locator('form.settings').evaluate((element) => {
    const fields = [...element.querySelectorAll<HTMLInputElement | HTMLSelectElement>('[id^="set-"]')];
    return Object.fromEntries(fields.map((field) => [field.id.slice('set-'.length), field.value]));
  });
}

async function set(page: Visit, name: string, value: string): Promise<void> {
  const field = page.tab.locator(`#set-${name}`);
  if (name === 'schedule') await field.selectOption(value);
  else {
    await field.fill(value);
    await field.press('Tab');
  }
}

test('check 13: six changed settings travel by a link: the same form, and the same losses to the bit', async () => {
  const page = await visit('?run=0');
  await page.state('waiting');
  const changed = { layers: '1', steps: '40', warmupSteps: '4', learningRate: '0.02', schedule: 'linear', seed: '77' };
  for (const [name, value] of Object.entries(changed)) await set(page, name, value);
  await page.tab.locator('form.settings').getByRole('button', { name: 'Restart' }).click();
  await page.steps(20);
  const link = await page.tab.locator('[data-link]').getAttribute('data-link');
  expect(link!.length).toBeLessThan(2048);
  const shown = await form(page);
  expect(shown).toMatchObject(changed);
  // The address is this run's from now on.
  expect(new URL(page.tab.url()).search).toBe(link);

  const other = await visit(link!);
  await other.steps(20);
  expect(await form(other)).toEqual(shown);
  expect(other.losses().slice(0, 20)).toEqual(page.losses().slice(0, 20));
  await page.close();
  await other.close();
});

test('check 15: a bad link runs with what the page would choose, and says what it left out', async () => {
  const page = await visit('?width=-1&seed=abc&foo=1');
  await page.steps(1);
  const notes = await page.tab.locator('[data-note]').allTextContents();
  expect(notes.map((note) => note.split(':')[0])).toEqual(['width', 'seed', 'foo']);
  const { settings, defaults } = await page.said('ready');
  expect(settings).toEqual(defaults);
  await page.close();
});

test('check 21: two billion parameters are refused before any of their buffers, with a run that fits', async () => {
  const countBytes = `globalThis.bytes = 0;
const { createBuffer } = GPUDevice.prototype;
GPUDevice.prototype.createBuffer = function (of) { globalThis.bytes += of.size; return createBuffer.call(this, of); };`;
  const page = await visit('?layers=40&width=2048&heads=16&steps=20', { beforeWorker: countBytes });
  const { sentence, offers } = await page.said('error');
  expect(sentence).toMatch(/2,0\d\d,\d{3},\d{3} parameters needs more than 32\.\d GB, this page may have \d+\.\d GB/);
  expect(await page.tab.locator('[data-error]').textContent()).toBe(sentence);
  const [worker] = page.tab.workers();
  expect(await worker!.evaluate(() => (globalThis as unknown as { bytes: number }).bytes)).toBeLessThan(10e6);
  const smaller = offers[0]!.command;
  expect(smaller.type).toBe('start');
  expect(sentence).toContain('fits: it needs');
  await page.close();
});

test('check 20: a learning rate that makes NaN is told with the tensor, and the way back works', async () => {
  const page = await visit('?lr=1e6&warmup=0&steps=30');
  const { sentence, offers } = await page.said('error');
  expect(sentence).toMatch(/^step \d+: (loss|gradient norm) \S+, expected a finite number\. .*kernel \w+/);
  await page.state('failed');
  const failed = await page.figure('step');
  expect(failed).toBeLessThan(5);
  expect(offers.some(({ label }) => label.includes('with learning rate'))).toBe(true);
  // The prompt box does not wait for weights that are gone.
  await page.tab.getByRole('button', { name: 'Generate' }).click();
  expect((await page.said('generated')).error).toContain('The run has failed');
  await page.tab.getByRole('button', { name: offers[0]!.label }).click();
  await page.state('done', 30);
  expect(page.losses().at(-1)).toBeLessThan(4);
  await page.close();
});

test('back to the last save with a tenth of the learning rate', async () => {
  const page = await visit('?steps=60&seed=3');
  await page.steps(26);
  const { settings } = await page.said('ready');
  await page.send({ type: 'start', settings: { ...settings, learningRate: 1e5 }, fromSave: true });
  await page.state('failed', 30);
  const error = await page.said('error');
  const back = error.offers.find(({ label }) => label.startsWith('Go back to step'))!;
  expect(back.command).toMatchObject({ type: 'start', settings: { learningRate: 1e4 } });
  await page.send({ type: 'start', settings, fromSave: true });
  await page.state('done', 30);
  const { resumedAt } = await page.said('ready');
  expect(resumedAt).toBeGreaterThanOrEqual(25);
  await page.close();
});

test("a visitor's own text is shown by its tokens, trained on, and there again after a reload", async () => {
  const page = await visit('?run=0&steps=30');
  const { settings } = await page.said('ready');
  const text = 'The ship — she sailed.\nThen the sea was still, and all was blue.\n'.repeat(50);
  await page.send({ type: 'start', settings, text: { name: 'sea.txt', text } });
  await page.state('done', 30);
  const told = await page.said('text');
  expect([told.characters, told.tokenizer, told.vocabSize]).toEqual([[...text].length, 'char', new Set(text).size]);
  expect(told.head.slice(0, 3)).toEqual(['T', 'h', 'e']);
  expect(told.references.pairs!).toBeLessThan(told.references.letters!);
  expect(told.references.letters!).toBeLessThan(told.references.guessing);
  const hash = await page.hash();
  const { link } = await page.said('ready');
  await page.goto(link);
  await page.state('done', 30);
  expect((await page.said('text')).name).toBe('sea.txt');
  expect(await page.hash()).toBe(hash);
  await page.close();
});

test('a text that is too short, and one with very many characters', async () => {
  const page = await visit('?run=0&steps=5');
  const { settings } = await page.said('ready');
  await page.send({ type: 'start', settings, text: { name: 'short.txt', text: 'Too short to learn from.' } });
  expect((await page.said('error')).sentence).toContain('expected at least 33 for a context of 32');
  // The run before is still there.
  await page.send({ type: 'step' });
  await page.steps(1);
  const many = Array.from({ length: 3000 }, (_, i) => String.fromCodePoint(0x4e00 + (i % 700))).join('');
  await page.send({ type: 'start', settings, text: { name: 'many.txt', text: many } });
  await expect.poll(async () => (await page.said('text')).name, { timeout: patience(20) }).toBe('many.txt');
  expect(await page.said('text')).toMatchObject({ tokenizer: 'byte', vocabSize: 256, characters: 3000 });
  await page.state('done', 30);
  await page.close();
});
