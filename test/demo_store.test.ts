// What the page knows: news are shown at most ten times a second, and answers, failures and new runs end up where they belong.
import { effect } from '@preact/signals';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { actions, primaryAction } from '../demo/page/actions.ts';
import { Store } from '../demo/page/store.ts';
import type { Command, News, RunState } from '../demo/protocol.ts';
import { recorded } from '../demo/recorded.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const step = (n: number, loss = 3): News => ({
  type: 'event',
  event: { event: 'step', step: n, loss, learningRate: 0.01, gradNorm: 1, tokensPerSecond: 100 },
});
const state = (now: RunState): News => ({ type: 'state', state: now, waitsBecause: null, savedStep: 0, savedAt: null });
const ready = {
  type: 'ready',
  settings: recorded.settings,
  totalSteps: 100,
  link: '?steps=100',
} as Extract<News, { type: 'ready' }>;

/** A store with what it sent. */
function open(): { store: Store; sent: Command[] } {
  const store = new Store();
  const sent: Command[] = [];
  store.connect((command) => sent.push(command));
  return { store, sent };
}

test('a hundred steps in a second are drawn about ten times, and none is lost', () => {
  const { store } = open();
  let drawn = 0;
  effect(() => {
    store.version.value;
    drawn++;
  });
  for (let n = 1; n <= 100; n++) {
    store.take(step(n));
    vi.advanceTimersByTime(10);
  }
  vi.advanceTimersByTime(200);
  expect(drawn).toBeGreaterThan(5);
  expect(drawn).toBeLessThanOrEqual(13);
  expect(store.record.steps.length).toBe(100);
});

test('tokens go to the answer that was asked for, and to no earlier one', () => {
  const { store, sent } = open();
  const options = { temperature: 1, topK: 0, maxNewTokens: 5 };
  store.replies.generate('A', options);
  store.replies.generate('B', options);
  expect(sent.map((command) => command.type)).toEqual(['generate', 'generate']);
  for (const news of [
    { type: 'token', id: 1, text: 'x' },
    { type: 'token', id: 2, text: 'y' },
    { type: 'token', id: 2, text: 'z' },
  ] as const)
    store.take(news);
  store.flush();
  expect(store.replies.answer.value).toMatchObject({ prompt: 'B', text: 'yz', done: false });
  store.take({ type: 'generated', id: 2, text: 'yz!', cancelled: false, error: null });
  store.flush();
  expect(store.replies.answer.value).toMatchObject({ text: 'yz!', done: true });
});

test('a new run forgets the one before, its cursor and its changes', () => {
  const { store } = open();
  store.take(step(1));
  store.take(ready);
  store.flush();
  store.draft.value = { seed: 5 };
  store.chosen.value = 1;
  store.take({ type: 'state', state: 'done', waitsBecause: null, savedStep: 1, savedAt: 1 });
  store.take(ready);
  store.flush();
  expect(store.state.value).toBe(null);
  expect(primaryAction(store)).toBe(undefined);
  expect([store.record.step, store.chosen.value, store.draft.value]).toEqual([0, null, {}]);
});

test('the address follows only a run that was chosen on the page', () => {
  const { store, sent } = open();
  store.take(ready);
  store.flush();
  expect(store.newLink).toBe(null);
  store.draft.value = { seed: 5 };
  store.restart();
  expect(sent.at(-1)).toEqual({ type: 'start', settings: { ...recorded.settings, seed: 5 } });
  store.take(ready);
  store.flush();
  expect(store.newLink).toBe('?steps=100');
});

test('a failed run has a cross at the step it could not make', () => {
  const { store } = open();
  store.take(step(1));
  store.take(state('failed'));
  store.take(state('failed'));
  store.flush();
  expect(store.record.broken).toEqual([2]);
  expect(store.record.ticks.length).toBe(1);
});

test('the pointer comes before what was chosen, and gives it back', () => {
  const { store } = open();
  store.chosen.value = 30;
  store.hovered.value = 7;
  expect(store.cursor.value).toBe(7);
  store.hovered.value = null;
  expect(store.cursor.value).toBe(30);
});

test('buttons offer what the state allows', () => {
  const { store } = open();
  expect(primaryAction(store)).toBe(undefined);
  store.take(ready);
  const label = (now: RunState) => {
    store.take(state(now));
    store.flush();
    return [primaryAction(store)?.label, actions(store).step, actions(store).stop];
  };
  expect(label('waiting')).toEqual(['Start', true, false]);
  expect(label('training')).toEqual(['Pause', false, true]);
  store.take(step(1));
  expect(label('paused')).toEqual(['Go on', true, true]);
  expect(label('done')).toEqual(['Start over', false, false]);
});

test('a self-check that an error ends can be begun again', () => {
  const { store } = open();
  store.take({
    type: 'checked',
    done: 1,
    total: 9,
    case: { name: 'matmul/nn', ok: true, worst: 0.1, detail: '' },
  });
  store.flush();
  expect(store.check.last.value).toMatchObject({ done: 1 });
  store.take({ type: 'error', sentence: 'the GPU device was lost', offers: [] });
  store.flush();
  expect([store.check.last.value, store.check.verdict.value]).toEqual([null, null]);
});

test('a prompt leaves the ways out of an error where they are; whatever goes on with the run closes them', () => {
  const { store } = open();
  store.take({ type: 'error', sentence: 'The loss is no number.', offers: [] });
  store.flush();
  store.replies.generate('Call me', { temperature: 1, topK: 0, maxNewTokens: 1 });
  store.send({ type: 'cancel', id: 1 });
  expect(store.trouble.value?.sentence).toBe('The loss is no number.');
  store.send({ type: 'go' });
  expect(store.trouble.value).toBe(null);
});
