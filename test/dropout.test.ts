// Dropout: one mask for (seed, site, step), whoever computes it, forward and backward; and what a model does with it.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Batch } from '../src/autograd/machine.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { findChromium } from '../src/cli/elsewhere/chromium.ts';
import { denoProgram } from '../src/cli/elsewhere/deno.ts';
import type { Where } from '../src/cli/elsewhere/entry.ts';
import { runIn } from '../src/cli/elsewhere/run.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import type { ForwardOptions } from '../src/nn/model.ts';
import { crossEntropy } from '../src/ops/cross_entropy.ts';
import { dropout } from '../src/ops/dropout.ts';
import { type DropoutAttrs, keepFactor, keepThreshold } from '../src/ops/dropout_mask.ts';
import { leastCapabilities } from '../src/ops/op.ts';
import { scale } from '../src/ops/scale.ts';
import { Twin, type TwinOutput } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { installedDrivers } from '../src/runtime/platform/drivers.ts';
import { softwareVulkan } from '../src/runtime/platform/software.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { printPlan } from '../src/schedule/print_plan.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { BATCH, HEADS, hashOfMasks, LENGTH, type Masks, type MaskTask, masksOf } from './harness/masks.ts';
import { expectClose } from './harness/op_compare.ts';
import { stepNumber } from './harness/op_row.ts';
import { gradientError, type Prepared } from './harness/op_sample.ts';

const entry = fileURLToPath(new URL('harness/masks.ts', import.meta.url));
let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

/** The mask as TypeScript has it. */
const mask = (options: DropoutAttrs, step: number, size: number, at = (i: number) => i) => {
  const factor = keepFactor(options, step);
  return Uint8Array.from({ length: size }, (_, i) => (factor(at(i)) > 0 ? 1 : 0));
};

function expectedMasks(options: DropoutAttrs, step: number, size: number): Masks {
  const pairs = BATCH * HEADS * LENGTH ** 2;
  const swapped = (i: number) => {
    const [head, j, query] = [Math.floor(i / LENGTH ** 2), Math.floor(i / LENGTH) % LENGTH, i % LENGTH];
    return (head * LENGTH + query) * LENGTH + j;
  };
  return {
    dropout: mask(options, step, size),
    dropoutBackward: mask(options, step, size),
    attention: mask(options, step, pairs),
    attentionBackward: mask(options, step, pairs, swapped),
  };
}

describe('the mask', () => {
  const steps = [0, 1, 70001, 2 ** 32 - 1];

  test.each([
    [1, { p: 0.5, seed: 1337, site: 0 }],
    [33, { p: 0.1, seed: 1, site: 1 }],
    [70000, { p: 0.2, seed: 2 ** 40 + 3, site: 37 }],
  ])('of %i elements is that of TypeScript, bit for bit, forward and backward', async (size, options) => {
    const expected = steps.map((step) => expectedMasks(options, step, size));
    expect(await masksOf(device, size, options, steps)).toEqual(expected);
    expect(await masksOf(new Twin(), size, options, steps.slice(-1))).toEqual(expected.slice(-1));
  });

  const missing = (part: () => unknown) => {
    try {
      part();
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const lavapipe = () => {
    if (!installedDrivers().some((file) => file.includes('lvp'))) throw new Error('lavapipe is not installed');
  };
  const homes: [Where, string | undefined, (() => unknown)[]][] = [
    ['node', 'llvmpipe', [lavapipe]],
    ['node', 'swiftshader', [softwareVulkan]],
    ['deno', undefined, [denoProgram]],
    ['chromium', undefined, [findChromium]],
  ];
  test.for(homes)('is the same in %s (adapter %s)', async ([where, adapter, needs], context) => {
    const reason = needs.map(missing).find(Boolean);
    if (reason) context.skip(reason);
    const task: MaskTask = { adapter, size: 3001, options: { p: 0.1, seed: 1337, site: 5 }, steps };
    const { result } = await runIn(where, entry, task);
    expect(result).toBe(hashOfMasks(steps.map((step) => expectedMasks(task.options, step, task.size))));
  });

  test('drops its share, and neighbours, sites, steps and seeds have leastCapabilities to do with each other', () => {
    const size = 2 ** 18;
    const deviations: number[] = [];
    for (const p of [0.1, 0.5]) {
      const at = (seed: number, site: number, step: number) => mask({ p, seed, site }, step, size).map((x) => 1 - x);
      /** How many standard deviations a count is from its mean, of `size` draws with this chance. */
      const deviation = (count: number, chance: number) =>
        (count - size * chance) / Math.sqrt(size * chance * (1 - chance));
      const together = (a: Uint8Array, b: Uint8Array, shift = 0) =>
        a.reduce((n, x, i) => n + (x & b[(i + shift) % size]!), 0);
      for (let n = 0; n < 4; n++) {
        const own = at(7, n, 1000 + n);
        deviations.push(deviation(together(own, own), p));
        for (const lag of [1, 2, 3, 4, 64, 768, 1024]) deviations.push(deviation(together(own, own, lag), p * p));
        for (const other of [at(7, n + 1, 1000 + n), at(7, n, 1001 + n), at(8, n, 1000 + n), at(7, n + 1, 1001 + n)])
          deviations.push(deviation(together(own, other), p * p));
      }
    }
    const spread = Math.sqrt(deviations.reduce((sum, x) => sum + x * x, 0) / deviations.length);
    expect(deviations.length).toBe(96);
    expect(Math.max(...deviations.map(Math.abs))).toBeLessThan(4);
    expect(spread).toBeGreaterThan(0.7);
    expect(spread).toBeLessThan(1.3);
  });

  test('two streams are not one sequence read from two places', () => {
    // Were they, some shift would make them equal; a few elements of one would then be found in the other.
    const found = new Set<string>();
    const [size, width] = [20000, 64];
    for (const site of [0, 1]) {
      const own = mask({ p: 0.5, seed: 3, site }, 9, size).join('');
      for (let i = 0; i + width <= size; i++) {
        const piece = own.slice(i, i + width);
        expect(found.has(piece)).toBe(false);
        found.add(piece);
      }
    }
  });

  test('thresholds fit into 32 bits at both ends', () => {
    expect([0, 0.5, 1 - 2 ** -53].map(keepThreshold)).toEqual([0, 2 ** 31, 2 ** 32 - 1]);
  });
});

test('a value that is dropped is 0, whatever it was, and so is its gradient', async () => {
  const run = device.compile(({ x }) => ({ y: dropout(x!, stepNumber(3), { p: 0.5, seed: 1, site: 0 }) }));
  const y = await (await run({ x: { shape: [64], data: new Float32Array(64).fill(Number.NaN) } })).y!.read();
  expect([...y].map((v) => (Number.isNaN(v) ? 1 : v))).toEqual([...mask({ p: 0.5, seed: 1, site: 0 }, 3, 64)]);
});

describe('a model', () => {
  const config = gpt2Config({ vocabSize: 11, blockSize: 6, nEmbd: 8, nLayer: 2, nHead: 2, initializerRange: 0.2 });
  const model = new GPT2(config, { seed: 4 });
  const parameters = new Map(model.parameters.map((p) => [p.name, p]));
  const drawn = (by: number) => ({ shape: [2, 6], data: Int32Array.from({ length: 12 }, (_, i) => (i * by) % 11) });
  const batch: Batch = { ids: drawn(7), targets: drawn(5) };
  const loss = (options?: ForwardOptions) => (t: Record<string, Tensor>) => {
    const total = crossEntropy(model.head(model.hidden(t.ids!, options)), t.targets!).loss;
    const gradients = [...backward(total)].map(([p, g]) => [`d${p.name}`, g] as const);
    return { total, ...Object.fromEntries(gradients) };
  };
  const tenth = loss({ dropout: { p: 0.1, seed: 9 } });

  test('without dropout, or with none of it, has the same plan', () => {
    const plan = (options?: ForwardOptions) => makePlan(graphOf(loss(options), batch), leastCapabilities);
    const none = plan();
    for (const options of [{ dropout: undefined }, { dropout: { p: 0, seed: 9 } }]) {
      expect(printPlan(plan(options))).toBe(printPlan(none));
      expect([...plan(options).inputs.keys()]).toEqual([...none.inputs.keys()]);
      expect(plan(options).uniforms).toEqual(none.uniforms);
    }
  });

  test('drops at the places of GPT-2, each with a site of its own', () => {
    const places = graphOf((t) => ({ y: model.hidden(t.ids!, { dropout: { p: 0.1, seed: 9 } }) }), batch)
      .nodes.filter(({ inputs }) => inputs.randomStep)
      .map(({ op, scope, attrs }) => {
        const { dropout: own, site = own?.site } = attrs as { site?: number; dropout?: DropoutAttrs };
        return `${site} ${scope} ${op.name}`;
      });
    const block = (i: number) => [`h.${i}.attn attention`, `h.${i}.attn dropout`, `h.${i}.mlp dropout`];
    const expected = ['embed dropout', ...block(0), ...block(1)];
    expect(places).toEqual(expected.map((place, site) => `${site} ${place}`));
  });

  test('has another loss at another step, and the same bits at the same', async () => {
    const run = device.compile(tenth);
    const results = async (randomStep: number) => {
      const outputs = Object.entries(await run(batch, { randomStep }));
      return Object.fromEntries(await Promise.all(outputs.map(async ([name, o]) => [name, await o.read()])));
    };
    const [first, second, again] = [await results(1), await results(2), await results(1)];
    expect(again).toEqual(first);
    expect(second.total).not.toEqual(first.total);
    const exact = await new Twin().compile(tenth)(batch, { randomStep: 2 });
    for (const [name, { exact: values }] of Object.entries(exact)) expectClose(name, second[name]!, values, 1e-5);
    device.release(model.parameters);
  });

  test('computes its blocks again with the same masks', async () => {
    const run = (options: ForwardOptions) => new Twin().compile(loss(options))(batch, { randomStep: 3 });
    const [kept, again]: Record<string, TwinOutput>[] = [
      await run({ dropout: { p: 0.1, seed: 9 } }),
      await run({ dropout: { p: 0.1, seed: 9 }, recompute: true }),
    ];
    for (const [name, { exact }] of Object.entries(kept!)) expect(again![name]!.exact, name).toEqual(exact);
  });

  test('has the gradient that finite differences have, the masks being fixed', async () => {
    // With more dropout a row of 8 numbers can be left with none, where layernorm is too steep for differences.
    const prepared: Prepared = { parameters, batch, scalars: { randomStep: 5 }, fn: tenth };
    expect(await gradientError(new Twin(), prepared)).toBeLessThan(1e-7);
  });
});

test('the expected value of a number stays what it is', async () => {
  const run = device.compile(({ x }) => ({ y: dropout(scale(x!, 1), stepNumber(1), { p: 0.3, seed: 2, site: 0 }) }));
  const size = 100_000;
  const y = (await (
    await run({ x: { shape: [size], data: new Float32Array(size).fill(1) } })
  ).y!.read()) as Float32Array;
  // The mean of 100,000 numbers of standard deviation sqrt(p / (1-p)) = 0.65 is good to 0.002.
  expect(Math.abs(y.reduce((sum, v) => sum + v, 0) / size - 1)).toBeLessThan(0.008);
});
