// A fork of a run that is paused while somebody looks at its past: one of the two copies of the run is there at a time.
import { afterEach, expect, test, vi } from 'vitest';
import { Shadow } from '../demo/worker/shadow.ts';
import { PageVisit, standIn } from './harness/page_visit.ts';
import { text as tale } from './harness/tiny_training.ts';

afterEach(() => vi.restoreAllMocks());

test('waits until the question that is being answered is, and begins where the run was', async () => {
  const undo = standIn(new Map([['moby-dick.txt', tale.repeat(4)]]));
  try {
    const visit = new PageVisit();
    visit.send({
      type: 'open',
      search: '?layers=1&heads=2&width=16&context=16&batch=2&steps=12&seed=3&warmup=1',
      hidden: false,
    });
    const { settings } = await visit.said('ready');
    await visit.said('event', 0, ({ event }) => event.event === 'step' && event.step === 5);
    visit.send({ type: 'pause' });
    await visit.said('state', 0, ({ state }) => state === 'paused');

    let [now, most, asked] = [0, 0, false];
    const open = Shadow.open;
    const release = Shadow.prototype.release;
    vi.spyOn(Shadow, 'open').mockImplementation(async (...given) => {
      most = Math.max(most, ++now);
      if (!asked) {
        asked = true;
        // The question is being answered: now somebody forks.
        visit.send({ type: 'fork', step: 3, settings: { ...settings, learningRate: 0.01 } });
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      return open(...given);
    });
    vi.spyOn(Shadow.prototype, 'release').mockImplementation(function (this: Shadow) {
      now--;
      release.call(this);
    });
    const from = visit.news.length;
    visit.send({ type: 'ask', id: 1, step: 1, question: { kind: 'sample' } });
    const { fork } = await visit.said('forked', from);
    expect(await visit.said('answered', from)).toMatchObject({ id: 1, step: 1, error: null });
    expect([now, most]).toEqual([0, 1]);
    expect(fork.step).toBe(3);
    expect(fork.losses![0]).toBe(fork.losses![1]);
    expect(fork.parameters[0]).toBe(fork.parameters[1]);
    await visit.said('state', from, ({ state }) => state === 'done');
  } finally {
    undo();
  }
});
