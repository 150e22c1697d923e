// A poisoned batch: seen by its loss, told with its text, and left out if asked.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch } from '../src/tasks/language.ts';
import { hashOf } from '../src/train/snapshot.ts';
import type { StepResult } from '../src/train/step.ts';
import { CONTEXT, ids, tinyRun, train, vocabSize } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const STEPS = 90;
const POISONED = 70;

/** Tokens that follow on each other nowhere in the text, with the rarest as targets. */
const poison = languageBatch(
  {
    inputs: Int32Array.from({ length: 2 * CONTEXT }, (_, i) => (i * 7) % vocabSize),
    targets: new Int32Array(2 * CONTEXT).fill(ids[0]!),
  },
  CONTEXT,
);

async function run({ skip, poisoned }: { skip: boolean; poisoned: boolean }) {
  const { trainer, model, batch, release } = tinyRun(device, { skipSpikes: skip });
  const results: StepResult[] = [];
  const next = (step: number) => ({
    batches: [poisoned && step === POISONED ? poison : batch()],
    learningRate: 0.01,
  });
  const steps = STEPS + (poisoned ? 1 : 0);
  for await (const result of trainer.advance(steps, next)) results.push(result);
  const hash = await hashOf(device, model);
  release();
  return { results, hash };
}

test('without skipping it is seen, and trained on all the same', async () => {
  const [plain, told] = [await run({ skip: false, poisoned: false }), await run({ skip: false, poisoned: true })];
  expect(plain.results.filter(({ z }) => z > 6)).toEqual([]);
  const spikes = told.results.filter(({ z }) => z > 6);
  expect(spikes.map(({ step, skipped }) => [step, skipped])).toEqual([[POISONED, false]]);
  expect(told.hash).not.toBe(plain.hash);
});

test('with skipping the run is the one without it, to the bit', async () => {
  const [plain, skipping] = [await run({ skip: true, poisoned: false }), await run({ skip: true, poisoned: true })];
  const left = skipping.results.filter(({ step }) => step !== POISONED).map(({ loss }) => loss);
  expect(skipping.results.filter(({ skipped }) => skipped).map(({ step }) => step)).toEqual([POISONED]);
  expect(left).toEqual(plain.results.map(({ loss }) => loss));
  expect(skipping.hash).toBe(plain.hash);
});

test('a run that goes on remembers how its losses ran: it skips what the unbroken one skips', async () => {
  const options = { skipSpikes: true, evalEvery: 0, sampleEvery: 0, saveEvery: 40, maxSteps: 80 };
  const poisoned = (drawn: number) => {
    const { batch, sampler, release } = tinyRun(device);
    sampler.restore({ ...sampler.state(), step: drawn });
    release();
    let step = drawn;
    return () => [++step === POISONED ? poison : batch()];
  };
  const unbroken = await train(device, { ...options, batches: poisoned(0) });
  const [resume] = unbroken.checkpoints;
  expect(resume!.progress.step).toBe(40);
  const second = await train(device, { ...options, resume: resume!, batches: poisoned(40) });
  const spikes = (told: typeof second.told) => told.filter(({ event }) => event === 'spike');
  expect(spikes(unbroken.told)).toMatchObject([{ step: POISONED, skipped: true }]);
  expect(spikes(second.told)).toEqual(spikes(unbroken.told));
  expect(second.hash).toBe(unbroken.hash);
  expect(second.checkpoints.at(-1)!.optimizer).toEqual(unbroken.checkpoints.at(-1)!.optimizer);
});

test('the loop tells it with its text', async () => {
  let drawn = 0;
  const { batch, release } = tinyRun(device);
  const { told } = await train(device, {
    maxSteps: 80,
    evalEvery: 0,
    sampleEvery: 0,
    saveEvery: 0,
    warmupSteps: 0,
    batches: () => [++drawn === POISONED ? poison : batch()],
    spikeText: ({ batches: [found] }) => `row of ${found === poison ? 'poison' : 'something else'}`,
    firstLoss: (loss) => (loss > 2 ? 'an odd first loss' : null),
  });
  release();
  expect(told.find(({ event }) => event === 'warning')).toEqual({
    event: 'warning',
    step: 1,
    text: 'an odd first loss',
  });
  const [spike, ...others] = told.filter(({ event }) => event === 'spike');
  expect(others).toEqual([]);
  expect(spike).toMatchObject({ step: POISONED, skipped: false, text: 'row of poison' });
});
