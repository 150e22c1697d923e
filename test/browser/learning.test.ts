// The first visit: the page is complete before its scripts run, a model learns by itself, and one can look and ask meanwhile.
import { expect, test } from 'vitest';
import { printable } from '../../src/data/printable.ts';
import { address, patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser({ sharedVisit: true });

test('check 1: the page is complete at first paint, with a recorded curve and two recorded samples', async () => {
  const found = await visit('?run=0');
  const bare = await found.context.newPage();
  // Nothing that computes arrives: what is seen is the page alone.
  await bare.route(/\.js$/, () => {});
  await bare.goto(address(''), { waitUntil: 'commit' });
  await bare.locator('#run').waitFor();
  expect((await bare.locator('[data-ghost]').first().getAttribute('d'))!.length).toBeGreaterThan(100);
  const recorded = bare.locator('[data-recorded]');
  expect(await recorded.count()).toBe(2);
  for (const text of await recorded.allTextContents()) expect(text).toContain('recorded');
  expect(Number(process.env.SHADERFORMER_FIRST_LOAD)).toBeLessThan(300_000);
  await found.close();
});

let first: Visit;

test('check 2: it starts alone, within 5 s, and makes 100 steps within 25 s', async () => {
  first = await visit();
  await first.steps(1, 5);
  await first.steps(100, 20);
});

test('check 3: the first loss is what guessing costs', async () => {
  const { vocabSize } = await first.said('text');
  expect(Math.abs(first.losses()[0]! / Math.log(vocabSize) - 1)).toBeLessThan(0.05);
  const faults = first.news.filter((news) => news.type === 'event' && news.event.event === 'warning');
  expect(faults).toEqual([]);
});

test('check 5: compiling is counted before the first step, to its end, and shown', async () => {
  const begun = first.news.findIndex((news) => news.type === 'event' && news.event.event === 'step');
  const told = first.news
    .slice(0, begun)
    .flatMap((news) => (news.type === 'phase' && news.text === 'compiling kernel' ? [news] : []));
  expect(told.length).toBeGreaterThan(1);
  const { done, total } = told.at(-1)!;
  expect(done).toBe(total);
  expect(await first.run.getAttribute('data-compiled')).toBe(`${total} of ${total}`);
});

test('check 17: the prompt box writes while it trains', async () => {
  const before = await first.figure('step');
  await first.tab.getByLabel('Prompt', { exact: true }).locator('visible=true').last().fill('The whale');
  await first.tab.getByRole('button', { name: 'Generate' }).click();
  const text = first.tab.locator('[data-generated] [data-text]');
  await expect.poll(() => text.textContent(), { timeout: patience(3), interval: 50 }).not.toBe('');
  await first.tab.locator('[data-generated="done"]').waitFor({ timeout: patience(30) });
  expect((await text.textContent())!.length).toBeGreaterThan(50);
  expect(await first.figure('step')).toBeGreaterThan(before);
});

test('check 16: samples of the first steps are kept, and the slider shows them', async () => {
  await first.steps(101);
  const samples = first.tab.locator('#samples');
  await expect.poll(() => samples.getAttribute('data-samples'), { timeout: patience(10) }).toMatch(/^0 10 30 100/);
  const written = new Map<number, string>();
  for (const news of first.news)
    if (news.type === 'event' && news.event.event === 'sample') written.set(news.event.step, news.event.text);
  expect(written.get(10)).not.toBe(written.get(100));
  await samples.getByRole('slider').fill('30');
  const shown = samples.locator('[data-sample]');
  expect(await shown.getAttribute('data-sample')).toBe('30');
  expect(await shown.locator('pre').textContent()).toBe(printable(written.get(30)!).trimEnd());
  const { prompt } = await first.said('ready');
  expect(written.get(30)).toContain(prompt);
  await expect.poll(() => first.tab.locator('[data-cursor]').getAttribute('data-cursor')).toBe('30');
});

test('check 4: it learns: under 2.9 at step 100, and under 2.5 at step 500', async () => {
  await first.steps(500, 60);
  const evaluated = () =>
    first.news.flatMap((news) => (news.type === 'event' && news.event.event === 'eval' ? [news.event] : []));
  await expect.poll(() => evaluated().at(-1)?.step, { timeout: patience(10) }).toBeGreaterThanOrEqual(500);
  const loss = (step: number) => evaluated().find((event) => event.step === step)!.validationLoss;
  expect(loss(100)).toBeLessThan(2.9);
  expect(loss(500)).toBeLessThan(2.5);
  expect(await first.figure('validation')).toBeLessThan(2.5);
  expect(first.faults).toEqual([]);
  await first.close();
});
