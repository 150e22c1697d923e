// Control: pause, step, stop, and a run that survives a reload as if nothing had happened.
import { expect, test } from 'vitest';
import { patience, useBrowser, type Visit, visit } from './visit.ts';

useBrowser();

const SHORT = '?steps=120&seed=7';
/** Counts what is handed to the GPU. */
const countSubmits = `globalThis.submits = 0;
const { submit } = GPUQueue.prototype;
GPUQueue.prototype.submit = function (...commands) { globalThis.submits++; return submit.apply(this, commands); };`;

test('check 6: a pause holds, and a step is one step', async () => {
  const page = await visit('?steps=500', { beforeWorker: countSubmits });
  await page.steps(5);
  await page.tab.getByRole('button', { name: 'Pause' }).click();
  await page.state('paused');
  const [worker] = page.tab.workers();
  const submits = () => worker!.evaluate(() => (globalThis as unknown as { submits: number }).submits);
  const [step, before] = [await page.figure('step'), await submits()];
  expect(before).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect(await page.figure('step')).toBe(step);
  expect(await submits()).toBe(before);
  await page.tab.getByRole('button', { name: 'Step', exact: true }).click();
  await page.steps(step + 1);
  await page.state('paused');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await page.figure('step')).toBe(step + 1);
  await page.tab.getByRole('button', { name: 'Go on' }).click();
  await page.steps(step + 5);
  await page.close();
});

test('check 7: stopping asks, in three buttons; Escape goes on', async () => {
  const page = await visit('?steps=2000');
  await page.steps(1);
  const { tab } = page;
  await tab.getByRole('button', { name: 'Stop', exact: true }).click();
  const dialog = tab.getByRole('dialog').locator('visible=true');
  await dialog.waitFor();
  expect(await dialog.getByRole('button').allTextContents()).toEqual(['Go on', 'Stop and keep', 'Throw away']);
  const inside = () => tab.evaluate(() => document.activeElement?.closest('dialog') !== null);
  expect(await inside()).toBe(true);
  await tab.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  const step = await page.figure('step');
  await page.steps(step + 5);
  expect(await page.run.getAttribute('data-state')).toBe('training');

  await tab.getByRole('button', { name: 'Stop', exact: true }).click();
  await dialog.getByRole('button', { name: 'Stop and keep' }).click();
  await page.state('stopped');
  expect(await page.figure('saved')).toBe(await page.figure('step'));
  await tab.getByRole('button', { name: 'Go on' }).first().click();
  await page.state('training');
  await tab.getByRole('button', { name: 'Stop', exact: true }).click();
  await dialog.getByRole('button', { name: 'Throw away' }).click();
  await page.state('waiting');
  await expect.poll(() => page.figure('step')).toBe(0);
  await page.reload();
  expect((await page.said('ready')).resumedAt).toBe(0);
  await page.close();
});

test('check 8: a reload goes on at the last save, and ends at the hash of the unbroken run', async () => {
  const unbroken = await visit(SHORT);
  await unbroken.state('done', 60);
  const hash = await unbroken.hash();
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  await unbroken.close();

  const page = await visit(SHORT);
  for (const at of [31, 77]) {
    await page.steps(at);
    const saved = await page.figure('saved');
    expect(saved).toBeGreaterThan(0);
    await page.reload();
    const { resumedAt } = await page.said('ready');
    expect(resumedAt).toBeGreaterThanOrEqual(saved);
    // What was before is there again.
    const { events } = await page.said('history');
    const steps = events.flatMap((event) => (event.event === 'step' ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: resumedAt }, (_, i) => i + 1));
  }
  await page.state('done', 60);
  expect(await page.hash()).toBe(hash);
  await page.reload();
  await page.state('done');
  expect(await page.hash()).toBe(hash);
  await page.close();
});

test('one tab writes, a second one is told and can train without saving', async () => {
  const page = await visit(SHORT);
  await page.steps(1);
  const second = await visit(SHORT, { context: page.context });
  const { sentence } = await second.said('error');
  expect(sentence).toContain('Another tab');
  await second.tab.getByRole('button', { name: 'without saving' }).click();
  await second.steps(30);
  expect(await second.figure('saved')).toBe(0);
  await page.close();
});

test('check 22: what is said to be left after a resume is about what it takes', { retry: 2 }, async () => {
  const page = await visit('?steps=400');
  await page.steps(200);
  await page.reload();
  await page.said('ready');
  await page.steps(230);
  const left = await page.figure('left');
  const since = performance.now();
  await page.state('done', 60);
  const took = (performance.now() - since) / 1000;
  expect(left).toBeGreaterThan(0.7 * took);
  expect(left).toBeLessThan(1.3 * took);
  await page.close();
});

test('check 25: nothing leaves, nothing is refused, nothing piles up', { timeout: patience(400) }, async () => {
  const page = await visit('?steps=2000');
  await page.steps(200);
  const early = await heapsOf(page);
  await page.state('done', 300);
  const late = await heapsOf(page);
  expect(late.page - early.page).toBeLessThan(5e6);
  expect(late.worker - early.worker).toBeLessThan(5e6);
  expect(page.faults).toEqual([]);
  expect(page.news.filter((news) => news.type === 'error')).toEqual([]);
  await page.close();
});

test('without room the run goes on, says so once, and the save before is whole', async () => {
  const page = await visit('?steps=2000');
  await expect.poll(() => page.figure('saved'), { timeout: patience(20) }).toBeGreaterThan(0);
  const session = await page.context.newCDPSession(page.tab);
  const origin = new URL(page.tab.url()).origin;
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1000 });
  const { sentence, offers } = await page.said('error', 30);
  expect(sentence).toContain('no room');
  expect(offers.map(({ command }) => command.type)).toEqual(['export']);
  const step = await page.figure('step');
  await page.steps(step + 60);
  expect(page.news.filter((news) => news.type === 'error').length).toBe(1);
  const saved = await page.figure('saved');
  await page.reload();
  expect((await page.said('ready')).resumedAt).toBe(saved);
  await page.close();
});

/** Bytes of live objects in the page and in its worker, after a collection. */
async function heapsOf(page: Visit): Promise<{ page: number; worker: number }> {
  const devtools = await page.context.newCDPSession(page.tab);
  // The worker answers through the page's connection: each message is wrapped.
  const answers = new Map<number, (result: Record<string, number>) => void>();
  devtools.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message) as { id: number; result: Record<string, number> };
    answers.get(id)?.(result);
  });
  const attached = new Promise<string>((resolve) => {
    devtools.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') resolve(sessionId);
    });
  });
  await devtools.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  const sessionId = await attached;
  const ask = (id: number, method: string) =>
    new Promise<Record<string, number>>((resolve) => {
      answers.set(id, resolve);
      const message = JSON.stringify({ id, method });
      void devtools.send('Target.sendMessageToTarget', { sessionId, message });
    });
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  await ask(1, 'HeapProfiler.collectGarbage');
  const inWorker = await ask(2, 'Runtime.getHeapUsage');
  await devtools.detach();
  return { page: usedSize, worker: inWorker.usedSize! };
}
