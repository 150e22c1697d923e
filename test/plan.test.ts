// The plan: order, memory, replay. Most of it is tested without a GPU; that values which share storage keep their numbers is tested on one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { trace } from '../src/autograd/graph.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { InputError } from '../src/errors.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { add } from '../src/ops/add.ts';
import { assign } from '../src/ops/copy.ts';
import { crossEntropy } from '../src/ops/cross_entropy.ts';
import { expand } from '../src/ops/expand.ts';
import { mul } from '../src/ops/mul.ts';
import { constant, currentTape, leastCapabilities } from '../src/ops/op.ts';
import { reshape } from '../src/ops/reshape.ts';
import { scale } from '../src/ops/scale.ts';
import { sum } from '../src/ops/sum.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { colour, type Lifetime } from '../src/schedule/memory.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { printPlan, printTrace } from '../src/schedule/print_plan.ts';
import { randomBits } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { memoryOf } from '../src/train/memory.ts';
import { faultsOf } from './harness/plan_check.ts';
import { sharingCases } from './harness/sharing.ts';

const x = (k: number) => ({ x: { shape: [2, 2], data: Float32Array.of(1 + k, 2 + k, 3 + k, 4 + k) } });
const config = gpt2Config({ vocabSize: 17, blockSize: 8, nEmbd: 12, nLayer: 2, nHead: 2, initializerRange: 0.1 });

/** A whole training step of a small GPT-2. */
function training() {
  const model = new GPT2(config, { seed: 1 });
  const optimizer = new AdamW(model.parameters, { gradClip: 1 });
  const step = ({ ids, targets }: Record<string, Tensor>) => {
    const { loss } = crossEntropy(model.head(model.hidden(ids!)), targets!);
    return { loss, ...optimizer.step(backward(loss)) };
  };
  return { model, optimizer, step };
}
const tokens = (k: number) => {
  const drawn = (stream: number) => ({
    shape: [2, 8],
    data: Int32Array.from({ length: 16 }, (_, i) => randomBits(k, stream, i) % 17),
  });
  return { ids: drawn(0), targets: drawn(1) };
};

describe('memory', () => {
  test('no two lifetimes that overlap share a buffer, and the largest need decides its size', () => {
    for (let seed = 0; seed < 50; seed++) {
      const values = Array.from({ length: 40 }, (_, i): Lifetime => {
        const first = randomBits(seed, 0, i) % 60;
        const root = new Tensor({ kind: 'activation', shape: [1] });
        return { root, bytes: 1 + (randomBits(seed, 1, i) % 1000), first, last: first + (randomBits(seed, 2, i) % 20) };
      });
      const slots = colour(values);
      expect(slots.flatMap((s) => s.values).length).toBe(values.length);
      for (const { bytes, values: sharing } of slots) {
        expect(bytes).toBe(Math.max(...sharing.map((v) => v.bytes)));
        for (const a of sharing)
          for (const b of sharing) expect(a === b || a.last < b.first || b.last < a.first).toBe(true);
      }
      expect(slots.map((s) => s.bytes)).toEqual(slots.map((s) => s.bytes).sort((a, b) => b - a));
    }
  });

  test('the checker that the next tests use sees a buffer given away too early', () => {
    const graph = graphOf((t) => ({ y: scale(scale(t.x!, 2), 3), z: scale(t.x!, 4) }), x(0));
    const plan = makePlan(graph, leastCapabilities);
    expect(faultsOf(plan, graph)).toEqual([]);
    const arena = plan.dispatches.flatMap((d) => d.bindings).filter((b) => b.buffer.kind === 'arena');
    for (const b of arena) b.buffer = { kind: 'arena', slot: 0 };
    expect(faultsOf(plan, graph).length).toBeGreaterThan(0);
  });

  test('a training step never reads what another value has overwritten', () => {
    const { step } = training();
    const graph = graphOf(step, tokens(0));
    expect(faultsOf(makePlan(graph, leastCapabilities), graph)).toEqual([]);
  });

  test('activations need far less than one buffer each, and the forecast adds up', () => {
    const { step, model, optimizer } = training();
    const plan = makePlan(graphOf(step, tokens(0)), leastCapabilities);
    const each = plan.dispatches
      .flatMap((d) => d.bindings)
      .filter((b) => b.buffer.kind === 'arena' && b.access === 'read_write');
    const memory = memoryOf([plan]).bytes;
    const arena = plan.arena.reduce((sum, bytes) => sum + bytes, 0);
    expect(arena).toBeLessThan(each.reduce((sum, b) => sum + b.size, 0) / 2);
    expect(memory.activations).toBe(arena);
    expect(memory.parameters).toBe(4 * model.parameters[0]!.slab!.size);
    expect(memory.gradients).toBe(memory.parameters);
    expect(memory.optimizer).toBe(2 * memory.parameters + 256);
    expect([...plan.persistent].map((t) => t.name).sort()).toEqual(
      ['gradients', 'm', optimizer.control.name, 'parameters', 'v'].sort(),
    );
  });
});

describe('sharing storage', () => {
  let device: Device;
  beforeAll(async () => {
    const wanted = process.env.SHADERFORMER_ADAPTER;
    device = await openDevice(wanted ? { adapter: wanted } : {});
  });
  afterAll(() => device.close());

  for (const { name, copies, make } of sharingCases) {
    test(name, async () => {
      const graph = graphOf(make(), x(0));
      const plan = makePlan(graph, leastCapabilities);
      expect(faultsOf(plan, graph)).toEqual([]);
      if (copies !== undefined) expect(plan.dispatches.filter((d) => d.kernel === 'copy').length).toBe(copies);

      const results = [];
      for (const machine of [device, new Twin()]) {
        const compiled = machine.compile(make());
        const scalars = graph.inputs.has('learningRate') ? { learningRate: 0.5 } : {};
        await compiled(x(0), scalars);
        await compiled(x(1), scalars);
        results.push(await compiled.collect());
      }
      const [onDevice, onTwin] = results.map((r) =>
        r.map(({ values }) => Object.entries(values).map(([k, v]) => [k, ...v])),
      );
      // Small whole numbers are exact on both; the optimizer's are not.
      if (graph.inputs.has('learningRate')) expect(rounded(onDevice)).toEqual(rounded(onTwin));
      else expect(onDevice).toEqual(onTwin);
    });
  }

  test('many replays with changing inputs and rates equal single runs, bit for bit', async () => {
    const rates = [0.01, 0.02, 0.005, 0.01, 0.003];
    const bits = async (single: boolean) => {
      const { model, optimizer, step } = training();
      const losses: number[] = [];
      let compiled = device.compile(step);
      for (const [t, learningRate] of rates.entries()) {
        await compiled(tokens(t), { learningRate });
        if (!single) continue;
        losses.push((await compiled.collect())[0]!.values.loss![0]!);
        compiled.release();
        compiled = device.compile(step);
      }
      losses.push(...(await compiled.collect()).map((r) => r.values.loss![0]!));
      const parameters = await Promise.all(model.parameters.map((p) => device.read(p)));
      compiled.release();
      device.release([...model.parameters, ...optimizer.tensors()]);
      return { losses, parameters };
    };
    const [together, alone] = [await bits(false), await bits(true)];
    expect(together.losses.length).toBe(rates.length);
    expect(new Set(together.losses).size).toBe(rates.length);
    expect(together).toEqual(alone);
  });

  test('after the first replay no buffer is made, and releasing gives all of them back', async () => {
    const before = device.shared.buffers.count;
    const { model, optimizer, step } = training();
    const compiled = device.compile(step);
    await compiled(tokens(0), { learningRate: 0.1 });
    await compiled.collect();
    const { created } = device.shared.buffers;
    for (let t = 1; t < 5; t++) await compiled(tokens(t), { learningRate: 0.1 });
    await compiled.collect();
    expect(device.shared.buffers.created).toBe(created);
    compiled.release();
    device.release([...model.parameters, ...optimizer.tensors()]);
    device.releaseActivations();
    expect(device.shared.buffers.count).toBeLessThanOrEqual(before);
  });

  test('calls that are not waited for keep their order, whatever their shapes, and make each plan once', async () => {
    device.releaseActivations();
    const before = device.shared.buffers.count;
    const wide = { x: { shape: [8, 2], data: new Float32Array(16).fill(1) } };
    const s = new Tensor({ kind: 'state', name: 's', shape: [1] });
    const compiled = device.compile(({ x }) => {
      assign(s, add(scale(s, 2), sum(x!)));
      return { s };
    });
    await compiled(wide);
    const all = [x(0), x(0), wide].map((batch) => compiled(batch)); // the first two need a new plan
    expect((await compiled.collect()).map(({ values }) => values.s![0])).toEqual([16, 42, 94, 204]);
    await Promise.all(all);
    compiled.release();
    device.release([s]);
    device.releaseActivations();
    expect(device.shared.buffers.count).toBe(before);
  });

  test('results that could not wait for collect() are refused, not left out', async () => {
    for (const machine of [device, new Twin()]) {
      const compiled = machine.compile((t) => ({ y: scale(t.x!, 2) }));
      for (let k = 0; k < 66; k++) await compiled(x(k));
      await expect(compiled.collect()).rejects.toThrow('collect: the results of 2 replays are gone, at most 64');
      expect(await compiled.collect()).toEqual([]);
      compiled.release();
    }
    const large = device.compile((t) => ({ y: expand(scale(t.x!, 2), [512, 2, 2]) }));
    await large(x(0));
    await large(x(1));
    await expect(large.collect()).rejects.toThrow(
      'are gone, at most 1 of this size can wait. Collect after every replay.',
    );
    large.release();
  });

  test('a plan that makes room for another shape keeps its results', async () => {
    const compiled = device.compile((t) => ({ y: sum(t.x!) }));
    // More than a function keeps.
    const rows = Array.from({ length: 40 }, (_, i) => i + 1);
    for (const n of rows) await compiled({ x: { shape: [n], data: new Float32Array(n).fill(1) } });
    expect((await compiled.collect()).map(({ values }) => values.y![0])).toEqual(rows);
    compiled.release();
  });

  test('releasing a function while its results are read gives its buffers back', async () => {
    const before = device.shared.buffers.count;
    const compiled = device.compile((t) => ({ y: scale(t.x!, 2) }));
    const reading = (await compiled(x(0))).y!.read();
    compiled.release();
    expect([...(await reading)]).toEqual([2, 4, 6, 8]);
    device.releaseActivations();
    expect(device.shared.buffers.count).toBeLessThanOrEqual(before);
  });

  test('a number fills an input of any length', async () => {
    const fn = (t: Record<string, Tensor>) => ({ y: mul(t.x!, currentTape().input('row', [2], 'f32')) });
    for (const machine of [device, new Twin()]) {
      const compiled = machine.compile(fn);
      expect([...(await (await compiled(x(0), { row: 3 })).y!.read())]).toEqual([3, 6, 9, 12]);
      compiled.release();
    }
  });

  test('inputs that are missing, misshapen or unknown are refused', async () => {
    const compiled = device.compile((t) => ({ y: scale(t.x!, 2) }));
    const wrong = { x: { shape: [2, 2], data: new Float32Array(3) } };
    await expect(compiled(wrong)).rejects.toThrow('input "x": got 3 values for shape (2,2).');
    await expect(compiled(x(0), { learningRate: 1 })).rejects.toThrow(
      '"learningRate" was passed, but the function asks for no such number',
    );
    const needs = device.compile(training().step);
    await expect(needs(tokens(0))).rejects.toThrow('input "learningRate" is missing: pass it with every replay');
  });
});

const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, v) => (typeof v === 'number' ? Number(v.toFixed(4)) : v));

describe('printing', () => {
  test('a plan is a table with a line a dispatch', () => {
    const plan = makePlan(
      graphOf((t) => ({ y: scale(reshape(t.x!, [4]), 2) }), x(0)),
      leastCapabilities,
    );
    expect(printPlan(plan)).toBe(
      [
        '#  node   kernel  reads        writes       workgroups',
        '0  scale  scale   x(4)@inputs  y(4)@arena0  1x1x1',
      ].join('\n'),
    );
  });

  test('the life of one tensor, or of all values under a scope', () => {
    const { step } = training();
    const plan = makePlan(graphOf(step, tokens(0)), leastCapabilities);
    const lines = printTrace(plan, 'transformer.wte.weight').split('\n');
    expect(lines[0]).toMatch(/^#\s+use\s+tensor\s+shape\s+stored in\s+dispatch$/);
    expect(
      lines.some((l) => /read\s+transformer\.wte\.weight\s+\(17,12\)\s+parameters\s+embedding \(embed\)/.test(l)),
    ).toBe(true);
    expect(printTrace(plan, 'h.1.attn').split('\n').length).toBeGreaterThan(4);
    expect(() => printTrace(plan, 'h.7')).toThrow(InputError);
    expect(() => printTrace(plan, 'h.7')).toThrow(
      'trace h.7: no tensor or scope of that name in this plan. Scopes here: embed',
    );
  });
});

describe('tracing refuses', () => {
  const refused = (fn: () => unknown, message: string) => {
    expect(() => trace(fn as never)).toThrow(InputError);
    expect(() => trace(fn as never)).toThrow(message);
  };
  test('what would be frozen, what is not there, and what belongs to another function', () => {
    refused(() => ({ loss: 3 }), 'result "loss" is a number, not a tensor: it would be frozen. Return tensors.');
    refused(async () => ({}), 'the function must return an object of tensors, such as { loss }, and may not be async.');
    let kept: Tensor | undefined;
    trace(() => ({ y: (kept = scale(new Tensor({ kind: 'parameter', shape: [2] }), 1)) }));
    refused(
      () => ({ y: scale(kept!, 1) }),
      'scale: x (2) was made while another function was traced. Pass it as an input.',
    );
    refused(
      () => ({ kept: kept! }),
      'compile: result "kept" (2) was made while another function was traced. Pass it as an input.',
    );
    let fixed: Tensor | undefined;
    trace(() => ({ y: (fixed = constant('fixed', [2], () => new Float32Array(2))) }));
    refused(() => ({ y: scale(fixed!, 1) }), 'scale: x (2) was made while another function was traced.');
    expect(() => scale(kept!, 1)).toThrow('an operation was called outside of compile()');
    refused(
      () => ({ y: [...backward(scale(new Tensor({ kind: 'parameter', shape: [2] }), 1)).values()][0]! }),
      'backward: the loss has shape (2), expected one number. Reduce it with mean().',
    );
    refused(
      () => ({ y: [...backward(scale(new Tensor({ kind: 'state', shape: [1] }), 1)).values()][0]! }),
      'backward: the loss depends on no trainable parameter.',
    );
  });
});
