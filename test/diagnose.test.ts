// Who made the NaN: a weight that is damaged on purpose must be found again, with the value, the operation and the kernel that met
// it first, and looking must change nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Batch, Machine } from '../src/autograd/machine.ts';
import { RunError } from '../src/errors.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { add } from '../src/ops/add.ts';
import { assign } from '../src/ops/copy.ts';
import { mul } from '../src/ops/mul.ts';
import { stepScalar } from '../src/ops/op.ts';
import { scale } from '../src/ops/scale.ts';
import { sum } from '../src/ops/sum.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch, languageTask } from '../src/tasks/language.ts';
import type { Task } from '../src/tasks/task.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { whoMadeIt } from '../src/train/diagnose.ts';
import { Trainer } from '../src/train/trainer.ts';
import { tinyRun, validation } from './harness/tiny_training.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const vector = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });

async function valuesOf(tensors: Iterable<Tensor>): Promise<number[][]> {
  const all: number[][] = [];
  for (const t of tensors) all.push([...(await device.read(t))]);
  return all;
}

/** The tensor of the model, where it is damaged, and who reads it first. */
const damages: [name: string, element: number | 'of a token that is read' | 'of one that is not', reader: string][] = [
  ['wte.weight', 'of a token that is read', 'y of embedding in embed'],
  ['wte.weight', 'of one that is not', 'y of matmul in head'],
  ['wpe.weight', 3, 'y of add in embed'],
  ['h.0.ln_1.weight', 5, 'y of layernorm in h.0.attn'],
  ['h.0.ln_1.bias', 0, 'y of layernorm in h.0.attn'],
  ['h.0.attn.c_attn.weight', 17, 'y of matmul in h.0.attn'],
  ['h.0.attn.c_attn.bias', 47, 'y of matmul in h.0.attn'],
  ['h.0.attn.c_proj.weight', 1, 'y of matmul in h.0.attn'],
  ['h.1.ln_2.weight', 15, 'y of layernorm in h.1.mlp'],
  ['h.1.mlp.c_fc.weight', 1000, 'y of matmul in h.1.mlp'],
  ['h.1.mlp.c_proj.bias', 2, 'y of matmul in h.1.mlp'],
  ['ln_f.weight', 4, 'y of layernorm in ln_f'],
  ['ln_f.bias', 9, 'y of layernorm in ln_f'],
];

describe('a damaged weight', () => {
  for (const [name, where, reader] of damages) {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      test(`${bad} in ${name}, element ${where}: ${reader}`, async () => {
        const { model, optimizer, trainer, batch, release } = tinyRun(device);
        const good = batch();
        for await (const _ of trainer.advance(1, () => ({ batches: [good], learningRate: 0.01 }))) {
        }
        const victim = model.parameters.find((p) => p.name === `transformer.${name}`)!;
        const element = typeof where === 'number' ? where : 16 * tokenOf(good, where, model.vocabSize) + 7;
        const values = await device.read(victim);
        values[element] = bad;
        device.write(victim, values);
        const state = [...model.parameters, ...optimizer.state().values()].filter((t) => t !== optimizer.control);
        const before = await valuesOf(state);

        const error = await trainer
          .advance(2, () => ({ batches: [good], learningRate: 0.01 }))
          .next()
          .catch((e: unknown) => e);
        expect(error).toBeInstanceOf(RunError);
        const { message } = error as Error;
        expect(message).toMatch(/^step 2: (loss|gradient norm) \S+, expected a finite number\. /);
        expect(message).toContain(`The weight transformer.${name} holds ${bad} at element ${element}. `);
        expect(message).toMatch(
          /The first such value is (\w+ of \w+ in [\w.]+) \(kernel \w+\), element \d+ \((NaN|-?Infinity)\)\./,
        );
        expect(message).toContain(`The first such value is ${reader} (`);
        expect(await valuesOf(state)).toEqual(before);
        expect(trainer.step).toBe(1);

        // The twin, which shares nothing with the kernels, names the same value and the same element.
        const twin = new Twin();
        for (const p of model.parameters) twin.write(p, await device.read(p));
        const said = await whoMadeIt(twin, model.parameters, (b) => lossAndGradients(model, b), [{ batch: good }]);
        const named = /first such value is (.*?) \(kernel .*?\), element (\d+)/;
        expect(named.exec(message)!.slice(1)).toEqual(named.exec(said)!.slice(1));
        twin.close();
        release();
      });
    }
  }
});

test('with dropout, recomputation, chunks of the loss, two batches a step, averaged weights', async () => {
  const task = { dropout: { p: 0.1, seed: 7 }, recompute: true, logitBytes: 1024 };
  const { model, trainer, batch, release } = tinyRun(device, { task, accumulate: 2, ema: 0.9 });
  const pair = [batch(), batch()];
  const step = (until: number) => trainer.advance(until, () => ({ batches: pair, learningRate: 0.01 })).next();
  await step(1);
  const weight = model.parameters.find((p) => p.name.endsWith('h.1.mlp.c_fc.weight'))!;
  const good = await device.read(weight);
  const damaged = good.slice().fill(Number.POSITIVE_INFINITY, 3, 4);
  device.write(weight, damaged);
  await expect(step(2)).rejects.toThrow(
    /The weight \S+ holds Infinity at element 3\. The first such value, in micro-batch 1 of 2, is y of matmul in h\.1\.mlp \(kernel \w+\), element/,
  );
  device.write(weight, good);

  device.write(trainer.ema!.weights.get(weight)!, damaged);
  await expect(trainer.evaluate(validation(), undefined, 'ema')).rejects.toThrow(
    /^step 1: loss NaN in an evaluation, .* The averaged weight \S+ holds Infinity at element 3\. The first such value is y of matmul in h\.1\.mlp/,
  );
  expect((await trainer.evaluate(validation())).loss).toBeGreaterThan(0);
  release();
});

test('a gradient that overflows by its weight among several batches, and not without it', async () => {
  const { model, optimizer, batch, release } = tinyRun(device);
  const task: Task = {
    loss: (...given) => {
      const { loss, ...rest } = languageTask().loss(...given);
      // The loss is finite, and so is its gradient; 32 times that, for as many targets, is not.
      return { ...rest, loss: scale(loss, 2 ** 124) };
    },
  };
  const trainer = new Trainer({ machine: device, model, optimizer, task, accumulate: 2 });
  const step = trainer.advance(1, () => ({ batches: [batch(), batch()], learningRate: 0.01 })).next();
  await expect(step).rejects.toThrow(
    /The first such value, in micro-batch 1 of 2, is y of scale.* \(kernel \w+\), element 0 \(Infinity\)\./,
  );
  trainer.release();
  release();
});

test('in a table that lies in pieces: its element is counted in the whole', async () => {
  const config = gpt2Config({ vocabSize: 130, blockSize: 4, nEmbd: 16, nLayer: 1, nHead: 1 });
  const model = new GPT2(config, { seed: 1, pieceBytes: 1 });
  const [, piece] = model.parameters;
  expect(piece!.pieceOf!.row).toBe(64);
  const values = await device.read(piece!);
  device.write(piece!, values.fill(Number.NaN, 6 * 16 + 3, 6 * 16 + 4));
  const batch = languageBatch({ inputs: Int32Array.of(1, 70, 2), targets: Int32Array.of(70, 2, 3) }, 3);
  const said = await whoMadeIt(device, model.parameters, (b) => lossAndGradients(model, b), [{ batch }]);
  expect(said).toMatch(
    new RegExp(
      `^The weight transformer\\.wte\\.weight holds NaN at element ${70 * 16 + 3}\\. The first such value is y of embedding in embed \\(kernel \\w+\\), element 19 \\(NaN\\)\\.$`,
    ),
  );
  device.release(model.parameters);
});

function tokenOf(batch: Batch, which: string, vocabSize: number): number {
  const read = new Set<number>(batch.inputs!.data);
  const tokens = Array.from({ length: vocabSize }, (_, id) => id);
  return tokens.find((id) => read.has(id) === (which === 'of a token that is read'))!;
}

function lossAndGradients(model: GPT2, batch: Record<string, Tensor>) {
  const { loss } = languageTask().loss(model, batch);
  return { loss, ...Object.fromEntries([...backward(loss)].map(([p, g]) => [p.name, g])) };
}

describe('what is looked through', () => {
  test('a backward pass, where the forward pass is finite', async () => {
    const w = new Tensor({ kind: 'parameter', name: 'w', shape: [2], init: () => Float32Array.of(1e-35, 1) });
    const fn = ({ x }: Record<string, Tensor>) => {
      const loss = sum(mul(mul(w, x!), x!));
      return { loss, gradient: backward(loss).get(w)! };
    };
    const said = await whoMadeIt(device, [w], fn, [{ batch: { x: vector(1e30, 1e-3) } }]);
    expect(said).toMatch(/^The first such value is \w+ of \w+ in \.backward \(kernel \w+\), element 0 \(Infinity\)\.$/);
    device.release([w]);
  });

  const machines: [name: string, machine: () => Machine, kernel: string][] = [
    ['a device', () => device, 'mul_broadcast'],
    ['the twin', () => new Twin(), 'mul'],
  ];
  for (const [name, machine, kernel] of machines) {
    test(`on ${name}: every micro-batch, each with its own numbers`, async () => {
      const fn = ({ x }: Record<string, Tensor>) => ({ y: add(mul(x!, stepScalar('factor')), x!) });
      const batches = [vector(1, 2), vector(3, 4), vector(5, 6)].map((x) => ({ x }));
      const [first] = batches;
      const look = (factors: number[]) =>
        whoMadeIt(
          machine(),
          [],
          fn,
          batches.map((batch, i) => ({ batch, scalars: { factor: factors[i]!, learningRate: 1 } })),
        );
      expect(await look([1, 1, Number.POSITIVE_INFINITY])).toBe(
        `The first such value, in micro-batch 3 of 3, is y of mul (kernel ${kernel}), element 0 (Infinity).`,
      );
      expect(await look([1, 1, 1])).toBe(
        'Every value of the forward and backward pass is finite by itself: the sum of the gradients or of their squares overflowed.',
      );
      const scalars = { factor: Number.NaN };
      expect(await whoMadeIt(machine(), [], fn, [{ batch: first!, scalars }])).toBe(
        `The first such value is y of mul (kernel ${kernel}), element 0 (NaN).`,
      );
    });

    test(`on ${name}: a large value is no infinity, though its square is`, async () => {
      const fn = ({ x }: Record<string, Tensor>) => ({ y: mul(x!, x!) });
      const said = await whoMadeIt(machine(), [], fn, [{ batch: { x: vector(1e18, 1.8e19, -1) } }]);
      expect(said).toBe(
        'Every value of the forward and backward pass is finite by itself: the sum of the squares overflowed.',
      );
    });

    test(`on ${name}: only what a result depends on, and state is left alone`, async () => {
      const on = machine();
      const state = new Tensor({ kind: 'state', name: 'kept', shape: [2] });
      const fn = ({ x }: Record<string, Tensor>) => {
        mul(x!, x!); // overflows, and nobody reads it
        const y = add(x!, x!);
        assign(state, y);
        return { y };
      };
      expect(await whoMadeIt(on, [], fn, [{ batch: { x: vector(1e30, 1) } }])).toMatch(/^Every value/);
      expect([...(await on.read(state))]).toEqual([0, 0]);
      on.release([state]);
    });
  }

  test('averaged weights, where they stand in for the trained ones', async () => {
    const weight = (name: string, value: number) =>
      new Tensor({ kind: 'parameter', name, shape: [1], init: () => Float32Array.of(value) });
    const [w, averaged] = [weight('w', 1), weight('w', Number.NaN)];
    const fn = ({ x }: Record<string, Tensor>) => ({ y: add(x!, w) });
    const batch = { x: vector(1) };
    expect(await whoMadeIt(device, [w], fn, [{ batch }])).toMatch(/^Every value/);
    expect(await whoMadeIt(device, [w], fn, [{ batch }], new Map([[w, averaged]]))).toMatch(
      /^The averaged weight w holds NaN at element 0\. The first such value is y of add \(kernel add\), element 0 \(NaN\)\.$/,
    );
    device.release([w, averaged]);
  });

  test('as large as it is: no value is kept', async () => {
    const size = 2 ** 16;
    const fn = ({ x }: Record<string, Tensor>) => {
      let y = x!;
      for (let i = 0; i < 40; i++) y = mul(y, x!);
      return { y: sum(y) };
    };
    const { buffers } = device.shared;
    const before = buffers.liveBytes;
    buffers.peakBytes = before;
    const x = { shape: [size], data: new Float32Array(size).fill(1).fill(100, size - 1) };
    // 100 to the power of 20 is too large for f32: the 19th product.
    expect(await whoMadeIt(device, [], fn, [{ batch: { x } }])).toBe(
      `The first such value is y of mul (kernel mul), element ${size - 1} (Infinity).`,
    );
    expect(buffers.peakBytes - before).toBeLessThan(8 * 4 * size);
    expect(buffers.peakBytes - before).toBeGreaterThan(3 * 4 * size);
  });
});
