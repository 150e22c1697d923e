// The kernels of a step: every dispatch with its text and its difference from the twin, a run that stays as it is, and the first number
// that is none.
import { expect, test } from 'vitest';
import type { OpenedDispatch } from '../../demo/protocol/kernels.ts';
import type { Answered, Asked, Kind } from '../../demo/protocol/questions.ts';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

let asked = 1e6;

/** Asks the worker, beside the page. */
async function ask<K extends Kind>(page: Visit, kind: K, what: Asked<K>): Promise<Answered<K>> {
  const id = ++asked;
  await page.send({ type: 'ask', id, step: null, question: { kind, ...what } as never });
  const found = () => page.news.find((news) => news.type === 'answered' && news.id === id);
  await expect.poll(found, { timeout: patience(60), interval: 20 }).toBeDefined();
  const news = found()!;
  if (news.type !== 'answered' || news.error !== null) throw new Error(JSON.stringify(news));
  return news.answer as Answered<K>;
}

const row = (index: number) => `[data-dispatch="${index}"] button`;

async function open(page: Visit, index: number): Promise<void> {
  await page.tab.locator(row(index)).click();
  await page.tab.locator(`[data-opened="${index}"] [data-wgsl]`).waitFor({ timeout: patience(20) });
}

/** What the open dispatch shows. */
const shown = (page: Visit) =>
  page.tab.locator('[data-opened]').evaluate((panel) => ({
    text: panel.querySelector('[data-wgsl]')!.textContent!,
    shapes: [...panel.querySelectorAll('[data-binding] tr:first-child td:nth-child(4)')].map(
      (cell) => cell.textContent!,
    ),
    verdicts: [...panel.querySelectorAll<HTMLElement>('[data-difference]')].map(({ dataset }) => [
      Number(dataset.difference),
      Number(dataset.tolerance),
    ]),
  }));

test('check 19: every dispatch of a step opens its text, shapes, and a difference from the twin under its tolerance', async () => {
  const page = await visit('?steps=5&seed=3');
  const { tab } = page;
  await page.steps(1);
  await tab.keyboard.press(' ');
  await tab.getByRole('tab', { name: 'Kernels' }).click();
  await tab.locator('[data-dispatches]').waitFor({ timeout: patience(20) });
  const { dispatches } = await ask(page, 'dispatches', {});
  expect(dispatches.length).toBeGreaterThan(50);
  expect(await tab.locator('[data-dispatch]').count()).toBe(dispatches.length);
  // All of them as the worker answers, one of each kernel as the page shows it.
  const opened: OpenedDispatch[] = [];
  for (const { index } of dispatches) opened.push(await ask(page, 'dispatch', { index }));
  for (const each of opened) {
    const name = `${each.index} ${each.scope} ${each.kernel}`;
    expect(each.wgsl, name).toContain('fn main');
    expect(each.values.length, name).toBeGreaterThan(0);
    expect(
      each.values.every(({ shape }) => shape.length > 0),
      name,
    ).toBe(true);
    const twins = each.values.flatMap(({ twin }) => twin ?? []);
    expect(twins.length, name).toBeGreaterThan(0);
    for (const { difference, tolerance } of twins) expect(difference, name).toBeLessThanOrEqual(tolerance);
  }
  const once = dispatches.filter((each, i) => dispatches.findIndex(({ kernel }) => kernel === each.kernel) === i);
  for (const { index } of once) {
    await open(page, index);
    const { text, shapes, verdicts } = await shown(page);
    expect(text).toContain('fn main');
    expect(shapes.length).toBe(opened[index]!.values.length);
    expect(verdicts.length).toBeGreaterThan(0);
    for (const [difference, tolerance] of verdicts) expect(difference).toBeLessThanOrEqual(tolerance!);
  }
  // The shares of all are the whole.
  await tab.locator('[data-step-ms]').waitFor({ timeout: patience(30) });
  const shares = await tab
    .locator('td[data-share]')
    .evaluateAll((cells) => cells.map((cell) => Number((cell as HTMLElement).dataset.share)));
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
  expect(page.faults).toEqual([]);
  await page.close();
});

test('a run that was looked at ends with the weights of one that was not, and looking leaves nothing behind', async () => {
  const alone = await visit('?steps=12&seed=3');
  await alone.state('done');
  await expect.poll(() => alone.hash()).not.toBe('');
  const hash = await alone.hash();
  const { bytes } = await alone.said('measured');
  await alone.close();
  const page = await visit('?steps=12&seed=3#inside=kernels');
  const { tab } = page;
  await tab.locator('[data-dispatches]').waitFor({ timeout: patience(20) });
  for (const index of [0, 3, 40]) await open(page, index);
  await tab.locator('[data-step-ms]').waitFor({ timeout: patience(30) });
  await page.state('done');
  await expect.poll(() => page.hash()).toBe(hash);
  expect((await page.said('measured')).bytes).toBe(bytes);
  await page.close();
});

test('the rows are one stop for the Tab key, with arrows between them, and the text can be read by the keyboard', async () => {
  const page = await visit('?run=0&steps=5#inside=kernels');
  const { tab } = page;
  await tab.locator('[data-dispatches]').waitFor({ timeout: patience(20) });
  expect(await tab.locator('[data-dispatch] button[tabindex="0"]').count()).toBe(1);
  await tab.locator(row(0)).focus();
  await tab.keyboard.press('ArrowDown');
  await tab.keyboard.press('ArrowDown');
  await tab.locator('[data-opened="2"]').waitFor({ timeout: patience(20) });
  expect(await tab.evaluate(() => document.activeElement?.closest('tr')?.getAttribute('data-dispatch'))).toBe('2');
  await tab.locator('.dispatch').getByRole('button', { name: 'Next' }).click();
  await tab.locator('[data-opened="3"] .wgsl').focus();
  const { width, scroll } = await tab.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { width: clientWidth, scroll: scrollWidth };
  });
  expect(scroll).toBeLessThanOrEqual(width);
  await page.close();
});

test('the drawing of the model shows the shares of a step once they were asked for, and opens tensors', async () => {
  const page = await visit('?run=0&steps=5');
  const { tab } = page;
  await page.state('waiting');
  const model = tab.locator('[data-parts]');
  expect(await model.locator('.measured').count()).toBe(0);
  await model.getByRole('button', { name: 'Measure a step' }).click();
  await tab.locator('[data-parts][data-measured]').waitFor({ timeout: patience(30) });
  const shares = await model
    .locator('.box[data-share]')
    .evaluateAll((boxes) => boxes.map((box) => Number((box as HTMLElement).dataset.share)));
  // A table, two blocks of two norms, attention and network, the last norm.
  expect(shares.length).toBe(10);
  expect(shares.every((share) => share > 0)).toBe(true);
  expect(await model.locator('[data-besides]').count()).toBeGreaterThan(1);
  const attention = model.locator('.box', { hasText: 'attention' }).first();
  await attention.locator('summary').click();
  await attention.getByRole('button', { name: 'c_attn.weight' }).click();
  await tab.locator('[data-inside="weights"]').waitFor();
  await expect
    .poll(() => tab.locator('section.values').getAttribute('data-tensor'), { timeout: patience(10) })
    .toContain('attn.c_attn.weight');
  await page.close();
});

test('check 20: the dispatch that made the first number that is none is named, opens, and the way back works', async () => {
  const page = await visit('?lr=1e6&warmup=0&steps=30');
  const { tab } = page;
  await page.state('failed', 30);
  const { sentence, look, offers } = await page.said('error');
  expect(look).toBe(true);
  const named = /The first such value is \w+ of \w+ in (\S+) \(kernel (\w+)\)/.exec(sentence)!;
  await tab.getByRole('button', { name: 'Look at the dispatch' }).click();
  const told = tab.locator('[data-not-finite]');
  await told.waitFor({ timeout: patience(30) });
  const index = Number(await told.getAttribute('data-not-finite'));
  expect(await told.textContent()).toContain(`${named[2]} in ${named[1]}`);
  await tab.locator(`[data-opened="${index}"]`).waitFor({ timeout: patience(20) });
  const failed = await page.figure('step');
  expect(await tab.locator('[data-of-step]').getAttribute('data-of-step')).toBe(String(failed + 1));
  expect(sentence.startsWith(`step ${failed + 1}:`)).toBe(true);
  expect(await tab.locator('.bound').textContent()).toMatch(/NaN|Inf/);
  const back = offers.find(({ label }) => label.startsWith('Go back to step'))!;
  expect(back.command).toMatchObject({ type: 'start', settings: { learningRate: 1e5 } });
  await tab.getByRole('button', { name: offers[0]!.label }).click();
  await page.state('done', 60);
  await page.close();
});
