// The profile: every dispatch of a step is timed where it stands, and nothing is added to or taken from what a step does.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { profiledPlans, rowsBy } from '../src/cli/profile.ts';
import { InputError } from '../src/errors.ts';
import { attentionPacked } from '../src/ops/attention.ts';
import { matmul } from '../src/ops/matmul.ts';
import { reshape } from '../src/ops/reshape.ts';
import { type Device, openDevice, timestampsOf } from '../src/runtime/device.ts';
import { type ProfiledPlan, profile } from '../src/runtime/profile.ts';
import type { Plan } from '../src/schedule/plan.ts';
import { run } from './harness/inside.ts';
import { tinyRun, vocabSize } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
const adapter = wanted ? { adapter: wanted } : {};
let device: Device;
beforeAll(async () => {
  device = await openDevice({ ...adapter, timestamps: true });
});
afterAll(() => device.close());

const sizes = { batch: 2, context: 16, accumulate: 1 };
const few = { rounds: 3 };

/** The tiny run and its step, ready to be profiled. */
function tinyStep(accumulate = 1) {
  const { trainer, model, batch, release } = tinyRun(device, { accumulate });
  const step = trainer
    .functions(batch(), batch())
    .filter(({ kind }) => kind === 'batch' || kind === 'step')
    .map(({ fn, batch: shapes }) => device.plan(fn, shapes));
  return { model, step, parts: profiledPlans(step, { ...sizes, accumulate }, vocabSize), release };
}

/** The number that the op of a plan counts, all its dispatches together. */
function flopsOf(plan: Plan, op: string): number {
  return plan.dispatches.filter((d) => d.op === op).reduce((sum, { flops }) => sum + (flops ?? 0), 0);
}

const input = (name: string, shape: number[]) => ({
  [name]: { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) },
});

describe('a profile', () => {
  test('times every dispatch of the step, in its order, and its rows add up to the whole', async () => {
    const { step, parts, release } = tinyStep();
    const { dispatches, stepMs, rounds } = await profile(device, parts, few);
    release();
    expect(rounds).toBe(3);
    expect(stepMs).toBeGreaterThan(0);
    expect(dispatches.map(({ dispatch }) => dispatch)).toEqual(step[0]!.dispatches);
    expect(dispatches.every(({ ms, times, bytes }) => ms >= 0 && ms < 1e5 && times === 1 && bytes >= 16)).toBe(true);
    const total = dispatches.reduce((sum, { ms }) => sum + ms, 0);
    expect(total).toBeGreaterThan(0);
    const rows = rowsBy(dispatches, total, ({ dispatch }) => dispatch.kernel);
    expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(step[0]!.dispatches.length);
    expect(rows.map(({ ms }) => ms)).toEqual(rows.map(({ ms }) => ms).sort((a, b) => b - a));
    expect(new Set(rows.map(({ name }) => name))).toEqual(new Set(step[0]!.dispatches.map(({ kernel }) => kernel)));
  });

  test('leaves parameters as they were, and no buffer behind', async () => {
    const { model, parts, release } = tinyStep();
    const before = [];
    for (const parameter of model.parameters) before.push(Array.from(await device.read(parameter)));
    await profile(device, parts, few);
    for (const [i, parameter] of model.parameters.entries())
      expect(Array.from(await device.read(parameter))).toEqual(before[i]);
    const live = device.shared.buffers.count;
    await profile(device, parts, few);
    expect(device.shared.buffers.count).toBe(live);
    release();
  });

  test('counts what a step of several batches repeats', async () => {
    const { step, parts, release } = tinyStep(3);
    expect(parts.map(({ times }) => times)).toEqual([3, 1]);
    const { dispatches } = await profile(device, parts, few);
    release();
    const [ofBatch, ofStep] = step.map((plan) => plan.dispatches.length);
    expect(rowsBy(dispatches, 1, () => 'all')[0]!.count).toBe(3 * ofBatch! + ofStep!);
  });

  test('tells a long dispatch from a short one', async () => {
    const product = (n: number): ProfiledPlan => {
      const batch = { ...input('a', [n, n]), ...input('b', [n, n]) };
      const plan = device.plan(({ a, b }) => ({ y: matmul(a!, b!) }), batch);
      return { plan, batch, scalars: {}, times: 1 };
    };
    const { dispatches } = await profile(device, [product(8), product(256)], { rounds: 9 });
    const [short, long] = dispatches.filter(({ dispatch }) => dispatch.flops !== null);
    expect(long!.ms).toBeGreaterThan(short!.ms);
    expect(long!.bytes).toBe(3 * 4 * 256 * 256);
  });
});

describe('floating-point operations', () => {
  test('of a product are 2 M N K for each of the batch, whatever form computes it and however it is stored', () => {
    const batch = { ...input('a', [3, 5, 7]), ...input('b', [3, 11, 7]) };
    const plan = device.plan(({ a, b }) => ({ y: matmul(a!, b!, { transposeB: true }) }), batch);
    expect(flopsOf(plan, 'matmul')).toBe(2 * 3 * 5 * 7 * 11);
  });

  test('of attention are 4 D for each pair of query and key, half of that where it is causal', () => {
    const [B, T, H, D] = [2, 8, 3, 4];
    const of = (causal: boolean) => {
      const batch = input('qkv', [B, T, 3 * H * D]);
      const plan = device.plan(({ qkv }) => ({ y: attentionPacked(qkv!, { heads: H, causal }) }), batch);
      return flopsOf(plan, 'attention');
    };
    expect(of(false)).toBe(4 * D * B * H * T * T);
    expect(of(true)).toBe(2 * D * B * H * T * T);
  });

  test('of a backward pass are twice those of the forward pass, and a product more that makes the scores again', () => {
    const { step, release } = tinyStep();
    const layers = 2;
    const product = 2 * 8 * 2 * 2 * 16 * 16 * 0.5; // 2 D for B H T T / 2 pairs
    expect(flopsOf(step[0]!, 'attention')).toBe(layers * 2 * product);
    expect(flopsOf(step[0]!, 'attention_backward')).toBe(layers * 5 * product);
    const [tokens, C] = [2 * 16, 16];
    // Each weight beside a bias has its gradient in the same kernel as the bias.
    const weights = layers * 12 * C * C;
    expect(flopsOf(step[0]!, 'matmul_backward_weights')).toBe(2 * tokens * weights);
    expect(flopsOf(step[0]!, 'matmul')).toBe(4 * tokens * weights + 6 * tokens * vocabSize * C);
    release();
  });

  test('are not claimed for what only moves numbers', () => {
    const plan = device.plan(({ a }) => ({ y: reshape(a!, [6]) }), input('a', [2, 3]));
    expect(plan.dispatches.every(({ flops }) => flops === null)).toBe(true);
  });
});

describe('timestamps', () => {
  test('are asked for by a profile and nobody else', async () => {
    expect(device.device.features.has('timestamp-query')).toBe(true);
    const ordinary = await openDevice(adapter);
    expect(ordinary.device.features.has('timestamp-query')).toBe(false);
    ordinary.close();
  });

  test('are finer than the tenth of a millisecond that a page is given', async () => {
    const { parts, release } = tinyStep();
    const { dispatches } = await profile(device, parts, few);
    release();
    expect(dispatches.some(({ ms }) => Math.round(1e6 * ms) % 65536 !== 0)).toBe(true);
  });
});

describe('inspect --profile', () => {
  const words = ['inspect', '--profile', '--layers', '1', '--width', '16', '--context', '8', '--batch', '2'];

  test('prints kernels and parts in 80 columns, and what lies between them and the step', async () => {
    const { code, stdout } = await run(words);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^kernel +count +ms +share +GFLOP\/s +GB\/s$/);
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    expect(stdout).toMatch(/^part /m);
    expect(stdout).toMatch(/^optimizer +\d/m);
    expect(stdout).toMatch(/^the step as it ordinarily runs, 1 submit: [\d.,]+ ms/m);
  });

  test('--trace keeps one part of the model, with its own parts', async () => {
    const { stdout } = await run([...words, '--trace', 'h.0']);
    expect(stdout).toMatch(/^h\.0\.mlp +\d/m);
    expect(stdout).not.toMatch(/^(adamw|optimizer) /m);
    const unknown = await run([...words, '--trace', 'h.7']);
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.errors[0]).toMatch(/^trace h\.7: no part of that name in this plan\. Parts here: embed, /);
  });

  test('--json gives one object with every kernel and every dispatch', async () => {
    const { lines } = await run([...words, '--json']);
    expect(lines).toHaveLength(1);
    const [told] = lines as unknown as [{ kernels: Record<string, number>[]; dispatches: Record<string, number>[] }];
    expect(told).toMatchObject({ event: 'profile', adapter: device.name });
    const counted = told.kernels.reduce((sum, { count }) => sum + count!, 0);
    expect(told.dispatches).toHaveLength(counted);
    expect(told.dispatches.reduce((sum, { share }) => sum + share!, 0)).toBeCloseTo(1, 9);
  });

  test('is refused beside --forecast', async () => {
    const { code, errors } = await run([...words, '--forecast']);
    expect(code).toBe(2);
    expect(errors[0]).toMatch(/^--profile: found together with --forecast/);
  });
});

test('an adapter without timestamps is refused in a sentence', () => {
  const without = { name: 'an old card', adapter: { features: new Set() } };
  expect(() => timestampsOf(without as never)).toThrow(InputError);
  expect(() => timestampsOf(without as never)).toThrow(/^adapter: an old card has no timestamp queries, /);
});
