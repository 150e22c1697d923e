// Averaged weights: a second map of the parameters, evaluated and saved beside the trained ones.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bytesSource } from '../src/checkpoint/safetensors.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { loadModel } from '../src/train/snapshot.ts';
import { tinyRun, train, validation } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const DECAY = 0.9;
const quiet = { sampleEvery: 0, evalEvery: 6, maxSteps: 12 };

test('they follow the trained weights by the formula, and change nothing of the training', async () => {
  const { trainer, model, batch, release } = tinyRun(device, { ema: DECAY });
  const [first] = model.parameters;
  const own = trainer.ema!.weights.get(first!)!;
  let expected = Float64Array.from(first!.firstValues()!);
  for (let step = 1; step <= 8; step++) {
    for await (const _ of trainer.advance(step, () => ({ batches: [batch()], learningRate: 0.01 }))) {
      const now = await device.read(first!);
      const share = 1 - Math.min(DECAY, (1 + step) / (10 + step));
      expected = expected.map((a, i) => a + share * (now[i]! - a));
    }
  }
  const found = await device.read(own);
  const worst = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - found[i]!)), 0);
  expect(worst).toBeLessThan(1e-6);
  release();
  const [plain, averaged] = [await train(device, quiet), await train(device, { ...quiet, ema: DECAY })];
  expect(averaged.hash).toBe(plain.hash);
});

test('an evaluation of them is that of a model with those weights', async () => {
  const { told, checkpoints } = await train(device, { ...quiet, ema: DECAY });
  const [evaluated] = told.filter(({ event, step }) => event === 'eval' && step === 12);
  expect(evaluated!.emaValidationLoss).not.toBe(evaluated!.validationLoss);
  const { trainer, model, release } = tinyRun(device);
  await loadModel(device, model, [bytesSource('ema.safetensors', checkpoints.at(-1)!.ema!)]);
  expect((await trainer.evaluate(validation())).loss).toBe(evaluated!.emaValidationLoss);
  release();
});

test('interrupted, a run goes on with them to the same bits', async () => {
  const unbroken = await train(device, { ...quiet, ema: DECAY });
  const [resume] = unbroken.checkpoints;
  expect(resume!.progress.step).toBe(6);
  const second = await train(device, { ...quiet, ema: DECAY, resume: resume! });
  expect(second.told.at(-1)).toEqual(unbroken.told.at(-1));
  expect(second.checkpoints.at(-1)!.ema).toEqual(unbroken.checkpoints.at(-1)!.ema);
});
