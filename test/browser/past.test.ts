// The past of a run: what it wrote at any step, and runs that fork from one, as a person sees them.
import { expect, test } from 'vitest';
import type { News } from '../../demo/protocol.ts';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const RUN = '?steps=40&seed=3';

const samplesOf = (page: Visit) =>
  new Map(
    page.news.flatMap((news: News) =>
      news.type === 'event' && news.event.event === 'sample' ? [[news.event.step, news.event.text] as const] : [],
    ),
  );

/** The sample that the worker gives when it is asked about a step. */
async function sampleAt(page: Visit, id: number, step: number): Promise<string> {
  await page.send({ type: 'ask', id, step, question: { kind: 'sample' } });
  const found = () => page.news.find((news) => news.type === 'answered' && news.id === id);
  await expect.poll(found, { timeout: patience(40), interval: 50 }).toBeDefined();
  const told = found() as Extract<News, { type: 'answered' }>;
  expect(told.error).toBe(null);
  expect(told.step).toBe(step);
  return (told.answer as { text: string }).text;
}

test('any past step writes its text, and the run ends as if nobody had looked', async () => {
  const plain = await visit(RUN);
  await plain.state('done');
  const hash = await plain.hash();
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  await plain.close();

  const page = await visit(RUN);
  const { tab } = page;
  const samples = tab.locator('#samples');
  await page.steps(12);
  // While it trains: at a step of which there is a text, the same to the letter.
  expect(await sampleAt(page, 901, 10)).toBe(samplesOf(page).get(10));
  await samples.getByRole('slider').fill('7');
  await expect.poll(() => tab.locator('[data-cursor]').getAttribute('data-cursor')).toBe('7');
  const shown = samples.locator('[data-sample]');
  expect(await shown.getAttribute('data-sample')).toBe('0');
  await samples.getByRole('button', { name: 'Write it at step 7' }).click();
  await expect.poll(() => shown.getAttribute('data-sample'), { timeout: patience(40) }).toBe('7');
  const written = await shown.locator('pre').textContent();
  const { prompt } = await page.said('ready');
  expect(written!.startsWith(prompt)).toBe(true);
  // Back, and there again: it is kept.
  await samples.getByRole('button', { name: 'text of step 10' }).click();
  await expect.poll(() => shown.getAttribute('data-sample')).toBe('10');
  await samples.getByRole('slider').fill('7');
  expect(await shown.locator('pre').textContent()).toBe(written);
  await page.state('done');
  await samples.getByRole('button', { name: 'now' }).click();
  await expect.poll(() => tab.locator('[data-cursor]').count()).toBe(0);
  // The untrained model too.
  expect(await sampleAt(page, 902, 0)).toBe(samplesOf(page).get(0));
  expect(await page.hash()).toBe(hash);
  expect(page.faults).toEqual([]);
  await page.close();
});

test('the inspector answers at the step of the cursor, says which it is, and leads back', async () => {
  const page = await visit(`${RUN}#inside=attention`);
  const { tab } = page;
  await page.state('done');
  const seen = tab.locator('#inside-panel [data-seen]');
  await expect.poll(() => seen.getAttribute('data-seen'), { timeout: patience(20) }).toBe('40');
  await tab.locator('.scrub input').fill('13');
  await expect.poll(() => seen.getAttribute('data-seen'), { timeout: patience(40) }).toBe('13');
  const line = tab.locator('#inside [data-past]');
  expect(await line.textContent()).toContain('Of step 13, not of the newest');
  await line.getByRole('button').click();
  await expect.poll(() => seen.getAttribute('data-seen'), { timeout: patience(20) }).toBe('40');
  expect(await line.count()).toBe(0);
  expect(page.faults).toEqual([]);
  await page.close();
});

test('a fork shares its beginning, which is proven; with unchanged settings it ends as the run does', async () => {
  const page = await visit(RUN);
  const { tab } = page;
  await page.state('done');
  const hash = await page.hash();
  await tab.locator('.scrub input').fill('21');
  await tab.getByRole('button', { name: 'Fork at step 21' }).click();
  const prefix = tab.locator('[data-prefix]');
  await prefix.waitFor({ timeout: patience(40) });
  await page.state('done');
  await expect.poll(() => page.hash(), { timeout: patience(40) }).toBe(hash);
  const { fork } = (await page.said('forked')) as Extract<News, { type: 'forked' }>;
  expect(fork.step).toBe(21);
  expect(fork.parameters[0]).toBe(fork.parameters[1]);
  expect(fork.losses![0]).toBe(fork.losses![1]);
  expect(await prefix.textContent()).toContain(
    `Shared prefix: steps 1 to 21, parameters ${fork.parameters[0].slice(0, 8)} in both`,
  );

  // Another learning rate: another end, in a third curve.
  const rate = tab.locator('#set-learningRate');
  await rate.fill('0.002');
  await rate.press('Tab');
  await tab.locator('.scrub input').fill('30');
  await tab.getByRole('button', { name: 'Apply as fork at 30' }).click();
  await expect.poll(() => prefix.getAttribute('data-prefix'), { timeout: patience(40) }).toBe('30');
  await page.state('done');
  await expect.poll(() => page.hash(), { timeout: patience(40) }).toMatch(/^[0-9a-f]{64}$/);
  expect(await page.hash()).not.toBe(hash);
  const runs = tab.locator('[data-runs]');
  expect(await runs.getAttribute('data-runs')).toBe('3');
  const table = (await runs.locator('tr').allTextContents()).map((line) => line.trim());
  expect(table.find((line) => line.startsWith('its own settings'))).toContain('lr=0.002');
  expect(table.find((line) => line.startsWith('parameters at the end'))).toContain(hash.slice(0, 8));
  // The past of all of them: before the first fork, between both, and its own.
  const first = samplesOf(page).get(10)!;
  expect(await sampleAt(page, 903, 10)).toBe(first);
  await sampleAt(page, 904, 25);
  await sampleAt(page, 905, 36);

  // What makes another model is refused with a sentence, and the run is as it was.
  const { settings } = await page.said('ready');
  await page.send({ type: 'fork', step: 30, settings: { ...settings, width: 2 * settings.width } });
  await expect.poll(() => page.news.findLast((news) => news.type === 'error')).toBeDefined();
  expect((await page.said('error')).sentence).toContain(`width: found ${2 * settings.width}, expected`);
  await page.send({ type: 'fork', step: 99, settings: { ...settings, steps: 200 } });
  await expect.poll(async () => (await page.said('error')).sentence).toContain('step 99: not made yet');
  expect(await page.run.getAttribute('data-state')).toBe('done');

  // It is a saved run of its own.
  await page.reload();
  await page.state('done');
  expect((await page.said('ready')).settings.learningRate).toBe(0.002);
  expect(page.faults).toEqual([]);
  await page.close();
});
