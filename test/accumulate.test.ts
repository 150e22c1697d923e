// Gradient accumulation: several batches make one step, and weigh as one large batch would.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Batch } from '../src/autograd/machine.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { randomBits } from '../src/tensor/random.ts';
import { hashOf } from '../src/train/snapshot.ts';
import type { PlannedFunction, StepResult } from '../src/train/step.ts';
import { CONTEXT, ids, type TinyOptions, tinyRun, train } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

/** Rows of text; of row n only every (n + 1)-th target counts. */
function rows(step: number, from: number, count: number): Batch {
  const tokens = (shift: number) =>
    Int32Array.from({ length: count * CONTEXT }, (_, i) => {
      const row = from + Math.floor(i / CONTEXT);
      const start = randomBits(7, step, row) % (ids.length - CONTEXT - 1);
      const at = i % CONTEXT;
      return shift === 1 && at % (row + 1) !== 0 ? -100 : ids[start + at + shift]!;
    });
  const shape = [count, CONTEXT];
  return { inputs: { shape, data: tokens(0) }, targets: { shape, data: tokens(1) } };
}

async function steps(parts: number, options: TinyOptions = {}) {
  const { trainer, model, release } = tinyRun(device, { accumulate: parts, ...options });
  const results: StepResult[] = [];
  const next = (step: number) => ({
    batches: Array.from({ length: parts }, (_, i) => rows(step, (12 / parts) * i, 12 / parts)),
    learningRate: 0.01,
  });
  for await (const result of trainer.advance(4, next)) results.push(result);
  const values = await Promise.all(
    model.parameters.map(async (p) => [p.name, (await device.read(p)) as Float32Array] as const),
  );
  release();
  return { results, values };
}

test.each([
  ['AdamW', {}],
  ['Muon', { muon: { storedInOut: () => true, adamw: { learningRateScale: 0.5 } } }],
] as const)('%s: four batches of three rows equal one of twelve, with unequal masks', async (_, options) => {
  const [whole, parts] = [await steps(1, options), await steps(4, options)];
  for (const [i, { loss, gradNorm }] of whole.results.entries()) {
    expect(Math.abs(parts.results[i]!.loss - loss)).toBeLessThan(2e-6 * loss);
    expect(Math.abs(parts.results[i]!.gradNorm - gradNorm)).toBeLessThan(2e-5 * gradNorm);
  }
  for (const [i, [name, values]] of whole.values.entries()) {
    // Adam divides by the size of the gradient, and that of a key bias is rounding noise.
    if (name.endsWith('c_attn.bias')) continue;
    const other = parts.values[i]![1];
    const worst = values.reduce((most: number, x: number, at: number) => Math.max(most, Math.abs(x - other[at]!)), 0);
    expect(worst, name).toBeLessThan(5e-5);
  }
});

test('a mean of the four means would be another loss', async () => {
  const { trainer, release } = tinyRun(device);
  const each = [];
  for (const from of [0, 3, 6, 9]) each.push(await trainer.evaluate([rows(1, from, 3)]));
  const whole = await trainer.evaluate([rows(1, 0, 12)]);
  release();
  expect(new Set(each.map(({ tokens }) => tokens)).size).toBeGreaterThan(1);
  const ofMeans = each.reduce((sum, { loss }) => sum + loss, 0) / 4;
  expect(Math.abs(ofMeans - whole.loss)).toBeGreaterThan(1e-3);
});

test('gradients are added in the place where they are kept: a matrix is not copied', () => {
  const { trainer, release } = tinyRun(device, { accumulate: 2 });
  const [{ fn }] = trainer.functions(rows(0, 0, 3), {}) as [PlannedFunction];
  const plan = makePlan(graphOf(fn, rows(0, 0, 3)), device.capabilities);
  release();
  const copied = plan.dispatches.filter((d) => d.kernel === 'copy').map((d) => d.bindings[0]!.value!.shape.length);
  expect(copied.filter((axes) => axes > 1)).toEqual([]);
});

test('interrupted, a run goes on to the same bits', async () => {
  const options = { accumulate: 3, evalEvery: 0, sampleEvery: 0, maxSteps: 12 };
  const unbroken = await train(device, options);
  const [resume] = unbroken.checkpoints;
  const second = await train(device, { ...options, resume: resume! });
  expect(second.hash).toBe(unbroken.hash);
  expect(second.told).toEqual(unbroken.told.filter(({ step }) => step > 6));
});

test('a stop between two batches of a step leaves the run as it was before the step', async () => {
  const next = (step: number) => ({
    batches: Array.from({ length: 4 }, (_, i) => rows(step, 3 * i, 3)),
    learningRate: 0.01,
  });
  const run = async (interrupted: boolean) => {
    const { trainer, model, release } = tinyRun(device, { accumulate: 4 });
    const losses: number[] = [];
    for await (const { loss } of trainer.advance(2, next)) losses.push(loss);
    // The first question is asked before the step, the second and third between its batches.
    let asked = 0;
    if (interrupted) for await (const { loss } of trainer.advance(3, next, () => ++asked > 3)) losses.push(loss);
    if (interrupted) expect([asked > 3, trainer.step]).toEqual([true, 2]);
    for await (const { loss, rowLosses } of trainer.advance(4, next)) {
      losses.push(loss);
      expect(rowLosses.map(({ length }) => length)).toEqual([3, 3, 3, 3]);
    }
    const hash = await hashOf(device, model);
    release();
    return { losses, hash };
  };
  expect(await run(true)).toEqual(await run(false));
});
