// How long the host sleeps before it asks whether the GPU is done, with a clock of our own.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Cost, Waiter } from '../src/runtime/waiter.ts';

let now = 0;
let naps: number[] = [];
const sleep = async (ms: number) => {
  naps.push(ms);
  now += ms;
};
beforeEach(() => {
  [now, naps] = [1000, []];
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => vi.restoreAllMocks());

/** One replay that takes so many milliseconds of the GPU's time. */
async function replay(waiter: Waiter, cost: Cost, ms: number): Promise<void> {
  waiter.submitted(cost);
  const end = now + ms;
  await waiter.settle(async () => {
    now = Math.max(now, end);
  });
}

test('the first replay is not believed, and then most of the expected time is slept through', async () => {
  const waiter = new Waiter(sleep);
  const cost = { ms: 0, replayed: false };
  await replay(waiter, cost, 5000);
  await replay(waiter, cost, 100);
  expect(naps).toEqual([]);
  await replay(waiter, cost, 100);
  expect(naps).toEqual([90]);
  const never = new Waiter(null);
  for (let i = 0; i < 3; i++) await replay(never, cost, 100);
  expect(naps).toEqual([90]);
});

test('a process that was suspended does not learn to sleep for as long', async () => {
  const waiter = new Waiter(sleep);
  const cost = { ms: 0, replayed: false };
  for (const ms of [100, 100, 100, 600_000]) await replay(waiter, cost, ms);
  naps = [];
  for (let i = 0; i < 10; i++) await replay(waiter, cost, 100);
  expect(Math.max(...naps)).toBeLessThan(200);
  expect(naps.at(-1)).toBeLessThan(100);
});

test('of two waits at once each counts what was submitted before it, and nothing else', async () => {
  const waiter = new Waiter(null);
  const cost = { ms: 0, replayed: false };
  const done: (() => void)[] = [];
  const wait = () => waiter.settle(() => new Promise<void>((resolve) => done.push(resolve)));
  waiter.submitted(cost);
  waiter.submitted(cost);
  const [first, second] = [wait(), wait()];
  waiter.submitted(cost);
  for (const resolve of done) resolve();
  await Promise.all([first, second]);
  expect(waiter.pending).toBe(1);
});
