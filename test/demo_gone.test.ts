// A GPU that is gone for good: what is said of it, and the CPU twin that goes on with what was saved.
import { expect, test } from 'vitest';
import { inPageWords, pageWords } from '../demo/worker/page_words.ts';
import { noAdapter } from '../demo/worker/recovery.ts';
import { PageVisit, standIn } from './harness/page_visit.ts';
import { text as tale } from './harness/tiny_training.ts';

const LINK = '?layers=1&heads=2&width=16&context=32&batch=2&steps=40&seed=3&warmup=1';

test('a saved run goes on on the CPU where that is chosen, and ends', async () => {
  const undo = standIn(new Map([['moby-dick.txt', tale.repeat(4)]]));
  try {
    const before = new PageVisit();
    before.send({ type: 'open', search: LINK, hidden: false });
    await before.said('event', 0, ({ event }) => event.event === 'step' && event.step === 26);
    before.send({ type: 'stop', keep: true });
    const { savedStep } = await before.said('state', 0, ({ state }) => state === 'stopped');
    const after = new PageVisit();
    after.send({ type: 'open', search: LINK, hidden: false, saving: true, cpu: true });
    const adapter = await after.said('adapter');
    expect(adapter.twin).toBe('The CPU twin was chosen: it trains slower.');
    expect((await after.said('ready')).resumedAt).toBe(savedStep);
    after.send({ type: 'go' });
    await after.said('state', 0, ({ state }) => state === 'done');
    expect(after.events().some(({ event }) => event === 'end')).toBe(true);
  } finally {
    undo();
  }
});

test('what is said of a GPU that is gone names what a person can press', () => {
  const { sentence, offers } = noAdapter(25, false, true);
  expect(sentence).toContain("Reload the page with the browser's own button");
  expect(sentence).toContain('On the CPU it goes on too');
  expect(offers.map(({ command }) => command)).toEqual([{ type: 'go' }, { type: 'go', cpu: true }]);
  expect(noAdapter(25, true, false).offers.length).toBe(1);
  expect(noAdapter(25, true, false).sentence).not.toContain('CPU');
});

test.each([
  [
    "questions are put in the chat template; --prompt-format alpaca takes Alpaca's prompt instead",
    'questions are put in the chat template',
  ],
  [
    "It cannot be written so: generate --chat would ask in the model's own. Ask with --prompt.",
    'It cannot be written so.',
  ],
  ['--pooling last is taken', ''],
  ['a row -- with dashes - stays; all of it.', 'a row -- with dashes - stays; all of it.'],
])('a remark in the words of the page: %s', (line, words) => {
  expect(pageWords(line)).toBe(words);
});

test.each([
  [
    '--context: found 64, expected at most 32, which run has. For example: --context 32',
    'context: found 64, expected at most 32, which run has.',
  ],
  [
    'rows.csv: found 70 different labels, expected at most 64 classes. Name the column of the classes with --label-column.',
    'rows.csv: found 70 different labels, expected at most 64 classes.',
  ],
  [
    'rows.csv: found one class, expected two. Is the class in another column? Name it with --label-column.',
    'rows.csv: found one class, expected two. Is the class in another column?',
  ],
  [
    'a.txt: found "a -- b", expected words. Give another text.',
    'a.txt: found "a -- b", expected words. Give another text.',
  ],
])('a problem in the words of the page: %s', (line, words) => {
  expect(inPageWords({ type: 'error', sentence: line, offers: [] })).toMatchObject({ sentence: words });
  expect(inPageWords({ type: 'prepared', id: 1, prepared: null, error: line })).toMatchObject({ error: words });
});

test.each([
  [
    'found a first loss of 5.000, expected 3.912, which guessing among 50 tokens costs, within 5 %. A smaller --init-std brings it down; if --kernels portable begins elsewhere, a kernel is wrong on this adapter.',
    'found a first loss of 5.000, expected 3.912, which guessing among 50 tokens costs, within 5 %.',
  ],
  ['--pooling last may help', 'pooling last may help'],
])('a warning of a run in the words of the page: %s', (text, words) => {
  const warning = { event: 'warning', step: 1, text } as const;
  expect(inPageWords({ type: 'event', event: warning })).toMatchObject({ event: { step: 1, text: words } });
  expect(inPageWords({ type: 'history', events: [warning] })).toMatchObject({ events: [{ text: words }] });
});
