// Runs that stand beside the present one: a fork leaves the run that it parts from in the charts, a new run leaves none.
import { expect, test } from 'vitest';
import { writeLink } from '../demo/link.ts';
import { stepAxis } from '../demo/page/axis.ts';
import { nameOfRun, unlike } from '../demo/page/other_runs.ts';
import { Store } from '../demo/page/store.ts';
import type { Command, News } from '../demo/protocol.ts';
import { recorded } from '../demo/recorded.ts';

function ready(totalSteps: number, more: { learningRate?: number; forked?: boolean } = {}): News {
  const { forked, ...changed } = more;
  const settings = { ...recorded.settings, steps: totalSteps, ...changed };
  return { type: 'ready', settings, totalSteps, link: writeLink(settings), ...(forked && { forked }) } as News;
}
const step = (n: number): News => ({
  type: 'event',
  event: { event: 'step', step: n, loss: 5 - n / 10, learningRate: 0.01, gradNorm: 1, tokensPerSecond: 100 },
});
const parted = (at: number): News => ({
  type: 'forked',
  fork: { step: at, replayedFrom: 0, losses: ['aa', 'aa'], parameters: ['bb', 'bb'] },
});

function told(store: Store, ...news: News[]): void {
  for (const each of news) store.take(each);
  store.flush();
}

test('a fork keeps the run before it with its curve, five in all; the axis holds the longest', () => {
  const store = new Store();
  told(store, ready(100), step(1), step(2));
  told(store, ready(40, { forked: true }), step(1), parted(1));
  expect(store.lineage.others.value.map(({ number, record, fork }) => [number, record.steps.length, fork])).toEqual([
    [1, 2, null],
  ]);
  expect(store.lineage.number.value).toBe(2);
  expect(store.lineage.parted.value).toMatchObject({ step: 1 });
  expect(store.record.ticks).toContainEqual({ step: 1, text: 'forked' });
  expect(stepAxis(store, 'step').end).toBe(100);
  for (let i = 0; i < 6; i++) told(store, ready(40, { forked: true }));
  expect(store.lineage.others.value.map(({ number }) => number)).toEqual([4, 5, 6, 7]);
  told(store, ready(50));
  expect([store.lineage.others.value, store.lineage.number.value, store.lineage.parted.value]).toEqual([[], 1, null]);
});

test('a run is named by what of its settings others do not have', () => {
  const [one, two] = [ready(100), ready(100, { learningRate: 0.002 })].map((news) => (news as { link: string }).link);
  expect(unlike(two!, [one!, two!])).toEqual(['lr=0.002']);
  const run = { number: 2, record: new Store().record, fork: null, link: two! };
  expect(nameOfRun(run, [one!, two!])).toBe('2: lr 0.002');
  expect(nameOfRun(run, [two!])).toBe('run 2');
});

test('the fork command carries the changes of the form', () => {
  const store = new Store();
  const sent: Command[] = [];
  store.connect((command) => sent.push(command));
  told(store, ready(100), step(1));
  store.draft.value = { learningRate: 0.5 };
  store.fork(1);
  expect(sent).toMatchObject([{ type: 'fork', step: 1, settings: { learningRate: 0.5, steps: 100 } }]);
});
