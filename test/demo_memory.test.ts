// What a run of the page takes of the GPU's memory: what was planned, and nothing that was left there before it.
import { expect, test } from 'vitest';
import { memoryText } from '../demo/page/memory_text.ts';
import { PageVisit, standIn } from './harness/page_visit.ts';
import { text as tale } from './harness/tiny_training.ts';

test('what is measured stays within the plan, to the end of the run', async () => {
  const undo = standIn(new Map([['moby-dick.txt', tale.repeat(4)]]));
  try {
    const visit = new PageVisit();
    const search = '?layers=1&heads=2&width=16&context=32&batch=2&steps=12&seed=3&warmup=1';
    visit.send({ type: 'open', search, hidden: false });
    const { memory } = await visit.said('ready');
    await visit.said('state', 0, ({ state }) => state === 'done');
    const measured = visit.news.flatMap((said) => (said.type === 'measured' ? [said.bytes] : []));
    expect(measured.length).toBeGreaterThan(0);
    expect(memory.exact).toBe(true);
    expect(Math.max(...measured)).toBeLessThanOrEqual(memory.total);
    expect(Math.max(...measured)).toBeGreaterThan(memory.total / 2);
  } finally {
    undo();
  }
});

test('what is held beside the run is told apart from its plan', () => {
  expect(memoryText(4.2e6, undefined)).toBe('4.2 MB planned');
  expect(memoryText(4.2e6, 3.9e6)).toBe('3.9 MB of 4.2 MB planned');
  expect(memoryText(4.2e6, 4.5e6)).toBe('4.2 MB planned, 300 kB beside');
});
