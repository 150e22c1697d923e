// A receipt whose writer cannot be loaded, as after a new version of the page or without a network: that is said, and the run is done.
import { expect, test, vi } from 'vitest';
import { PageVisit, standIn } from './harness/page_visit.ts';
import { text as tale } from './harness/tiny_training.ts';

vi.mock('../demo/worker/witness.ts', () => {
  throw new Error('cannot be fetched');
});

test('a receipt that cannot be written has a reason', async () => {
  const undo = standIn(new Map([['moby-dick.txt', tale.repeat(4)]]));
  try {
    const visit = new PageVisit();
    visit.send({
      type: 'open',
      search: '?layers=1&heads=2&width=16&context=16&batch=2&steps=3&seed=3&warmup=1',
      hidden: false,
    });
    const { link, reason } = await visit.said('receipt');
    expect(link).toBe(null);
    expect(reason).toContain('What writes receipts could not be loaded.');
    await visit.said('state', 0, ({ state }) => state === 'done');
  } finally {
    undo();
  }
});
