// Packed rows: several examples one behind the other, of which none sees another. A model trains on them as on each alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Batch, Machine } from '../src/autograd/machine.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { InputError } from '../src/errors.ts';
import { makeModel } from '../src/nn/families.ts';
import { gemma3Config } from '../src/nn/gemma3_config.ts';
import { gpt2Config } from '../src/nn/gpt2.ts';
import { llamaConfig } from '../src/nn/llama.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import type { ModelConfig } from '../src/nn/model_config.ts';
import { Twin, type TwinOutput } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageTask } from '../src/tasks/language.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { expectClose } from './harness/op_compare.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const T = 13;
const sizes = { vocabSize: 29, blockSize: 16, nEmbd: 24, nLayer: 2, nHead: 3, initializerRange: 0.2 };
const configs: Readonly<Record<string, ModelConfig>> = {
  gpt2: gpt2Config(sizes),
  'llama, heads of 6': llamaConfig({ ...sizes, nHead: 4, kvHeads: 2, headDim: 6 }),
  'gemma3_text, a window of 3 in its first layer': gemma3Config({
    ...sizes,
    kvHeads: 1,
    window: 3,
    layerTypes: ['sliding_attention', 'full_attention'],
  }),
};

interface Example {
  inputs: number[];
  targets: number[];
}

/** Examples of these lengths; each predicts from its third token on, and from the first where it is shorter. */
const exampleOf = (length: number, seed: number): Example => ({
  inputs: Array.from({ length }, (_, t) => (seed * 17 + t * 11 + t * t) % sizes.vocabSize),
  targets: Array.from({ length }, (_, t) => (t < 2 && length > 2 ? -100 : (seed * 5 + t * 7) % sizes.vocabSize)),
});
const packs: readonly (readonly Example[])[] = [
  [exampleOf(4, 1), exampleOf(7, 2)],
  [exampleOf(5, 3), exampleOf(1, 4), exampleOf(7, 5)],
];

/** Rows of T columns; what is left of one is padding, each column an example of its own. */
function batchOf(rows: readonly (readonly Example[])[]): Batch {
  const columns = rows.map((examples) => {
    const row = { inputs: [], targets: [], positions: [], starts: [] } as Record<string, number[]>;
    for (const { inputs, targets } of examples) {
      const start = row.inputs!.length;
      row.inputs!.push(...inputs);
      row.targets!.push(...targets);
      row.positions!.push(...inputs.keys());
      row.starts!.push(...inputs.map(() => start));
    }
    for (let t = row.inputs!.length; t < T; t++) {
      row.inputs!.push(0);
      row.targets!.push(-100);
      row.positions!.push(0);
      row.starts!.push(t);
    }
    return row;
  });
  const whole = (name: string) => ({
    shape: [rows.length, T],
    data: Int32Array.from(columns.flatMap((row) => row[name]!)),
  });
  return Object.fromEntries(['inputs', 'targets', 'positions', 'starts'].map((name) => [name, whole(name)]));
}

/** The same row as one that is not packed. */
const alone = (example: Example): Batch => {
  const { inputs, targets } = batchOf([[example]]);
  return { inputs: inputs!, targets: targets! };
};

const gradients = (model: LanguageModel) => (batch: Record<string, Tensor>) => {
  const { loss, kept, tokenLoss } = languageTask().loss(model, batch);
  return {
    kept,
    tokenLoss,
    loss,
    ...Object.fromEntries([...backward(loss)].map(([parameter, gradient]) => [parameter.name, gradient])),
  };
};

type Numbers = ArrayLike<number>;

async function resultsOf(machine: Machine, model: LanguageModel, batch: Batch): Promise<Map<string, Numbers>> {
  const compiled = machine.compile(gradients(model));
  const results = new Map<string, Numbers>();
  for (const [name, output] of Object.entries(await compiled(batch)))
    results.set(name, 'exact' in output ? (output as TwinOutput).exact : await output.read());
  compiled.release();
  return results;
}

/** Loss and gradients of all examples, one after the other, each counted by its targets. */
async function oneByOne(machine: Machine, model: LanguageModel): Promise<Map<string, Numbers>> {
  const sums = new Map<string, Float64Array>();
  let all = 0;
  for (const example of packs.flat()) {
    const { kept, tokenLoss: _, ...rest } = Object.fromEntries(await resultsOf(machine, model, alone(example)));
    all += kept![0]!;
    for (const [name, values] of Object.entries(rest)) {
      const before = sums.get(name);
      sums.set(
        name,
        Float64Array.from(values!, (x, i) => (before?.[i] ?? 0) + kept![0]! * x),
      );
    }
  }
  return new Map([...sums].map(([name, values]) => [name, values.map((x) => x / all)]));
}

describe.each(Object.entries(configs))('%s', (_, config) => {
  const model = () => makeModel(config, { seed: 3 });

  test('packed rows have the loss and the gradients of their examples alone, in float64', async () => {
    const [twin, made] = [new Twin(), model()];
    const packed = await resultsOf(twin, made, batchOf(packs));
    const expected = await oneByOne(twin, made);
    expect(expected.size).toBe(made.parameters.length + 1);
    for (const [name, values] of expected) expectClose(name, packed.get(name)!, values, 1e-9);
  });

  test('and on the device, but for the noise of f32', async () => {
    const made = model();
    const packed = await resultsOf(device, made, batchOf(packs));
    for (const [name, values] of await oneByOne(device, made)) expectClose(name, packed.get(name)!, values, 1e-5);
    device.release(made.parameters);
  });

  test('an example knows nothing of its neighbours, bit for bit', async () => {
    const made = model();
    const before = await resultsOf(device, made, batchOf(packs));
    for (const [row, n, begin, end] of [
      [0, 0, 0, 4],
      [1, 0, 0, 5],
      [1, 1, 5, 6],
      [1, 2, 6, 13],
    ] as const) {
      const changed = packs.map((examples, r) =>
        examples.map((example, i) =>
          r === row && i === n
            ? { ...example, inputs: example.inputs.with(0, (example.inputs[0]! + 1) % 29) }
            : example,
        ),
      );
      const after = await resultsOf(device, made, batchOf(changed));
      const [was, is] = [before.get('tokenLoss')!, after.get('tokenLoss')!].map((x) => Array.from(x));
      const inside = (_: number, at: number) => at >= row * T + begin && at < row * T + end;
      const outside = (x: number, at: number) => !inside(x, at);
      expect(is!.filter(outside)).toEqual(was!.filter(outside));
      expect(is!.filter(inside)).not.toEqual(was!.filter(inside));
    }
    device.release(made.parameters);
  });

  test('a cache is refused', () => {
    const made = model();
    const state = (shape: number[], dtype: 'f32' | 'i32' = 'f32') => new Tensor({ kind: 'state', shape, dtype });
    const layers = made.keyWidths.map((width) => ({ keys: state([1, 16, width]), values: state([1, 16, width]) }));
    const hidden = () =>
      made.hidden(state([1, T], 'i32'), {
        positions: state([1, T], 'i32'),
        starts: state([1, T], 'i32'),
        cache: { layers, start: state([1]) },
      });
    const traced = () => graphOf(() => ({ y: hidden() }), {});
    expect(traced).toThrow(InputError);
    expect(traced).toThrow(/^attention: found starts with 13 queries, 16 keys and a qOffset, expected as many keys/);
  });
});
