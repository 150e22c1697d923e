// What a task tells of its rows: means over all rows of a step and of an evaluation, whatever batches they came in.
import { afterAll, expect, test } from 'vitest';
import { sumTo } from '../src/ops/sum.ts';
import { openDevice } from '../src/runtime/device.ts';
import { languageBatch, languageTask } from '../src/tasks/language.ts';
import { MetricMeans } from '../src/tasks/metrics.ts';
import type { Task } from '../src/tasks/task.ts';
import { loop } from '../src/train/loop.ts';
import { Trainer } from '../src/train/trainer.ts';
import { CONTEXT, ids, schedule, tinyRun } from './harness/tiny_training.ts';

const device = await openDevice();
afterAll(() => device.close());

/** Tells of each row its loss and its first token, and nothing of rows that begin with token 0. */
function tellingTask(): Task {
  return {
    loss(model, batch) {
      const found = languageTask().loss(model, batch);
      return { ...found, observed: { rowLoss: sumTo(found.tokenLoss, [found.tokenLoss.shape[0]!, 1]) } };
    },
    metrics({ inputs }, { rowLoss }) {
      const rows = inputs!.shape[0]!;
      const T = inputs!.shape[1]!;
      const counted = Array.from({ length: rows }, (_, b) => b).filter((b) => inputs!.data[b * T] !== 0);
      return { perRow: counted.map((b) => rowLoss![b]!), first: counted.map((b) => inputs!.data[b * T]!) };
    },
  };
}

function batchOf(rows: number, from: number) {
  const inputs = ids.slice(from, from + rows * CONTEXT);
  return languageBatch({ inputs, targets: ids.slice(from + 1, from + 1 + rows * CONTEXT) }, CONTEXT);
}

const firsts = (batches: ReturnType<typeof batchOf>[]) =>
  batches.flatMap(({ inputs }) =>
    Array.from({ length: inputs!.shape[0]! }, (_, b) => inputs!.data[b * CONTEXT]!).filter((id) => id !== 0),
  );

for (const accumulate of [1, 2]) {
  test(`of a step of ${accumulate} batch${accumulate > 1 ? 'es' : ''} and of an evaluation, as events`, async () => {
    const { model, optimizer, release } = tinyRun(device);
    const task = tellingTask();
    const trainer = new Trainer({ machine: device, model, optimizer, task, accumulate });
    const batches = [batchOf(2, 0), batchOf(3, 7)].slice(0, accumulate);
    const validation = [batchOf(2, 40), batchOf(1, 90)];
    const events = [];
    const options = {
      ...schedule,
      warmupSteps: 0,
      maxSteps: 3,
      evalEvery: 0,
      sampleEvery: 0,
      saveEvery: 0,
      tokensPerStep: CONTEXT,
      batches: () => batches,
      validationBatches: () => validation,
      trainBatches: () => batches,
      sample: async () => '',
      save: async () => null,
      stop: () => false,
    };
    const progress = { step: 0, evaluatedAt: 0, sampledAt: -1, validationLoss: null, best: null };
    for await (const event of loop(trainer, options, progress)) events.push(event);
    const mean = (all: number[]) => all.reduce((a, b) => a + b, 0) / all.length;
    const steps = events.filter((e) => e.event === 'step');
    expect(steps).toHaveLength(3);
    for (const { metrics } of steps) expect(metrics!.first).toBe(mean(firsts(batches)));
    const evaluation = events.find((e) => e.event === 'eval')!;
    expect(evaluation.validationMetrics!.first).toBe(mean(firsts(validation)));
    expect(evaluation.trainMetrics!.first).toBe(mean(firsts(batches)));
    expect(evaluation.validationMetrics!.perRow).toBeGreaterThan(CONTEXT);
    trainer.release();
    release();
  });
}

test('results too large to wait in numbers are read one by one', async () => {
  const { model, optimizer, release } = tinyRun(device);
  const task = tellingTask();
  const trainer = new Trainer({ machine: device, model, optimizer, task });
  // 1,100 rows observed are over the 4 KiB that may wait.
  const rows = 1100;
  const inputs = Int32Array.from({ length: rows * CONTEXT }, (_, i) => 1 + (i % 5));
  const large = languageBatch({ inputs, targets: inputs }, CONTEXT);
  const told = [];
  for await (const { step, metrics } of trainer.advance(3, () => ({ batches: [large], learningRate: 0 })))
    told.push([step, metrics.first]);
  expect(told.map(([step]) => step)).toEqual([1, 2, 3]);
  const evaluated = await trainer.evaluate([large, batchOf(2, 0), large, large]);
  expect(evaluated.metrics.first).toBeGreaterThan(0);
  trainer.release();
  release();
});

test('a figure that no row has is not told', () => {
  const means = new MetricMeans({ metrics: () => ({ none: [], one: [3] }) });
  means.push({}, {});
  means.push({}, {});
  expect(means.means()).toEqual({ one: 3 });
  const untold = new MetricMeans({});
  untold.push({}, {});
  expect(untold.means()).toEqual({});
});
