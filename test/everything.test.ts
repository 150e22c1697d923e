// All that training can be asked for, at once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch } from '../src/tasks/language.ts';
import { CONTEXT, ids, type TinyOptions, tinyRun, train } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const all: TinyOptions = {
  muon: { storedInOut: () => true, weightDecay: 0, adamw: { learningRateScale: 0.5 } },
  accumulate: 2,
  ema: 0.9,
  skipSpikes: true,
  task: { dropout: { p: 0.02, seed: 5 }, recompute: true, logitBytes: 512, labelSmoothing: 0.001 },
  pieceBytes: 16 * 64,
};

test('32 tokens are learnt by heart, by the trained and by the averaged weights', async () => {
  const { trainer, release } = tinyRun(device, all);
  const half = (start: number) =>
    languageBatch({ inputs: ids.slice(start, start + 16), targets: ids.slice(start + 1, start + 17) }, CONTEXT);
  const batches = [half(0), half(16)];
  for await (const _ of trainer.advance(200, () => ({ batches, learningRate: 0.02 })));
  const [trained, averaged] = [await trainer.evaluate(batches), await trainer.evaluate(batches, undefined, 'ema')];
  release();
  expect(trained.loss).toBeLessThan(0.05);
  expect(averaged.loss).toBeLessThan(0.05);
});

test('interrupted, a run goes on to the same bits', async () => {
  const options = { ...all, evalEvery: 6, sampleEvery: 0, maxSteps: 12 };
  const unbroken = await train(device, options);
  const [resume] = unbroken.checkpoints;
  const second = await train(device, { ...options, resume: resume! });
  expect(second.hash).toBe(unbroken.hash);
  expect(second.checkpoints.at(-1)!.ema).toEqual(unbroken.checkpoints.at(-1)!.ema);
});

/** Long enough for losses to be scored. */
const quiet = { evalEvery: 0, sampleEvery: 0, saveEvery: 0, maxSteps: 40 };

test.each<[string, TinyOptions, boolean]>([
  ['Muon', { muon: { storedInOut: () => true } }, true],
  ['accumulation', { accumulate: 2 }, true],
  ['dropout', { task: { dropout: { p: 0.1, seed: 1 } } }, true],
  ['another seed of the masks', { task: { dropout: { p: 0.1, seed: 2 } } }, true],
  ['label smoothing', { task: { labelSmoothing: 0.1 } }, true],
  ['averaged weights', { ema: 0.9 }, false],
  ['recomputed blocks', { task: { recompute: true } }, false],
  ['a guard against spikes', { skipSpikes: true }, false],
])('%s changes a run, or leaves its bits', async (_, options, changes) => {
  const [plain, other] = [await train(device, quiet), await train(device, { ...quiet, ...options })];
  expect(other.hash !== plain.hash).toBe(changes);
});
