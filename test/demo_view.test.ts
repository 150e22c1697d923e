// How one looks at a run: the view in an address and back, what the loss means in words, why a setting is limited, where a step stands.
import { expect, test } from 'vitest';
import { stepAxis } from '../demo/page/axis.ts';
import { RunRecord } from '../demo/page/run_record.ts';
import { limitOf } from '../demo/page/setting_limits.ts';
import { Store } from '../demo/page/store.ts';
import { storyOf } from '../demo/page/story.ts';
import { PLAIN, readView, type View, writeView } from '../demo/page/view.ts';
import type { News } from '../demo/protocol.ts';
import { recorded } from '../demo/recorded.ts';

const step = (n: number, loss: number, tokensPerSecond = 256) =>
  ({ event: 'step', step: n, loss, learningRate: 0.01, gradNorm: 1, tokensPerSecond }) as const;

/** A run whose loss falls in a straight line. */
function falling(from: number, to: number, steps: number): RunRecord {
  const record = new RunRecord(steps);
  for (let i = 0; i < steps; i++) record.add(step(i + 1, from + ((to - from) * i) / (steps - 1)));
  return record;
}

const text = { vocabSize: 27, tokenizer: 'char', references: { guessing: Math.log(27), letters: 2.8, pairs: 2.4 } };
const training = { state: 'training', savedStep: 0 } as const;

test('a view goes into a hash and comes back; the plain one leaves none', () => {
  const views: View[] = [
    PLAIN,
    { ...PLAIN, step: 30, x: 'tokens', logarithmic: true, open: ['numbers', 'log'] },
    { ...PLAIN, step: 0, x: 'time', open: ['settings'] },
    { ...PLAIN, chapter: 'lora', inside: 'attention', layer: 1, head: 3 },
  ];
  for (const view of views) expect(readView(writeView(view))).toEqual({ view, notes: [] });
  expect(writeView(views[0]!)).toBe('');
  expect(writeView(views[1]!)).toBe('#step=30&x=tokens&y=log&open=numbers,log');
  expect(writeView(views[3]!)).toBe('#tab=lora&inside=attention&layer=1&head=3');
});

test('what a hash says wrongly is left out and told, and the rest is taken', () => {
  const { view, notes } = readView('#step=-1&x=weeks&open=log,attic&foo=1&y=log&x=time&x=step&constructor=1');
  expect(view).toEqual({ ...PLAIN, x: 'time', logarithmic: true, open: ['log'] });
  expect(notes).toEqual([
    '#step: found -1, expected a whole number from 0 to 1000000000; left out.',
    '#x: found weeks, expected one of step, tokens, time; left out.',
    '#open: found attic, expected one of settings, model, text, file, numbers, log, adapter, keys; left out.',
    '"#foo": not a view of this page; left out.',
    '#x: given twice; the first was taken.',
    '"#constructor": not a view of this page; left out.',
  ]);
  expect(readView(`#${'a'.repeat(1000)}`).notes).toEqual(['#: found 1000 characters, expected at most 300; left out.']);
});

test('at the first loss the words are those of guessing, with the own number of characters', () => {
  const record = falling(3.3, 3.2, 3);
  expect(storyOf(record, text, training)).toEqual({
    chapter: 'untrained',
    sentence: 'First loss 3.300, beside ln 27 = 3.30: an untrained model guesses among 27 characters.',
  });
  expect(storyOf(record, { ...text, tokenizer: 'byte' }, training)!.sentence).toContain('27 bytes');
  expect(storyOf(falling(9, 9, 3), text, training)!.sentence).toContain('began elsewhere');
  expect(storyOf(new RunRecord(9), text, training)).toBe(null);
  expect(storyOf(record, text, { state: 'failed', savedStep: 0 })).toBe(null);
});

test('a line counts as crossed when the average stays below it, or a validation is', () => {
  const lucky = falling(3.3, 3.2, 20);
  lucky.add(step(21, 0));
  lucky.add(step(22, 3.2));
  expect(storyOf(lucky, text, training)!.chapter).toBe('untrained');
  const steady = falling(3.3, 2.5, 100);
  const { chapter, sentence } = storyOf(steady, text, training)!;
  expect(chapter).toBe('letters');
  expect(sentence).toMatch(/^Below letter frequencies, 2\.80, since step \d+: /);
  steady.add({ event: 'eval', step: 90, trainLoss: 2.5, validationLoss: 2.39 });
  expect(storyOf(steady, text, training)).toEqual({
    chapter: 'pairs',
    sentence: 'Below letter pairs, 2.40, since step 90: it now uses more than the last character.',
  });
  const unknown = { ...text, references: { guessing: 3.3, letters: null, pairs: null } };
  expect(storyOf(steady, unknown, training)!.chapter).toBe('untrained');
});

test('at the end it says what was reached and whether it is saved', () => {
  const record = falling(3.3, 2.2, 100);
  record.add({ event: 'eval', step: 100, trainLoss: 2.2, validationLoss: 2.3 });
  const saved = storyOf(record, text, { state: 'done', savedStep: 100 })!;
  expect(saved.chapter).toBe('done');
  expect(saved.sentence).toMatch(
    /^All 100 steps are done, validation loss 2\.300\. The run is saved\. Below letter pairs/,
  );
  expect(storyOf(record, text, { state: 'done', savedStep: 0 })!.sentence).toContain('The run is not saved.');
});

test('a limit is told with its reason: by another setting, by the text, or because there is nothing to choose', () => {
  const range = { whole: true, min: 1, max: 9, expected: 'a whole number from 1 to 9' };
  const given = { settings: recorded.settings, range, longestContext: 99 };
  expect(limitOf('heads', given)).toEqual({ disabled: null, reason: 'divides the width, 32', range: range.expected });
  expect(limitOf('context', given).reason).toBe('at most 99, by the length of the text');
  expect(limitOf('seed', given).reason).toBe(null);
  const constant = { ...given, settings: { ...recorded.settings, schedule: 'constant' as const } };
  expect(limitOf('minLearningRate', constant).disabled).toContain('without effect');
  expect(limitOf('minLearningRate', given).disabled).toBe(null);
});

test('every step has its place on every axis, steps to come too', () => {
  const store = new Store();
  const settings = { ...recorded.settings, batch: 8, context: 32 };
  store.take({ type: 'ready', settings, totalSteps: 10, secondsForecast: 10 } as Extract<News, { type: 'ready' }>);
  store.flush();
  for (let n = 1; n <= 4; n++) store.record.add(step(n, 3, n <= 2 ? 256 : 512));
  expect([stepAxis(store, 'step').of(7), stepAxis(store, 'step').end]).toEqual([7, 10]);
  expect([stepAxis(store, 'tokens').of(2), stepAxis(store, 'tokens').end]).toEqual([512, 2560]);
  const time = stepAxis(store, 'time');
  expect([0, 1, 2, 3, 4].map(time.of)).toEqual([0, 1, 2, 2.5, 3]);
  // Six tenths of the forecast are left.
  expect([time.of(7), time.end]).toEqual([6, 9]);
});
