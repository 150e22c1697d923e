// Training as a whole: it learns, it is a pure function of its settings, and an interruption anywhere leaves no trace.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../src/errors.ts';
import { learningRateAt, type ScheduleOptions } from '../src/optim/schedule.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch } from '../src/tasks/language.ts';
import { hashOf } from '../src/train/snapshot.ts';
import {
  CONTEXT,
  ids,
  type Outcome,
  type Stop,
  schedule,
  tinyRun,
  train,
  validation,
  vocabSize,
} from './harness/tiny_training.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

describe('a run', () => {
  let unbroken: Outcome;
  /** Steps, evaluations and samples; when a run saves is its own business. */
  const metrics = ({ told }: Pick<Outcome, 'told'>) => told.filter((e) => e.event !== 'save');
  beforeAll(async () => {
    unbroken = await train(device, {});
  });

  test('tells every step from 1, and evaluates, samples and saves when it is due, and at the end', () => {
    const when = (event: string) => unbroken.told.filter((e) => e.event === event).map((e) => e.step);
    expect(when('step')).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    expect(when('eval')).toEqual([8, 16, 24]);
    expect(when('sample')).toEqual([8, 16, 24]);
    // Every sixth step, and where an evaluation was the best so far.
    expect(when('save')).toEqual(expect.arrayContaining([6, 8, 12, 18, 24]));
  });

  test('begins at the logarithm of the vocabulary and learns', () => {
    const losses = unbroken.told.filter((e) => e.event === 'step').map((e) => e.loss as number);
    expect(Math.abs(losses[0]! - Math.log(vocabSize))).toBeLessThan(0.05 * Math.log(vocabSize));
    expect(losses.at(-1)).toBeLessThan(0.95 * losses[0]!);
  });

  test('gives the same bits again, and others for another seed', async () => {
    const again = await train(device, {});
    expect(again.told).toEqual(unbroken.told);
    expect(again.hash).toBe(unbroken.hash);
    const other = await train(device, { seed: 2, maxSteps: 4, evalEvery: 0, sampleEvery: 0 });
    expect(other.told[0]!.loss).not.toBe(unbroken.told[0]!.loss);
  });

  const interruptions: [string, Stop][] = [
    ...[1, 2, 7, 13, 23].map((n): [string, Stop] => [`after step ${n}`, (drawn) => drawn >= n]),
    ['at an evaluation boundary, before the evaluation', (drawn, doing) => drawn >= 8 && doing === 'training'],
    ['while evaluating', (drawn, doing) => drawn >= 16 && doing === 'validating'],
    ['while sampling', (drawn, doing) => drawn >= 16 && doing === 'sampling'],
    ['between the last step and its evaluation', (drawn) => drawn >= 24],
  ];
  test.each(interruptions)('interrupted %s goes on to the same bits', async (_, when) => {
    let stopped = false;
    const first = await train(device, {
      stop: (drawn, doing) => {
        stopped ||= when(drawn, doing);
        return stopped;
      },
    });
    expect(stopped).toBe(true);
    expect(metrics(first).length).toBeLessThan(metrics(unbroken).length);
    const second = await train(device, { resume: first.checkpoints.at(-1)! });
    expect(metrics({ told: [...first.told, ...second.told] })).toEqual(metrics(unbroken));
    expect(second.hash).toBe(unbroken.hash);
  });

  test('killed, it goes on from whichever save was the last, to the same bits', async () => {
    expect(unbroken.checkpoints.length).toBeGreaterThan(4);
    for (const resume of unbroken.checkpoints.slice(0, 3)) {
      const { hash, told } = await train(device, { resume });
      expect(hash).toBe(unbroken.hash);
      expect(metrics({ told })).toEqual(metrics(unbroken).filter((e) => e.step > resume.progress.step));
    }
  });

  test('longer than it was, it goes on', async () => {
    const longer = await train(device, { resume: unbroken.checkpoints.at(-1)!, maxSteps: 26, schedule: 'constant' });
    expect(longer.told.filter((e) => e.event === 'step').map((e) => e.step)).toEqual([25, 26]);
  });

  test('a save that failed is not told, and made up for at the next', async () => {
    let tries = 0;
    const save = async () => (++tries <= 2 ? null : 'saved');
    const { told } = await train(device, { save, evalEvery: 0, sampleEvery: 0 });
    expect(told.filter((e) => e.event === 'save').map((e) => e.step)).toEqual([18, 24]);
  });
});

test('32 tokens are learnt by heart', async () => {
  const { trainer, release } = tinyRun(device, { adamw: { weightDecay: 0 } });
  const rows = { inputs: ids.slice(0, 32), targets: ids.slice(1, 33) };
  const batch = languageBatch(rows, CONTEXT);
  let last = Number.POSITIVE_INFINITY;
  for await (const { loss } of trainer.advance(200, () => ({ batches: [batch], learningRate: 0.01 }))) last = loss;
  release();
  expect(last).toBeLessThan(0.05);
});

test('many steps in a burst with a changing rate equal steps one by one, bit for bit', async () => {
  const run = async (together: boolean) => {
    const { trainer, model, batch, release } = tinyRun(device);
    const results: unknown[] = [];
    const next = (step: number) => ({
      batches: [batch()],
      learningRate: learningRateAt(step - 1, { ...schedule, maxSteps: 20 }),
    });
    for (let until = together ? 20 : 1; until <= 20; until++)
      for await (const { ms: _, ...result } of trainer.advance(until, next)) results.push(result);
    const hash = await hashOf(device, model);
    release();
    return { results, hash };
  };
  const [burst, single] = [await run(true), await run(false)];
  expect(burst.results.length).toBe(20);
  expect(burst).toEqual(single);
});

test('an evaluation is the mean over all tokens, whatever the size of its batches, and changes nothing', async () => {
  const { trainer, model, release } = tinyRun(device);
  const before = await hashOf(device, model);
  const whole = await trainer.evaluate(validation());
  const tokens = [...validation()].flatMap((b) => [...b.targets!.data]).filter((t) => t >= 0).length;
  expect(whole.tokens).toBe(tokens);
  expect(tokens).toBe(59);
  expect(Math.abs(whole.loss - Math.log(vocabSize))).toBeLessThan(0.05 * Math.log(vocabSize));
  expect(await hashOf(device, model)).toBe(before);
  release();
});

describe('schedules', () => {
  const at = (name: ScheduleOptions['schedule'], steps: number[], more: Partial<ScheduleOptions> = {}) => {
    const o = { schedule: name, learningRate: 1, minLearningRate: 0.1, warmupSteps: 4, maxSteps: 104, ...more };
    return steps.map((s) => Number(learningRateAt(s, o).toFixed(6)));
  };

  test('all warm up in a straight line that ends at the learning rate', () => {
    for (const name of ['cosine', 'linear', 'constant', 'wsd'] as const)
      expect(at(name, [0, 1, 2, 3, 4])).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
  });

  test('cosine: half way down in the middle, the least at the end', () => {
    expect(at('cosine', [4, 29, 54, 79, 104, 200])).toEqual([1, 0.868198, 0.55, 0.231802, 0.1, 0.1]);
  });

  test('linear: a straight line; constant: stays; wsd: stays, and falls in the last fifth', () => {
    expect(at('linear', [4, 29, 54, 79, 104])).toEqual([1, 0.775, 0.55, 0.325, 0.1]);
    expect(at('constant', [4, 54, 104])).toEqual([1, 1, 1]);
    expect(at('wsd', [4, 54, 84, 94, 104])).toEqual([1, 1, 1, 0.55, 0.1]);
  });

  test("inverse-sqrt: the original transformer's, whatever the number of steps", () => {
    expect(at('inverse-sqrt', [0, 1, 3, 15, 63, 99, 999])).toEqual([0.25, 0.5, 1, 0.5, 0.25, 0.2, 0.1]);
    expect(at('inverse-sqrt', [15, 63], { maxSteps: 1e6 })).toEqual([0.5, 0.25]);
    expect(at('inverse-sqrt', [0, 3, 24], { warmupSteps: 0, minLearningRate: 0 })).toEqual([1, 0.5, 0.2]);
    // Width 32 and 6 steps of warm-up, times 0.05, of a run in PyTorch.
    const peak = 0.05 * (32 * 6) ** -0.5;
    const o = { learningRate: peak, minLearningRate: 0, warmupSteps: 6, maxSteps: 10 };
    const file = readFileSync(new URL('golden/traces/encdec/trace.json', import.meta.url), 'utf8');
    const { lr } = (JSON.parse(file) as { hyperparameters: { lr: number[] } }).hyperparameters;
    const own = lr.map((_, t) => learningRateAt(t, { schedule: 'inverse-sqrt', ...o }));
    expect(own.map((rate, t) => Math.abs(rate / lr[t]! - 1) < 1e-14)).toEqual(lr.map(() => true));
  });

  test('no warm-up, and one that takes the whole run', () => {
    expect(at('linear', [0, 50, 100], { warmupSteps: 0, maxSteps: 100 })).toEqual([1, 0.55, 0.1]);
    expect(at('cosine', [0, 1], { warmupSteps: 2, maxSteps: 2 })).toEqual([0.333333, 0.666667]);
    expect(() => at('cosine', [0], { warmupSteps: 5, maxSteps: 4 })).toThrow(InputError);
  });
});
