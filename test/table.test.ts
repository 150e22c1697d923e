// A table in pieces and a loss in chunks: the same model, whatever it is cut into, and nothing outside of the machine sees a cut.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Machine, Output } from '../src/autograd/machine.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { bytesSource, collectBytes, SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { TokenGenerator } from '../src/generate/generate.ts';
import { GPT2, type GPT2Config, gpt2Config } from '../src/nn/gpt2.ts';
import { parameterCount } from '../src/nn/model.ts';
import type { TableLossOptions } from '../src/nn/table.ts';
import { leastCapabilities } from '../src/ops/op.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { isHiddenMatrix } from '../src/optim/muon.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan, type Plan } from '../src/schedule/plan.ts';
import { languageBatch, languageTask } from '../src/tasks/language.ts';
import { piecesOf, rowRanges, takeApart, wholesOf } from '../src/tensor/pieces.ts';
import { randomBits } from '../src/tensor/random.ts';
import { show } from '../src/tensor/shape.ts';
import { SLAB_BYTES } from '../src/tensor/slab.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { hashOf, loadModel, loadOptimizer, modelFile, optimizerFile } from '../src/train/snapshot.ts';
import { Trainer } from '../src/train/trainer.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const T = 8;
const V = 200;
const C = 16;
const ROW = 4 * C;
const tied = gpt2Config({ vocabSize: V, blockSize: T, nEmbd: C, nLayer: 1, nHead: 2, initializerRange: 0.1 });
const untied = gpt2Config({ ...tied, tieWordEmbeddings: false });
/** The smallest pieces there are: 64 rows, so that 200 make four. */
const pieceBytes = 64 * ROW;

/** Two rows of tokens from the whole vocabulary, and what follows each; one target is to be ignored. */
function batch(k: number, vocabSize = V, B = 2, context = T) {
  const drawn = (stream: number) =>
    Int32Array.from({ length: B * context }, (_, i) => randomBits(k, stream, i) % vocabSize);
  return languageBatch({ inputs: drawn(0), targets: drawn(1).fill(-100, 3, 4) }, context);
}

interface Setting {
  config?: GPT2Config;
  pieceBytes?: number;
  loss?: TableLossOptions;
}

function setUp(machine: Machine, { config = tied, pieceBytes: bytes, loss }: Setting) {
  const model = new GPT2(config, { seed: 1, ...(bytes && { pieceBytes: bytes }) });
  // A large eps: where a gradient is 0 but for rounding, as that of the keys' bias, Adam would make a whole step of the noise.
  const optimizer = new AdamW(model.parameters, { gradClip: 1, eps: 1e-4 });
  const trainer = new Trainer({ machine, model, optimizer, task: languageTask(loss) });
  const advance = async (until: number) => {
    const losses: number[] = [];
    const next = (step: number) => ({ batches: [batch(step)], learningRate: 1e-2 });
    for await (const step of trainer.advance(until, next)) losses.push(step.loss);
    return losses;
  };
  return { model, optimizer, trainer, advance };
}

/** Loss and gradients at the start, whole, by name. */
async function gradientsOf(machine: Machine, setting: Setting): Promise<Map<string, Float64Array>> {
  const { model } = setUp(machine, setting);
  const compiled = machine.compile(({ inputs, targets }) => {
    const { loss } = model.loss(model.hidden(inputs!), targets!, setting.loss);
    const gradients = backward(loss);
    return { loss, ...Object.fromEntries(model.parameters.map((p) => [p.name, gradients.get(p)!])) };
  });
  try {
    const found: Record<string, Output> = await compiled(batch(0));
    const values = async (name: string) => (await found[name]!.read()) as Float32Array;
    const results = new Map([['loss', Float64Array.from(await values('loss'))]]);
    for (const whole of wholesOf(model.parameters)) {
      const data = new Float32Array(whole.size);
      for (const [piece, own] of takeApart(whole, data)) own.set(await values(piece.name));
      results.set(whole.name, Float64Array.from(data));
    }
    return results;
  } finally {
    compiled.release();
    machine.release(model.parameters);
  }
}

/** Largest difference over the largest value, of all tensors. */
function worst(got: ReadonlyMap<string, ArrayLike<number>>, expected: ReadonlyMap<string, ArrayLike<number>>): number {
  expect([...got.keys()]).toEqual([...expected.keys()]);
  const ratios = [...expected].map(([name, values]) => {
    const differences = Array.from(values, (x, i) => Math.abs(x - got.get(name)![i]!));
    return Math.max(...differences) / Math.max(...Array.from(values, Math.abs));
  });
  return Math.max(...ratios);
}

describe('where a table is cut', () => {
  test('in as few pieces as fit, about equally long, of whole steps of 64 rows', () => {
    const lengths = (rows: number, most: number) => rowRanges(rows, most).map(({ from, to }) => to - from);
    expect(lengths(200, 256)).toEqual([200]);
    expect(lengths(200, 255)).toEqual([128, 72]);
    expect(lengths(200, 64)).toEqual([64, 64, 64, 8]);
    expect(lengths(64, 1)).toEqual([64]);
    for (const rows of [65, 129, 1000, 50257, 128256]) {
      for (const most of [64, 100, 191, 640, 8192, 43690]) {
        const ranges = rowRanges(rows, most);
        expect(ranges.map(({ from }) => from)).toEqual([0, ...ranges.slice(0, -1).map(({ to }) => to)]);
        expect(ranges.at(-1)!.to).toBe(rows);
        for (const { from, to } of ranges) {
          expect(from % 64).toBe(0);
          expect(to - from).toBeGreaterThan(0);
          expect(to - from).toBeLessThanOrEqual(most);
        }
      }
    }
  });

  test('by the shape alone: GPT-2 and Llama 3 at the default limit of a binding', () => {
    const names = (rows: number, columns: number) =>
      piecesOf('t', [rows, columns]).map((p) => `${p.name} ${show(p.shape)}`);
    expect(names(50257, 256)).toEqual(['t (50257,256)']);
    expect(names(50257, 768)).toEqual(['t[0:25152] (25152,768)', 't[25152:50257] (25105,768)']);
    expect(names(128256, 1024)).toHaveLength(4);
  });
});

describe('a model whose table is in pieces', () => {
  const inPieces = (config: GPT2Config) => new GPT2(config, { seed: 1, pieceBytes });

  test('has the names, shapes and number of parameters of one that is whole', () => {
    for (const config of [tied, untied]) {
      const [split, whole] = [inPieces(config), new GPT2(config, { seed: 1 })];
      expect(split.parameters.length).toBeGreaterThan(whole.parameters.length);
      const described = (model: GPT2) => wholesOf(model.parameters).map((w) => `${w.name} ${show(w.shape)}`);
      expect(described(split)).toEqual(whole.parameters.map(String));
      expect(parameterCount(split)).toBe(parameterCount(whole));
    }
    expect(inPieces(tied).parameters.slice(0, 4).map(String)).toEqual([
      'transformer.wte.weight[0:64] (64,16)',
      'transformer.wte.weight[64:128] (64,16)',
      'transformer.wte.weight[128:192] (64,16)',
      'transformer.wte.weight[192:200] (8,16)',
    ]);
  });

  test('leaves the table to AdamW under Muon', () => {
    expect(
      inPieces(untied)
        .parameters.filter(isHiddenMatrix)
        .map((p) => p.name),
    ).toEqual(new GPT2(untied, { seed: 1 }).parameters.filter(isHiddenMatrix).map((p) => p.name));
  });

  test.each([
    ['tied', tied],
    ['untied', untied],
  ])('starts from the same bits, %s, and learns the same to rounding', async (_, config) => {
    const whole = setUp(device, { config });
    const split = setUp(device, { config, pieceBytes });
    const before = await hashOf(device, whole.model);
    expect(await hashOf(device, split.model)).toBe(before);
    const start = await wholeValues(whole.model);

    const losses = await whole.advance(5);
    (await split.advance(5)).forEach((loss, i) => {
      expect(loss).toBeCloseTo(losses[i]!, 5);
    });
    // By the size of what training did.
    const [expected, got] = [await wholeValues(whole.model), await wholeValues(split.model)];
    for (const [name, values] of expected) {
      const norm = (other: Float32Array) => Math.hypot(...values.map((x, i) => x - other[i]!));
      expect(norm(got.get(name)!) / norm(start.get(name)!), name).toBeLessThan(1e-3);
    }
    whole.trainer.release();
    split.trainer.release();
  });

  test.each([
    ['in pieces', { pieceBytes }],
    ['in pieces, the loss in chunks of 64 rows', { pieceBytes, loss: { logitBytes: 1 } }],
    ['in pieces of 128 rows, the loss in chunks of 64', { pieceBytes: 2 * pieceBytes, loss: { logitBytes: 1 } }],
    ['whole, the loss in chunks of 64 rows', { loss: { logitBytes: 1 } }],
    ['untied', { config: untied, pieceBytes: 2 * pieceBytes, loss: { logitBytes: 1 } }],
    ['with label smoothing', { pieceBytes, loss: { logitBytes: 1, labelSmoothing: 0.2 } }],
  ])('has the same gradients: %s', async (_, setting: Setting) => {
    const { config, loss: { labelSmoothing = 0 } = {} } = setting;
    const plain = { ...(config && { config }), loss: { labelSmoothing } };
    const twin = new Twin();
    const exact = await gradientsOf(twin, plain);
    // The twin gives float64 rounded to float32; cut or not, it is the same to the last bit or the one before.
    expect(worst(await gradientsOf(twin, setting), exact)).toBeLessThan(2e-7);
    expect(worst(await gradientsOf(device, plain), exact)).toBeLessThan(1e-5);
    expect(worst(await gradientsOf(device, setting), exact)).toBeLessThan(1e-5);
  });

  test('has the same logits', async () => {
    const logits = async (bytes?: number) => {
      const { model } = setUp(device, bytes ? { pieceBytes: bytes } : {});
      const generator = new TokenGenerator(device, model);
      const values = await generator.logits([1, 199, 64, 63, 128]);
      generator.release();
      device.release(model.parameters);
      return new Map([['logits', values]]);
    };
    expect(worst(await logits(pieceBytes), await logits())).toBeLessThan(1e-6);
  });
});

test('logits that are made again in the backward pass give the bits of those that are kept', async () => {
  const kept = await gradientsOf(device, { pieceBytes, loss: { logitBytes: Number.POSITIVE_INFINITY } });
  const again = await gradientsOf(device, { pieceBytes, loss: { logitBytes: 1 } });
  expect(again).toEqual(kept);
});

describe('a checkpoint', () => {
  const saved = async ({ model, optimizer }: ReturnType<typeof setUp>) => {
    return {
      hash: await hashOf(device, model),
      model: await collectBytes(await modelFile(device, model)),
      optimizer: await collectBytes(await optimizerFile(device, optimizer)),
    };
  };
  const restore = async ({ model, optimizer }: ReturnType<typeof setUp>, files: Awaited<ReturnType<typeof saved>>) => {
    await loadModel(device, model, [bytesSource('model.safetensors', files.model)]);
    await loadOptimizer(device, optimizer, bytesSource('optimizer.safetensors', files.optimizer));
  };

  test('is the same to the byte, cut or not, and goes either way', async () => {
    for (const config of [tied, untied]) {
      const whole = setUp(device, { config });
      const split = setUp(device, { config, pieceBytes });
      await whole.advance(2);
      const files = await saved(whole);
      await restore(split, files);
      expect(await saved(split)).toEqual(files);
      expect(await hashOf(device, split.model)).toBe(files.hash);
      whole.trainer.release();
      const back = setUp(device, { config });
      await restore(back, await saved(split));
      expect(await saved(back)).toEqual(files);
      back.trainer.release();
      split.trainer.release();
    }
  });

  test('knows nothing of pieces', async () => {
    const split = setUp(device, { pieceBytes });
    const { model, optimizer } = await saved(split);
    for (const bytes of [model, optimizer]) {
      const { tensors } = await SafetensorsReader.open(bytesSource('file', bytes));
      expect([...tensors.keys()].filter((name) => name.includes('['))).toEqual([]);
    }
    split.trainer.release();
  });

  test('goes on as if nothing had happened', async () => {
    const unbroken = setUp(device, { pieceBytes });
    const losses = await unbroken.advance(5);
    const hash = await hashOf(device, unbroken.model);
    unbroken.trainer.release();

    const first = setUp(device, { pieceBytes });
    await first.advance(3);
    const files = await saved(first);
    first.trainer.release();
    const second = setUp(device, { pieceBytes });
    await restore(second, files);
    second.trainer.step = 3;
    expect(await second.advance(5)).toEqual(losses.slice(3));
    expect(await hashOf(device, second.model)).toBe(hash);
    second.trainer.release();
  });

  test('is refused where a whole tensor has another shape', async () => {
    const split = setUp(device, { pieceBytes });
    const other = setUp(device, { config: gpt2Config({ ...tied, vocabSize: V + 1 }), pieceBytes });
    await expect(restore(split, await saved(other))).rejects.toThrow(
      '1 of another shape: "transformer.wte.weight" is [201,16], expected [200,16]',
    );
    split.trainer.release();
    other.trainer.release();
  });
});

describe('memory of a step', () => {
  const CONTEXT = 256;
  const B = 4;

  /** All that a step over 1,024 tokens is, planned but not run. */
  function plansOf(vocabSize: number, nEmbd: number, loss: TableLossOptions, accumulate = 1): Plan[] {
    const config = gpt2Config({ vocabSize, nEmbd, blockSize: CONTEXT, nLayer: 1, nHead: 16 });
    const model = new GPT2(config, { seed: 1 });
    const optimizer = new AdamW(model.parameters, { gradClip: 1 });
    const task = languageTask(loss);
    const trainer = new Trainer({ machine: new Twin(), model, optimizer, task, accumulate });
    const tokens = batch(0, vocabSize, B, CONTEXT);
    return trainer
      .functions(tokens, tokens)
      .map(({ fn, batch: given }) => makePlan(graphOf(fn, given), leastCapabilities));
  }
  const total = (bytes: readonly number[]) => bytes.reduce((a, b) => a + b, 0);

  test.each([
    [50257, 768],
    [128256, 1024],
  ])(
    'vocabulary %i x %i, 1,024 tokens: nothing exceeds 128 MiB, and one chunk of logits lives at a time',
    (rows, width) => {
      const logits = 4 * B * CONTEXT * rows;
      expect(logits).toBeGreaterThan(SLAB_BYTES);
      const [step, evaluation] = plansOf(rows, width, {});
      const [batchOf4, rest] = plansOf(rows, width, {}, 4);
      for (const plan of [step!, evaluation!, batchOf4!, rest!]) {
        const largest = {
          values: Math.max(0, ...plan.arena),
          slabs: Math.max(...[...plan.persistent].map((t: Tensor) => 4 * t.size)),
          bindings: Math.max(...plan.dispatches.flatMap((d) => d.bindings).map((b) => b.size)),
        };
        for (const [what, bytes] of Object.entries(largest)) expect(bytes, what).toBeLessThanOrEqual(SLAB_BYTES);
        expect(total(plan.arena)).toBeLessThan(logits);
      }
      const [kept] = plansOf(rows, width, { logitBytes: Number.POSITIVE_INFINITY });
      // What is left of the difference: the chunk that lives, and its part of a gradient.
      expect(total(kept!.arena) - total(step!.arena)).toBeGreaterThan(logits - SLAB_BYTES);
    },
  );
});

async function wholeValues(model: GPT2): Promise<Map<string, Float32Array>> {
  const reader = await SafetensorsReader.open(bytesSource('model', await collectBytes(await modelFile(device, model))));
  const values = new Map<string, Float32Array>();
  for (const { name } of wholesOf(model.parameters)) values.set(name, await reader.readFloat32(name));
  return values;
}
