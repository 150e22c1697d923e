// Pulling the plug, and a GPU process that dies: the run goes on by itself in place, or says what a new page does, and ends at the
// same hash with the same curve.
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const STEPS = 110;
const LINK = `?steps=${STEPS}&seed=29`;
/** A device is made anew six times in all, which takes its time where others compute too. Milliseconds. */
const LIMIT = 420_000;

interface Ended {
  hash: string;
  losses: ReadonlyMap<number, number>;
}

let run: Ended | null = null;

/** The curve: of every step its loss, which a repeated one has to have again. */
function curve(page: Visit): Map<number, number> {
  const losses = new Map<number, number>();
  for (const news of page.news) {
    if (news.type !== 'event' || news.event.event !== 'step') continue;
    const { step, loss } = news.event;
    expect(losses.get(step) ?? loss).toBe(loss);
    losses.set(step, loss);
  }
  return losses;
}

async function unbroken(): Promise<Ended> {
  if (run) return run;
  const page = await visit(LINK);
  await page.state('done');
  run = { hash: await page.hash(), losses: curve(page) };
  expect(run.losses.size).toBe(STEPS);
  await page.close();
  return run;
}

const lostTimes = (page: Visit) => page.news.filter((news) => news.type === 'lost').length;

/** A second death of the process is answered by no connection of the browser's any more. */
async function killGpuProcess(page: Visit): Promise<void> {
  const session = await page.context.browser()!.newBrowserCDPSession();
  const killed = session.send('Browser.crashGpuProcess' as 'Browser.close').catch(() => {});
  await Promise.race([killed, page.tab.waitForTimeout(500)]);
}

test('check 9: the plug pulled five times at random steps: five ticks, the same curve, the same hash', {
  timeout: LIMIT,
}, async () => {
  const wanted = await unbroken();
  const page = await visit(LINK);
  for (const [i, step] of [5, 26, 47, 68, 89].entries()) {
    await page.steps(step + Math.floor(9 * Math.random()));
    await page.tab.getByRole('button', { name: 'Pull the plug' }).click();
    await expect.poll(() => lostTimes(page), { timeout: patience(20), interval: 20 }).toBe(i + 1);
  }
  await page.state('done');
  expect(await page.hash()).toBe(wanted.hash);
  expect(curve(page)).toEqual(wanted.losses);
  expect(await page.figure('lost')).toBe(5);
  expect(page.news.filter((news) => news.type === 'error')).toEqual([]);
  await page.close();
});

test('checks 10 and 11: the GPU process killed: first it goes on in place, then a sentence names the ways, and after a reload it goes on', {
  timeout: LIMIT,
}, async () => {
  const wanted = await unbroken();
  const page = await visit(LINK);
  await page.steps(30);
  const killed = performance.now();
  await killGpuProcess(page);
  const { sentence } = await page.said('lost');
  expect(performance.now() - killed).toBeLessThan(patience(3));
  expect(sentence).toMatch(/^device lost at step \d+, rebuilt in [\d,]+ ms, /);
  await page.steps(60);

  const before = curve(page);
  await killGpuProcess(page);
  const told = await page.said('error', 20);
  expect(told.sentence).toMatch(
    /Reload the page with the browser's own button to go on at once, or wait about 2 minutes/,
  );
  const saved = await page.figure('saved');
  expect(saved).toBeGreaterThanOrEqual(50);
  expect(told.sentence).toContain(`The run is saved at step ${saved}.`);
  await page.state('waiting');
  // None that does not help, and one that does where the GPU is gone for good.
  expect(await page.tab.getByRole('button', { name: 'Reload the page' }).count()).toBe(0);
  expect(await page.tab.getByRole('button', { name: 'Go on on the CPU' }).isVisible()).toBe(true);
  // A page that reloads itself is still refused; one that a person reloads is not.
  await page.reload();
  expect((await page.said('ready')).resumedAt).toBe(saved);
  await page.state('done');
  expect(await page.hash()).toBe(wanted.hash);
  for (const losses of [before, curve(page)])
    for (const [step, loss] of losses) expect(loss).toBe(wanted.losses.get(step));
  await page.close();
});
