// The pure parts of the demo page: the record of a run, the time it still takes, what its charts show, how its model is drawn.
import { expect, test } from 'vitest';
import { agoText } from '../demo/page/ago_text.ts';
import { apart, frameOf, nearestIndex } from '../demo/page/curve_frame.ts';
import { modelTree } from '../demo/page/model_tree.ts';
import { RunRecord } from '../demo/page/run_record.ts';
import { TimeLeft } from '../demo/page/time_left.ts';
import { kindOf } from '../demo/page/token_kind.ts';
import type { StepEvent } from '../src/train/events.ts';

const step = (n: number, loss: number): StepEvent => ({
  event: 'step',
  step: n,
  loss,
  learningRate: 0.01,
  gradNorm: 1.5,
  tokensPerSecond: 3050,
});

function recordOf(...losses: number[]): RunRecord {
  const record = new RunRecord(100);
  losses.forEach((loss, i) => {
    record.add(step(i + 1, loss));
  });
  return record;
}

test('the average is debiased: after one step it is that loss', () => {
  const { average } = recordOf(4, 2);
  expect(average[0]).toBeCloseTo(4, 12);
  expect(average[1]).toBeCloseTo((0.9 * 0.1 * 4 + 0.1 * 2) / (1 - 0.81), 12);
});

test('the average breaks at a loss that is no number, and begins anew behind it', () => {
  const record = recordOf(4, Number.NaN, 2);
  expect(record.average[1]).toBe(null);
  expect(record.average[2]).toBeCloseTo(2, 12);
  expect(record.broken).toEqual([2]);
});

test('a run that goes back to a step forgets what came after it', () => {
  const record = recordOf(4, 3, 9, 9);
  record.add({ event: 'eval', step: 4, trainLoss: 9, validationLoss: 9 });
  record.add({ event: 'sample', step: 2, text: 'kept' });
  record.add(step(3, 2));
  expect(record.steps).toEqual([1, 2, 3]);
  expect(record.loss).toEqual([4, 3, 2]);
  expect(record.average).toEqual(recordOf(4, 3, 2).average);
  expect(record.validation).toEqual([]);
  expect(record.samples.map(({ text }) => text)).toEqual(['kept']);
});

test('samples stand in the order of their steps, each step once', () => {
  const record = new RunRecord(100);
  for (const [at, text] of [
    [10, 'b'],
    [0, 'a'],
    [10, 'c'],
  ] as const)
    record.add({ event: 'sample', step: at, text });
  expect(record.samples).toEqual([
    { step: 0, text: 'a' },
    { step: 10, text: 'c' },
  ]);
});

test('the log has a line a step, and what happened behind its step', () => {
  const record = recordOf(4.39, 3);
  record.add({ event: 'save', step: 1, path: 'step-000001' });
  record.add(step(3, 2.5));
  record.add({ event: 'eval', step: 3, trainLoss: 2.4, validationLoss: 2.6 });
  expect(record.logText().split('\n')).toEqual([
    'step   1/100  loss 4.390  3,050 tok/s  lr 0.01  norm 1.5',
    'step   1  saved',
    'step   2/100  loss 3.000  3,050 tok/s  lr 0.01  norm 1.5',
    'step   3/100  loss 2.500  3,050 tok/s  lr 0.01  norm 1.5',
    'step   3  train 2.400  validation 2.600',
  ]);
  expect(record.log().map(({ step: at }) => at)).toEqual([1, 1, 2, 3, 3]);
  expect(record.log(1)).toEqual(record.log().slice(2));
  expect(record.log(1, 2)).toEqual(record.log().slice(2, 3));
});

test('time left comes from the last thirty steps, and from what lies between steps', () => {
  const time = new TimeLeft();
  let at = 0;
  for (let n = 1; n <= 100; n++) time.step(n, (at += 1000));
  for (let n = 101; n <= 140; n++) time.step(n, (at += 100));
  expect(time.stepMs).toBeCloseTo(100, 9);
  expect(time.secondsLeft(240)).toBeCloseTo(10, 9);
  // An evaluation of 13.9 s in 139 steps: a tenth of a second more for each.
  time.between((at += 13_900));
  expect(time.secondsLeft(240)).toBeCloseTo(20, 9);
});

test('a pause is no part of a step', () => {
  const time = new TimeLeft();
  for (let n = 1; n <= 10; n++) time.step(n, n * 100);
  time.interrupt();
  expect(time.secondsLeft(100)).toBe(undefined);
  for (let n = 11; n <= 20; n++) time.step(n, 60_000 + n * 100);
  expect(time.stepMs).toBeCloseTo(100, 9);
});

test('the axis holds the lines, and a spike only so far that it does not flatten them', () => {
  const { range } = frameOf({ lines: [[4, 3, 2]], raw: [4, 90, 2], references: [] });
  expect(range[0]).toBeLessThan(2);
  expect(range[1]).toBeGreaterThanOrEqual(5);
  expect(range[1]).toBeLessThan(5.5);
});

test('references near the curve are shown, far ones are left to words', () => {
  const references = [
    { label: 'near', value: 4.4 },
    { label: 'far', value: 40 },
  ];
  const { shown, left } = frameOf({ lines: [[4, 2]], raw: [], references });
  expect(shown.map(({ label }) => label)).toEqual(['near']);
  expect(left.map(({ label }) => label)).toEqual(['far']);
});

test('names of lines never cover each other, and stay above the floor', () => {
  const placed = apart([100, 101, 102], 30, 150);
  expect(placed).toEqual([90, 120, 150]);
  expect(apart([10, 200], 30, 500)).toEqual([10, 200]);
});

test('the cursor stands at the nearest step', () => {
  expect(nearestIndex([1, 2, 10], 3)).toBe(1);
  expect(nearestIndex([1, 2, 10], 7)).toBe(2);
  expect(nearestIndex([5], 100)).toBe(0);
});

test('the model is drawn as tables, blocks with their parts, and what follows them', () => {
  const parts = [
    'wte.weight',
    'wpe.weight',
    'h.0.ln_1.weight',
    'h.0.attn.c_attn.weight',
    'h.0.attn.c_proj.weight',
    'h.1.mlp.c_fc.weight',
    'ln_f.weight',
  ].map((name) => ({ name: `transformer.${name}`, shape: [2, 2], bytes: 16 }));
  const groups = modelTree(parts);
  expect(groups.map(({ title }) => title)).toEqual(['', 'block 1 of 2', 'block 2 of 2', '']);
  expect(groups[1]!.boxes.map(({ title, bytes }) => [title, bytes])).toEqual([
    ['norm', 16],
    ['attention', 32],
  ]);
});

test('a module of a strange name is a box of that name', () => {
  const [group] = modelTree([{ name: 'constructor.weight', shape: [1], bytes: 4 }]);
  expect(group!.boxes[0]!.title).toBe('constructor');
});

test('tokens are tinted by what they are made of', () => {
  expect([' ', '\n', 'a', 'A', '.', '\u2014', 'th'].map(kindOf)).toEqual([
    'space',
    'space',
    'letter',
    'capital',
    'mark',
    'mark',
    'letter',
  ]);
});

test('how long ago something was', () => {
  expect([2, 100, 7200, 259_200].map(agoText)).toEqual(['2 s ago', '2 min ago', '2 h ago', '3 days ago']);
});

test('a run that goes on without what was told before stands at the step that it goes on from', () => {
  const record = new RunRecord(100, 60);
  expect([record.step, record.lastLoss]).toEqual([60, undefined]);
  record.add(step(61, 2));
  expect([record.step, record.steps]).toEqual([61, [61]]);
  const told = new RunRecord(100, 60);
  for (const n of [1, 2]) told.add(step(n, 4));
  expect(told.steps).toEqual([1, 2]);
});
