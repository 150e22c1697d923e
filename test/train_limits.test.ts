// What training must never do: apply a step that is not finite, go on after one, leak, or hold more than it said.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { RunError } from '../src/errors.ts';
import { mul } from '../src/ops/mul.ts';
import { stepScalar } from '../src/ops/op.ts';
import { countCalls } from '../src/runtime/counters.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageTask } from '../src/tasks/language.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { memoryOf } from '../src/train/memory.ts';
import { tinyRun, validation } from './harness/tiny_training.ts';

const open = () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  return openDevice(wanted ? { adapter: wanted } : {});
};
let device: Device;
beforeAll(async () => {
  device = await open();
});
afterAll(() => device.close());

const valuesOf = async (tensors: Iterable<Tensor>) => {
  const all: number[][] = [];
  for (const t of tensors) all.push([...(await device.read(t))]);
  return all;
};
const norm = (values: number[][]) => Math.sqrt(values.flat().reduce((sum, x) => sum + x * x, 0));

/** Advances to a step; what is told is thrown away. */
async function advance(run: ReturnType<typeof tinyRun>, until: number, learningRate = 0.01) {
  for await (const _ of run.trainer.advance(until, () => ({ batches: [run.batch()], learningRate }))) {
  }
}

describe('a step that is not finite', () => {
  test('is not applied, and neither are the steps queued behind it', async () => {
    const { model, optimizer, batch, release } = tinyRun(device);
    const step = device.compile((b) => {
      const loss = mul(languageTask().loss(model, b).loss, stepScalar('factor'));
      return { loss, ...optimizer.step(backward(loss)) };
    });
    const queue = (factor: number) => step(batch(), { factor, learningRate: 0.01 });
    await queue(1);
    await queue(1);
    await step.collect();
    const before = await valuesOf([...model.parameters, ...optimizer.state().values()]);
    for (const factor of [Number.POSITIVE_INFINITY, 1, 1]) await queue(factor);
    const norms = (await step.collect()).map((r) => r.values.gradNorm![0]!);
    expect(norms.map(Number.isFinite)).toEqual([false, true, true]);
    const after = await valuesOf([...model.parameters, ...optimizer.state().values()]);
    const control = model.parameters.length;
    expect(after[control]).toEqual(before[control]!.with(3, 1)); // two steps applied, and the latch
    expect(after.toSpliced(control, 1)).toEqual(before.toSpliced(control, 1));
    step.release();
    release();
  });

  test('ends the run in that step, and names the weight, the value and the kernel', async () => {
    const run = tinyRun(device);
    await advance(run, 9); // the next burst holds several steps
    const { model, trainer } = run;
    const victim = model.parameters.find((p) => p.name.endsWith('h.1.mlp.c_fc.weight'))!;
    const poisoned = await device.read(victim);
    poisoned[5] = Number.NaN;
    device.write(victim, poisoned);
    const before = await valuesOf(model.parameters);
    const error = await advance(run, 30).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RunError);
    const { message } = error as Error;
    expect(message).toMatch(/^step 10: loss NaN, expected a finite number\. /);
    expect(message).toContain('The weight transformer.h.1.mlp.c_fc.weight holds NaN at element 5.');
    expect(message).toMatch(
      /The first such value is y of matmul in h\.1\.mlp \(kernel matmul\w*\), element 5 \(NaN\)\./,
    );
    expect(trainer.step).toBe(9);
    expect(await valuesOf(model.parameters)).toEqual(before);
    run.release();
  });

  test('is found in an evaluation too', async () => {
    const run = tinyRun(device);
    const [wte] = run.model.parameters;
    const values = await device.read(wte!);
    device.write(wte!, values.fill(3e38));
    await expect(run.trainer.evaluate(validation())).rejects.toThrow(
      /^step 0: loss \S+ in an evaluation, expected a finite/,
    );
    run.release();
  });
});

test('gradients are scaled down to the norm that clipping allows, and told as they were', async () => {
  for (const [gradClip, expected] of [
    [0.25, 0.25],
    [1e6, null],
    [null, null],
  ] as const) {
    const { trainer, optimizer, batch, release } = tinyRun(device, { adamw: { gradClip, beta1: 0.9 } });
    let gradNorm = 0;
    for await (const result of trainer.advance(1, () => ({ batches: [batch()], learningRate: 0.01 })))
      ({ gradNorm } = result);
    // The first moment of the first step is (1 - beta1) times the gradient that was used.
    const m = [...optimizer.state()].filter(([name]) => name.startsWith('m.')).map(([, t]) => t);
    expect(gradNorm).toBeGreaterThan(0.5);
    expect(norm(await valuesOf(optimizer.gradients().values())) / gradNorm).toBeCloseTo(1, 4);
    expect(norm(await valuesOf(m)) / 0.1 / (expected ?? gradNorm)).toBeCloseTo(1, 4);
    release();
  }
});

test('a device that is lost ends the run with a sentence, whatever is done next', async () => {
  const lost = await open();
  const run = tinyRun(lost);
  await advance(run, 3);
  lost.device.destroy();
  const error = await advance(run, 30).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(RunError);
  expect((error as Error).message).toMatch(/^the GPU device was lost/);
  expect(run.trainer.step).toBe(3);
  await expect(lost.read(run.model.parameters[0]!)).rejects.toThrow(/the GPU device was lost/);
  await expect(run.trainer.evaluate(validation())).rejects.toThrow(/the GPU device was lost/);
  lost.close();
});

describe('memory', () => {
  test('after the first step: one submit a step, nothing made, and as many bytes at step 500 as at step 50', async () => {
    const run = tinyRun(device);
    await advance(run, 1);
    const counters = countCalls();
    let pipelines = 0;
    const compile = GPUDevice.prototype.createComputePipelineAsync;
    GPUDevice.prototype.createComputePipelineAsync = function (...args) {
      pipelines++;
      return compile.apply(this, args);
    };
    try {
      await advance(run, 50);
      const { counts } = counters;
      expect(counts.submits).toBe(49);
      expect(counts.passes).toBe(49);
      expect({ bindgroups: counts.bindgroups, buffers: counts.buffers, pipelines }).toEqual({
        bindgroups: 0,
        buffers: 0,
        pipelines: 0,
      });
      const live = device.shared.buffers.liveBytes;
      await advance(run, 500);
      expect(device.shared.buffers.liveBytes).toBe(live);
      expect(counts.buffers + counts.bindgroups + pipelines).toBe(0);
      expect(counts.submits).toBe(499);
    } finally {
      counters.stop();
      GPUDevice.prototype.createComputePipelineAsync = compile;
      run.release();
    }
  });

  test('is what was forecast, and all of it comes back', async () => {
    const fresh = await open();
    const { buffers } = fresh.shared;
    const idle = buffers.liveBytes;
    const run = tinyRun(fresh);
    const { trainer, generator } = run;
    const batch = run.batch();
    const forecast = memoryOf([
      ...trainer.functions(batch, [...validation()][0]!).map((each) => fresh.plan(each.fn, each.batch)),
      ...generator.planned(3, 5).map((each) => fresh.plan(each.fn, each.batch)),
    ]);
    expect(buffers.liveBytes).toBe(idle); // a forecast allocates nothing
    await advance(run, 3);
    await trainer.evaluate(validation());
    for await (const _ of generator.generate([1, 2, 3], { maxNewTokens: 5 })) {
    }
    // What is read for a save is held for a moment, the two buffers for absent bindings from the start.
    expect(buffers.liveBytes - idle).toBe(forecast.total - forecast.bytes.reading - 512);
    const { parameters, gradients, optimizer } = forecast.bytes;
    const slabs = run.model.parameters.reduce((n, p) => n + 4 * 64 * Math.ceil(p.size / 64), 0);
    expect([parameters, gradients]).toEqual([slabs, slabs]);
    expect(optimizer).toBe(2 * slabs + 256);
    run.release();
    fresh.releaseActivations();
    expect(buffers.liveBytes).toBe(idle);
    fresh.close();
    expect(buffers.liveBytes).toBe(0);
  });

  test('a released run can begin again, from its first weights', async () => {
    const run = tinyRun(device);
    const first = await valuesOf(run.model.parameters);
    await advance(run, 2);
    expect(await valuesOf(run.model.parameters)).not.toEqual(first);
    device.release([...run.model.parameters, ...run.optimizer.tensors()]);
    expect(await valuesOf(run.model.parameters)).toEqual(first);
    run.release();
  });
});
