// Muon: orthogonalized steps for the matrices, AdamW for the rest, one norm and one gate for both.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Machine } from '../src/autograd/machine.ts';
import { InputError } from '../src/errors.ts';
import { mul } from '../src/ops/mul.ts';
import { stepScalar } from '../src/ops/op.ts';
import { Muon, type MuonOptions } from '../src/optim/muon.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch, languageTask } from '../src/tasks/language.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { expectClose, onBoth } from './harness/op_compare.ts';
import type { Named } from './harness/op_sample.ts';
import { diagonal, lifted } from './harness/singular_values.ts';
import { CONTEXT, ids, tinyRun, train } from './harness/tiny_training.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const parameter = (name: string, shape: readonly number[], values?: Float32Array) =>
  new Tensor({ kind: 'parameter', name, shape, ...(values && { init: () => values }) });

const valuesOf = async (machine: Machine, tensors: Iterable<Tensor>) => {
  const all: number[][] = [];
  for (const t of tensors) all.push([...(await machine.read(t))]);
  return all;
};

describe('a step', () => {
  /** Two steps with one gradient of singular values 3 and 1. */
  async function twoSteps(rows: number, cols: number, options: MuonOptions) {
    const start = Float32Array.from({ length: rows * cols }, (_, i) => i / 10);
    const p = parameter('p', [rows, cols], start);
    const optimizer = new Muon([p], options);
    const step = device.compile(({ g }) => optimizer.step(new Map([[p, g!]])));
    const g = { shape: [rows, cols], data: diagonal(rows, cols, [3, 1]) };
    for (let i = 0; i < 2; i++) await step({ g }, { learningRate: 0.1 });
    const after = await device.read(p);
    const momentum = await device.read(optimizer.state().get('momentum.p')!);
    step.release();
    device.release([p, ...optimizer.tensors()]);
    return { start, after, momentum };
  }
  // One gradient again and again: direction and momentum are multiples of it, and the length of a direction does not count.
  const expected = (start: Float32Array, rows: number, cols: number, factor: number, weightDecay: number) => {
    const direction = diagonal(rows, cols, lifted([3, 1]));
    const once = (p: Float32Array) => p.map((x, i) => x * (1 - 0.1 * weightDecay) - 0.1 * factor * direction[i]!);
    return once(once(start));
  };

  const inOut: MuonOptions = { storedInOut: () => true };
  test.each<[string, number, number, MuonOptions, number]>([
    ['wide', 2, 8, {}, 1],
    ['tall: more outputs than inputs', 8, 2, {}, 2],
    ['wide, stored (in,out): more outputs than inputs', 2, 8, inOut, 2],
    ['tall, stored (in,out)', 8, 2, inOut, 1],
    ['without nesterov', 2, 8, { nesterov: false }, 1],
    ['without decay', 2, 8, { weightDecay: 0 }, 1],
  ])('is the formula: %s', async (_, rows, cols, options, factor) => {
    const { start, after } = await twoSteps(rows, cols, options);
    const { weightDecay = 0.1 } = options;
    expectClose('p', after, expected(start, rows, cols, factor, weightDecay), 1e-5);
  });

  test('remembers gradients as they were clipped', async () => {
    const gradient = diagonal(2, 8, [3, 1]);
    const share = 0.95 * 0.05 + 0.05;
    const whole = await twoSteps(2, 8, {});
    expectClose(
      'momentum',
      whole.momentum,
      gradient.map((x) => share * x),
      1e-6,
    );
    const clipped = await twoSteps(2, 8, { gradClip: 1 });
    expectClose(
      'momentum',
      clipped.momentum,
      gradient.map((x) => (share * x) / Math.sqrt(10)),
      1e-5,
    );
  });

  test('of matrices and vectors is the same on the device and on the twin', async () => {
    let optimizer: Muon | undefined;
    const build = ({ p, q, r, dp, dq, dr }: Named) => {
      optimizer ??= new Muon([p!, q!, r!], { gradClip: 1, adamw: { learningRateScale: 0.1 } });
      const { gradNorm } = optimizer.step(
        new Map([
          [p!, dp!],
          [q!, dq!],
          [r!, dr!],
        ]),
      );
      return { p: p!, q: q!, r: r!, gradNorm, ...Object.fromEntries(optimizer.state()) };
    };
    const [p, q, r] = [[33, 9], [257], [12, 40]];
    const real = { p: p!, q: q!, r: r!, dp: p!, dq: q!, dr: r! };
    const sample = { name: 'mixed', real, build, forwardOnly: true as const, scalars: { learningRate: 0.02 } };
    const [got, twin] = await onBoth(device, sample, 3);
    for (const [name, values] of twin) expectClose(name, got.get(name)!, values, 1e-5);
    device.release(optimizer!.tensors());
  });
});

describe('who is whose', () => {
  const named = (state: ReadonlyMap<string, Tensor>, prefix: string) =>
    [...state.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));

  test('matrices between layers are given to Muon; tables, biases and norms to AdamW', () => {
    const { model, optimizer, release } = tinyRun(device, { muon: {} });
    const state = optimizer.state();
    const isMatrix = (name: string) => /\.h\.\d\.(attn|mlp)\.\w+\.weight$/.test(name);
    const names = model.parameters.map((p) => p.name);
    expect(names.filter(isMatrix).length).toBe(8);
    expect(named(state, 'momentum.')).toEqual(names.filter(isMatrix));
    expect(named(state, 'm.').sort()).toEqual(names.filter((name) => !isMatrix(name)).sort());
    expect(named(state, 'v.')).toEqual(named(state, 'm.'));
    expect(new Set(optimizer.gradients().keys())).toEqual(new Set(model.parameters));
    for (const [name, tensor] of state) {
      const owner = model.parameters.find((p) => name.endsWith(`.${p.name}`));
      expect(tensor.shape, name).toEqual(owner?.shape ?? [8]);
    }
    release();
  });

  test('the options say otherwise', () => {
    const all = [parameter('wte.weight', [5, 4]), parameter('a', [4, 4]), parameter('b', [4])];
    const matrices = ({ name }: Tensor) => name !== 'a' && name !== 'b';
    const state = new Muon(all, { matrices }).state();
    expect([...state.keys()]).toEqual(['control', 'momentum.wte.weight', 'm.a', 'v.a', 'm.b', 'v.b']);
  });

  test('frozen parameters are left out', () => {
    const [a, b] = [parameter('a', [4, 4]), parameter('b', [4, 4])];
    b.trainable = false;
    expect([...new Muon([a, b]).state().keys()]).toEqual(['control', 'momentum.a']);
    a.trainable = false;
    expect(() => new Muon([a, b])).toThrow('Muon: no parameter is trainable.');
  });

  test('what cannot be is refused', () => {
    const [a, b] = [parameter('a', [4, 4]), parameter('b', [4])];
    expect(() => new Muon([a, a])).toThrow(InputError);
    expect(() => new Muon([a, a])).toThrow('Muon: a (4,4) is given twice.');
    expect(() => new Muon([a, b], { matrices: () => true })).toThrow('Muon: b (4) is no matrix: expected two axes.');
    const step = new Twin().compile(() => new Muon([a]).step(new Map()));
    return expect(step({}, { learningRate: 1 })).rejects.toThrow('Muon: found no gradient for a,');
  });
});

describe('one gate', () => {
  test.each(['a matrix', 'a vector'])('is shut for all by a number of %s that is not finite', async (where) => {
    const [p, q] = [parameter('p', [3, 5], diagonal(3, 5, [1, 2, 3])), parameter('q', [6])];
    const optimizer = new Muon([p, q]);
    const step = device.compile(({ dp, dq }) =>
      optimizer.step(
        new Map([
          [p, dp!],
          [q, dq!],
        ]),
      ),
    );
    const queue = (first: number, second: number) =>
      step(
        {
          dp: { shape: [3, 5], data: diagonal(3, 5, [first, 1]) },
          dq: { shape: [6], data: Float32Array.of(second, 1, 1, 1, 1, 1) },
        },
        { learningRate: 0.1 },
      );
    await queue(1, 1);
    const all = [p, q, ...optimizer.state().values()];
    const control = all.indexOf(optimizer.control);
    const before = await valuesOf(device, all);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
      await queue(...((where === 'a matrix' ? [bad, 1] : [1, bad]) as [number, number]));
    await queue(1, 1);
    const after = await valuesOf(device, all);
    expect(after[control]).toEqual(before[control]!.with(3, 1));
    expect(after.toSpliced(control, 1)).toEqual(before.toSpliced(control, 1));
    step.release();
    device.release([p, q, ...optimizer.tensors()]);
  });

  test('and one norm over all gradients, told before clipping', async () => {
    const { model, optimizer, batch, release } = tinyRun(device, { muon: { gradClip: 0.25 } });
    const step = device.compile((b) => {
      const loss = mul(languageTask().loss(model, b).loss, stepScalar('factor'));
      return { loss, ...optimizer.step(backward(loss)) };
    });
    const results = await step(batch(), { factor: 2, learningRate: 0.01 });
    const norm = Math.hypot(...(await valuesOf(device, optimizer.gradients().values())).flat());
    expect(norm).toBeGreaterThan(0.5);
    expect((await results.gradNorm!.item()) / norm).toBeCloseTo(1, 4);
    // What the first step remembers: a twentieth of a matrix's clipped gradient, and a tenth of a vector's.
    const state = [...optimizer.state()];
    const held = async (prefix: string) =>
      Math.hypot(
        ...(
          await valuesOf(
            device,
            state.flatMap(([n, t]) => (n.startsWith(prefix) ? [t] : [])),
          )
        ).flat(),
      );
    expect(Math.hypot((await held('momentum.')) / 0.05, (await held('m.')) / 0.1) / 0.25).toBeCloseTo(1, 4);
    step.release();
    release();
  });
});

describe('a tiny GPT', () => {
  const muon: MuonOptions = { storedInOut: () => true, adamw: { learningRateScale: 0.5 } };

  test('learns 32 tokens by heart', async () => {
    const { trainer, release } = tinyRun(device, { muon: { ...muon, weightDecay: 0 } });
    const batch = languageBatch({ inputs: ids.slice(0, 32), targets: ids.slice(1, 33) }, CONTEXT);
    let last = Number.POSITIVE_INFINITY;
    for await (const { loss } of trainer.advance(120, () => ({ batches: [batch], learningRate: 0.02 }))) last = loss;
    release();
    expect(last).toBeLessThan(0.05);
  });

  test('interrupted, goes on from its checkpoint to the same bits', async () => {
    const quiet = { evalEvery: 0, sampleEvery: 0, maxSteps: 12 };
    const unbroken = await train(device, { muon, ...quiet });
    const [resume] = unbroken.checkpoints;
    expect(resume!.progress.step).toBe(6);
    const second = await train(device, { muon, resume: resume!, ...quiet });
    expect(second.hash).toBe(unbroken.hash);
    const steps = (told: typeof unbroken.told) => told.filter((e) => e.event === 'step' && e.step > 6);
    expect(steps(second.told)).toEqual(steps(unbroken.told));
    expect(steps(second.told).length).toBe(6);
  });

  test("does not go on from another optimizer's checkpoint", async () => {
    const quiet = { evalEvery: 0, sampleEvery: 0, maxSteps: 6 };
    const { checkpoints } = await train(device, quiet);
    const wrong = train(device, { muon, resume: checkpoints[0]!, ...quiet, maxSteps: 12 });
    await expect(wrong).rejects.toThrow(/optimizer\.safetensors: no tensor "momentum\./);
  });
});
