// Samples at listed steps, besides the periodic ones: they change nothing of the training.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { train } from './harness/tiny_training.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

test('samples come at the listed steps too, once each, and the weights end the same', async () => {
  const plain = await train(device, {});
  const listed = await train(device, { sampleAt: [1, 3, 8, 10] });
  const steps = listed.told.filter(({ event }) => event === 'sample').map(({ step }) => step);
  expect(steps).toEqual([1, 3, 8, 10, 16, 24]);
  expect(listed.hash).toBe(plain.hash);
});

test('a run that goes on does not write them again', async () => {
  const { checkpoints, hash } = await train(device, { sampleAt: [1, 3, 6] });
  const resume = checkpoints.find(({ progress }) => progress.step === 6)!;
  const { told, hash: resumed } = await train(device, { sampleAt: [1, 3, 6], resume });
  expect(told.filter(({ event }) => event === 'sample').map(({ step }) => step)).toEqual([8, 16, 24]);
  expect(resumed).toBe(hash);
});
