// How often the page draws: at most ten times a second, once a second with reduced motion, and not at all where nobody sees it.
import { expect, test } from 'vitest';
import { useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

interface Watched {
  away: boolean;
  worker: Worker;
  /** When each of the canvases was cleared to be drawn anew, and when the text of the run bar changed. Milliseconds. */
  draws: number[][];
  changes: number[];
  /** Changes of the whole page. */
  everything: number;
}

/** Runs in the page before anything of it. */
function watch(): void {
  const page = globalThis as unknown as Watched;
  Object.assign(page, { away: false, draws: [], changes: [], everything: 0 });
  Object.defineProperty(document, 'hidden', { get: () => page.away });
  const canvases: HTMLCanvasElement[] = [];
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    if (!canvases.includes(this.canvas)) canvases.push(this.canvas);
    (page.draws[canvases.indexOf(this.canvas)] ??= []).push(performance.now());
    clearRect.apply(this, box);
  };
  const all = { childList: true, characterData: true, subtree: true, attributes: true };
  document.addEventListener('DOMContentLoaded', () => {
    const bar = document.querySelector('#run .figures')!;
    new MutationObserver(() => page.changes.push(performance.now())).observe(bar, all);
    new MutationObserver((list) => (page.everything += list.length)).observe(document.body, all);
  });
}

/** A page that waits, and counts what it draws. */
async function watched(reducedMotion: 'reduce' | 'no-preference' = 'no-preference'): Promise<Visit> {
  const page = await visit('?run=0&steps=2000');
  await page.tab.emulateMedia({ reducedMotion });
  await page.tab.addInitScript(watch);
  await page.reload();
  await page.state('waiting');
  await page.tab.waitForTimeout(1500);
  return page;
}

/** Hands the page a hundred steps a second, more than any worker here would. @returns draws and changes meanwhile */
function drawn(page: Visit, seconds: number) {
  return page.tab.evaluate(async (time) => {
    const watching = globalThis as unknown as Watched;
    const { worker, draws, changes } = watching;
    for (const list of draws) list.length = 0;
    changes.length = 0;
    watching.everything = 0;
    const began = performance.now();
    for (let step = Number(document.querySelector('#run')!.getAttribute('data-step')) + 1; ; step++) {
      const event = { event: 'step', step, loss: 3, learningRate: 0.01, gradNorm: 1, tokensPerSecond: 100 + step };
      worker.dispatchEvent(new MessageEvent('message', { data: { type: 'event', event } }));
      if (performance.now() - began > 1000 * time) break;
      await new Promise((done) => setTimeout(done, 10));
    }
    const told = { draws: draws.map((list) => [...list]), changes: [...changes] };
    return { ...told, everything: watching.everything };
  }, seconds);
}

/** The most that fall within one second. */
const densest = (times: readonly number[]) =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));

test('a hundred steps a second are drawn at most ten times a second', async () => {
  const page = await watched();
  const { draws, changes } = await drawn(page, 3);
  expect(draws.length).toBe(3);
  // A timer may come late, and the next in time: one more may fall within a second.
  for (const times of [...draws, changes]) {
    expect(densest(times)).toBeLessThanOrEqual(11);
    expect(times.length).toBeGreaterThan(2);
  }
  await page.close();
});

test('with reduced motion the charts are drawn once a second', async () => {
  const page = await watched('reduce');
  const { draws } = await drawn(page, 4);
  expect(draws.length).toBe(3);
  for (const times of draws) {
    expect(times.length).toBeGreaterThanOrEqual(2);
    expect(times.length).toBeLessThanOrEqual(6);
    // A canvas is cleared a little after its turn was taken, on a busy machine by more at one time than at the next.
    for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).toBeGreaterThan(700);
  }
  await page.close();
});

test('a hidden tab draws nothing, and shows where the run is when somebody looks', async () => {
  const page = await watched();
  const look = (away: boolean) =>
    page.tab.evaluate((hidden) => {
      (globalThis as unknown as Watched).away = hidden;
      document.dispatchEvent(new Event('visibilitychange'));
    }, away);
  await look(true);
  const { draws, changes, everything } = await drawn(page, 2);
  expect([draws.flat().length, changes.length, everything]).toEqual([0, 0, 0]);
  expect(await page.figure('step')).toBe(0);
  await look(false);
  await expect.poll(() => page.figure('step')).toBeGreaterThan(10);
  const seen = await page.tab.evaluate(() => (globalThis as unknown as Watched).draws.map((list) => list.length));
  expect(Math.min(...seen)).toBeGreaterThan(0);
  await page.close();
});
