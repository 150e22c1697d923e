// How the host waits for the GPU, with a clock of our own.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Waiter } from '../src/runtime/waiter.ts';

let now = 0;
let pauses: number[] = [];
/** What happens when the clock has come so far. */
let kept: { at: number; resolve: () => void }[] = [];

async function pause(ms: number): Promise<void> {
  pauses.push(ms);
  now += ms;
  for (const { resolve } of kept.filter(({ at }) => at <= now)) resolve();
  await new Promise((turn) => setImmediate(turn));
}

/** A promise of the GPU that is kept so many milliseconds from now. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => kept.push({ at: now + ms, resolve }));
}

beforeEach(() => {
  [now, pauses, kept] = [1000, [], []];
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => vi.restoreAllMocks());

test.each([1, 20, 500, 60_000])(
  'of a wait of %d ms at most 2 %% is lost, or 4 ms, and the thread looks up seldom',
  async (ms) => {
    const waiter = new Waiter(pause);
    await waiter.settle(() => after(ms));
    const late = now - 1000 - ms;
    expect(late).toBeLessThanOrEqual(Math.min(4, Math.max(0.1, 0.021 * ms)));
    expect(pauses.length).toBeLessThan(400 + ms / 3.9);
  },
);

test('behind four waits that took as long the thread looks up less than twenty times, as near to the end', async () => {
  const waiter = new Waiter(pause);
  for (let i = 0; i < 4; i++) await waiter.settle(() => after(20));
  const [since, count] = [now, pauses.length];
  await waiter.settle(() => after(20));
  expect(pauses.length - count).toBeLessThan(20);
  expect(now - since - 20).toBeLessThan(0.42);
});

test('a wait that is shorter than those before it is noticed half of their length late at most, the next ones sooner', async () => {
  const waiter = new Waiter(pause);
  for (let i = 0; i < 4; i++) await waiter.settle(() => after(6));
  const late: number[] = [];
  for (let i = 0; i < 8; i++) {
    const since = now;
    await waiter.settle(() => after(0.1));
    late.push(now - since - 0.1);
  }
  expect(late[0]).toBeLessThan(3);
  expect(late[1]).toBeLessThan(1.5);
  expect(late.at(-1)).toBeLessThan(0.1);
});

test('two waits at once are one row of pauses, which ends with the later one', async () => {
  const waiter = new Waiter(pause);
  await Promise.all([waiter.settle(() => after(50)), waiter.settle(() => after(100))]);
  expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(now - 1000);
  expect(now - 1000).toBeLessThan(104);
});

test('a wait that fails ends the pauses, and the next wait has its own', async () => {
  const waiter = new Waiter(pause);
  await expect(waiter.settle(() => after(5).then(() => Promise.reject(new Error('lost'))))).rejects.toThrow('lost');
  await new Promise((turn) => setTimeout(turn, 5));
  const count = pauses.length;
  await new Promise((turn) => setTimeout(turn, 5));
  expect(pauses.length).toBe(count);
  await waiter.settle(() => after(5));
  expect(pauses.length).toBeGreaterThan(count);
});

test('no pause where waiting costs nothing, or where a comparison asks for none', async () => {
  const spinning = new Waiter(pause);
  spinning.holds = false;
  for (const waiter of [spinning, new Waiter(null)]) await waiter.settle(() => Promise.resolve());
  expect(pauses).toEqual([]);
});

test('of two waits at once each counts what was submitted before it, and nothing else', async () => {
  const waiter = new Waiter(null);
  const done: (() => void)[] = [];
  const wait = () => waiter.settle(() => new Promise<void>((resolve) => done.push(resolve)));
  waiter.submitted();
  waiter.submitted();
  const [first, second] = [wait(), wait()];
  waiter.submitted();
  for (const resolve of done) resolve();
  await Promise.all([first, second]);
  expect(waiter.pending).toBe(1);
});
