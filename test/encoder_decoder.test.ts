// The original transformer as a model: its gradients in every form that it may have, what a token of either side may see, its two
// caches, and that it learns.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Batch, HostTensor } from '../src/autograd/machine.ts';
import { InputError } from '../src/errors.ts';
import { SourceDecoder } from '../src/generate/source_decoder.ts';
import { EncoderDecoder, type EncoderDecoderConfig, encoderDecoderConfig } from '../src/nn/encoder_decoder.ts';
import type { ModelOptions } from '../src/nn/parameter_list.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { type TranslateTaskOptions, translateTask } from '../src/tasks/translate.ts';
import { pairRows } from '../src/tasks/translate_rows.ts';
import type { HostArray, Tensor } from '../src/tensor/tensor.ts';
import { Trainer } from '../src/train/trainer.ts';
import { expectSlopes } from './harness/finite_differences.ts';
import { expectClose } from './harness/op_compare.ts';
import { plainLogits } from './harness/plain_encoder_decoder.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const sizes = encoderDecoderConfig({
  ...{ vocabSize: 13, blockSize: 10, nEmbd: 8, nHead: 2, nInner: 11, encoderLayers: 1, decoderLayers: 2 },
  ...{ activation: 'gelu', padId: 0, bosId: 1, eosId: 2 },
});
/** Weights so large that every part counts. */
const made = (changes: Partial<EncoderDecoderConfig> = {}, options: Partial<ModelOptions> = {}) =>
  new EncoderDecoder(encoderDecoderConfig({ ...sizes, ...changes }), { seed: 7, embeddingStd: 0.4, ...options });

const ids = (rows: readonly (readonly number[])[]): HostTensor => ({
  shape: [rows.length, rows[0]!.length],
  data: Int32Array.from(rows.flat()),
});
const mask = (rows: readonly (readonly number[])[]): HostTensor => ({
  ...ids(rows),
  data: Float32Array.from(rows.flat()),
});

/** Two pairs; the second source and the second target are shorter. */
const pairs: Batch = {
  source: ids([
    [5, 9, 3, 6, 2],
    [12, 7, 2, 0, 0],
  ]),
  sourceMask: mask([
    [1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0],
  ]),
  inputs: ids([
    [1, 6, 4, 8],
    [1, 11, 6, 0],
  ]),
  targets: ids([
    [6, 4, 8, 2],
    [11, 6, 2, -100],
  ]),
};

type Given = Record<string, Tensor>;

const hiddenOf = (model: EncoderDecoder, { source, sourceMask, inputs }: Given) =>
  model.hidden({ source: source!, mask: sourceMask!, ids: inputs! });

/** Loss and all gradients, those of a table in pieces one behind the other, to be compiled. */
function gradients(model: EncoderDecoder, options: TranslateTaskOptions = {}) {
  const task = translateTask({ labelSmoothing: 0.1, ...options });
  return (given: Given): Record<string, Tensor> => {
    const { loss } = task.loss(model, given);
    return { loss, ...Object.fromEntries([...backward(loss)].map(([p, g]) => [p.name, g])) };
  };
}

async function valuesOf(
  model: EncoderDecoder,
  fn: (given: Given) => Record<string, Tensor>,
  batch: Batch = pairs,
  scalars = {},
): Promise<Map<string, HostArray>> {
  const compiled = device.compile(fn);
  try {
    const read = Object.entries(await compiled(batch, scalars)).map(async ([k, v]) => [k, await v.read()] as const);
    return new Map(await Promise.all(read));
  } finally {
    compiled.release();
    device.release(model.parameters);
  }
}

/** Values of all sizes for parameter number n; the weights of norms are about 1. */
const wave = ({ name, size }: Tensor, n: number) =>
  Float32Array.from(
    { length: size },
    (_, i) => 0.4 * Math.sin(0.37 * i * i + n) + (/norm\d?\.weight$/.test(name) ? 1 : 0),
  );

/** Names of the tables, by what is tied. */
const tables = {
  all: { source: 'shared.weight', target: 'shared.weight', head: null },
  target: { source: 'encoder.embed_tokens.weight', target: 'decoder.embed_tokens.weight', head: null },
  none: { source: 'encoder.embed_tokens.weight', target: 'decoder.embed_tokens.weight', head: 'lm_head.weight' },
};

describe('every form of it', () => {
  const sourceVocabSize = { all: 13, target: 14, none: 14 };
  for (const norm of ['post', 'pre'] as const)
    for (const positions of ['sinusoidal', 'learned', 'rotary'] as const)
      for (const tie of ['all', 'target', 'none'] as const) {
        // Long as a table of positions is wide: its middle row is one that is used.
        const model = () => made({ norm, positions, tie, sourceVocabSize: sourceVocabSize[tie], blockSize: 5 });

        test(`computes what the paper says: ${norm}, ${positions}, ${tie}`, async () => {
          const own = made({ ...model().config, activation: 'relu', encoderLayers: 2, embeddingScale: tie !== 'none' });
          const twin = new Twin();
          const weights = new Map(own.parameters.map((p, n) => [p.name, wave(p, n)]));
          for (const p of own.parameters) twin.write(p, Float32Array.from(weights.get(p.name)!));
          const { logits } = await twin.compile((given) => ({ logits: own.head(hiddenOf(own, given)) }))(pairs);
          const [target, head] = [tables[tie].target, tables[tie].head ?? tables[tie].target];
          const plain = {
            ...{ width: 8, heads: 2, inner: 11, vocabSize: 13, encoderLayers: 2, decoderLayers: 2, eps: 1e-5 },
            ...{ norm, positions, scaled: tie !== 'none' },
            ...{ sourceTable: tables[tie].source, targetTable: target, headTable: head },
          };
          const expected = [
            plainLogits(plain, (name) => weights.get(name)!, [5, 9, 3, 6, 2], [1, 6, 4, 8]),
            plainLogits(plain, (name) => weights.get(name)!, [12, 7, 2], [1, 11, 6]),
          ].flat(2);
          // The last row of the second text is padding. Sinusoids are rounded to f32.
          expectClose('logits', logits!.exact.slice(0, 7 * 13), expected, 2e-6);
        });

        test(`has gradients that agree with finite differences: ${norm}, ${positions}, ${tie}`, async () => {
          const own = model();
          const twin = new Twin();
          await expectSlopes(twin, twin.compile(gradients(own)), pairs, own.parameters);
        });

        test(`has the gradients of its twin: ${norm}, ${positions}, ${tie}`, async () => {
          const own = model();
          const expected = await new Twin().compile(gradients(own))(pairs);
          expect(Object.keys(expected)).toHaveLength(own.parameters.length + 1);
          const got = await valuesOf(own, gradients(own));
          for (const [name, { exact }] of Object.entries(expected)) expectClose(name, got.get(name)!, exact, 3e-5);
        });
      }
});

describe('what may not matter does not', () => {
  const logits = (model: EncoderDecoder) => (given: Given) => {
    const hidden = hiddenOf(model, given);
    return { logits: model.head(hidden), loss: model.loss(hidden, given.targets!).loss };
  };
  /** Rows of a (2,T,V) result that belong to the first three tokens of each text. */
  const own = (values: HostArray, T: number) =>
    [0, 1].flatMap((b) => [...(values as Float32Array).subarray(b * T * 13, (b * T + 3) * 13)]);

  test('which tokens stand in the padding of a source: to the bit', async () => {
    const other = ids([
      [5, 9, 3, 6, 2],
      [12, 7, 2, 10, 8],
    ]);
    for (const positions of ['sinusoidal', 'rotary'] as const) {
      const model = made({ positions });
      const expected = await valuesOf(model, logits(model));
      expect(await valuesOf(model, logits(model), { ...pairs, source: other })).toEqual(expected);
    }
  });

  test('how wide a batch is padded, on either side', async () => {
    const wider: Batch = {
      source: ids([
        [5, 9, 3, 6, 2, 0, 0, 0],
        [12, 7, 2, 0, 0, 0, 0, 0],
      ]),
      sourceMask: mask([
        [1, 1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0],
      ]),
      inputs: ids([
        [1, 6, 4, 8, 0, 0],
        [1, 11, 6, 0, 0, 0],
      ]),
      targets: ids([
        [6, 4, 8, 2, -100, -100],
        [11, 6, 2, -100, -100, -100],
      ]),
    };
    const model = made();
    const narrow = await valuesOf(model, logits(model));
    const wide = await valuesOf(model, logits(model), wider);
    expectClose('loss', wide.get('loss')!, narrow.get('loss')!, 1e-6);
    expectClose('logits', own(wide.get('logits')!, 6), own(narrow.get('logits')!, 4), 1e-6);
  });

  test('later tokens of a target, to the bit; but every token of the source does', async () => {
    const model = made();
    const before = await valuesOf(model, logits(model));
    const changed = (name: string, rows: readonly (readonly number[])[]) =>
      valuesOf(model, logits(model), { ...pairs, [name]: ids(rows) });
    const target = await changed('inputs', [
      [1, 6, 4, 9],
      [1, 11, 6, 5],
    ]);
    expect(own(target.get('logits')!, 4)).toEqual(own(before.get('logits')!, 4));
    expect(target.get('logits')).not.toEqual(before.get('logits'));
    const source = await changed('source', [
      [5, 9, 3, 6, 4],
      [12, 8, 2, 0, 0],
    ]);
    const moved = own(source.get('logits')!, 4).map((x, i) => Math.abs(x - own(before.get('logits')!, 4)[i]!));
    const perToken = Array.from({ length: 6 }, (_, t) => Math.max(...moved.slice(t * 13, (t + 1) * 13)));
    expect(perToken.every((x) => x > 1e-3)).toBe(true);
  });

  test('whether layers are computed again: to the bit, with dropout too', async () => {
    for (const dropout of [undefined, { p: 0.2, seed: 3 }]) {
      const model = made({ norm: 'pre', positions: 'rotary' });
      const scalars = dropout && { randomStep: 4 };
      const kept = await valuesOf(model, gradients(model, { dropout }), pairs, scalars);
      expect(await valuesOf(model, gradients(model, { dropout, recompute: true }), pairs, scalars)).toEqual(kept);
    }
  });

  test('in how many pieces a table is stored, and in how many chunks the loss is made', async () => {
    const large = { tie: 'none', vocabSize: 150, sourceVocabSize: 140 } as const;
    const [whole, pieces] = [made(large), made(large, { pieceBytes: 64 * 8 * 4 })];
    expect(pieces.parameters.length).toBe(whole.parameters.length + 6);
    const parts = (model: EncoderDecoder, options: TranslateTaskOptions) => (given: Given) => {
      const { loss } = translateTask(options).loss(model, given);
      const found = backward(loss);
      return { loss, ...Object.fromEntries(model.parameters.map((p, i) => [`${i}`, found.get(p)!])) };
    };
    const all = (values: Map<string, HostArray>) =>
      [...values].filter(([name]) => name !== 'loss').flatMap(([, each]) => [...each]);
    const expected = await valuesOf(whole, parts(whole, {}));
    for (const options of [{}, { logitBytes: 1024 }]) {
      const got = await valuesOf(pieces, parts(pieces, options));
      expectClose('loss', got.get('loss')!, expected.get('loss')!, 1e-6);
      expectClose('gradients', all(got), all(expected), 1e-5);
    }
  });
});

describe('dropout', () => {
  test('is the same for a seed and a step, and another for another', async () => {
    const model = made();
    const loss = async (seed: number, randomStep: number) => {
      const { loss: _, ...rest } = Object.fromEntries(
        await valuesOf(model, gradients(model, { dropout: { p: 0.3, seed } }), pairs, { randomStep }),
      );
      return rest['shared.weight']!;
    };
    const first = await loss(1, 0);
    expect(await loss(1, 0)).toEqual(first);
    expect(await loss(1, 1)).not.toEqual(first);
    expect(await loss(2, 0)).not.toEqual(first);
  });

  test('has the gradients of the twin', async () => {
    const model = made({ norm: 'pre', positions: 'learned' });
    const own = gradients(model, { dropout: { p: 0.3, seed: 5 } });
    const expected = await new Twin().compile(own)(pairs, { randomStep: 9 });
    const got = await valuesOf(model, own, pairs, { randomStep: 9 });
    for (const [name, { exact }] of Object.entries(expected)) expectClose(name, got.get(name)!, exact, 3e-5);
  });
});

test('a source without a single token gives numbers, and gradients, on the device and on the twin', async () => {
  const model = made();
  const batch = { ...pairs, sourceMask: mask([Array(5).fill(1), Array(5).fill(0)]) };
  const twin = await new Twin().compile(gradients(model))(batch);
  const got = await valuesOf(model, gradients(model), batch);
  for (const [name, { exact }] of Object.entries(twin)) {
    expect([...exact].every(Number.isFinite), name).toBe(true);
    expectClose(name, got.get(name)!, exact, 3e-5);
  }
});

describe('writing token by token', () => {
  for (const [positions, norm] of [
    ['sinusoidal', 'post'],
    ['learned', 'pre'],
    ['rotary', 'pre'],
  ] as const)
    test(`through the caches gives the logits of one pass: ${positions}`, async () => {
      const model = made({ positions, norm, blockSize: 32 });
      const texts = [
        [1, 6, 4, 8, 3, 12],
        [1, 11, 6, 10, 10, 4],
      ];
      const whole = await valuesOf(model, (given) => ({ logits: model.head(hiddenOf(model, given)) }), {
        source: pairs.source!,
        sourceMask: pairs.sourceMask!,
        inputs: ids(texts),
      });
      const row = (b: number, t: number) =>
        (whole.get('logits') as Float32Array).subarray((b * 6 + t) * 13).slice(0, 13);
      const sizes = { sources: 2, beams: 1, width: 5, capacity: 20 };
      const decoder = new SourceDecoder(device, model, sizes, { dtype: 'f32' });
      await decoder.begin([
        [5, 9, 3, 6, 2],
        [12, 7, 2],
      ]);
      for (const [from, to] of [
        [0, 3],
        [3, 4],
        [4, 6],
      ] as const) {
        const fed = texts.map((text) => text.slice(from, to));
        const output = await decoder.decoder.feed(fed, [from, from], 'logits');
        const logits = (await output.read()) as Float32Array;
        for (const b of [0, 1])
          expectClose(`row ${b} to ${to}`, logits.subarray(b * 13, (b + 1) * 13), row(b, to - 1), 1e-5);
      }
      decoder.release();
      device.release(model.parameters);
    });

  test('shows how each layer looks at the source', async () => {
    const model = made();
    const seen: string[] = [];
    await valuesOf(model, ({ source, sourceMask, inputs }) => {
      const cross = model.crossKeys(model.encode(source!, sourceMask));
      const onCross = (layer: number, q: Tensor, k: Tensor) => seen.push(`${layer}: ${q.shape} ${k.shape}`);
      return { hidden: model.decode(inputs!, { cross, mask: sourceMask }, { onCross }) };
    });
    expect(seen).toEqual(['0: 2,4,8 2,5,8', '1: 2,4,8 2,5,8']);
  });
});

test('in f16 the loss and the gradients are near those of f32', async (context) => {
  if (!device.capabilities.features.has('shader-f16')) return context.skip('this adapter has no shader-f16');
  for (const changes of [{}, { norm: 'pre', positions: 'rotary' }] as const) {
    const model = made(changes);
    const expected = await valuesOf(model, gradients(model));
    const got = await valuesOf(model, gradients(model, { dtype: 'f16' }));
    expectClose('loss', got.get('loss')!, expected.get('loss')!, 2e-3);
    // The root of some sixty roundings that an element has behind it, four times.
    for (const [name, values] of expected) expectClose(name, got.get(name)!, values, 4 * Math.sqrt(60) * 2 ** -11);
  }
});

test('it learns to turn texts round by heart', async () => {
  const model = new EncoderDecoder(encoderDecoderConfig({ ...sizes, nEmbd: 32, nInner: 64, nHead: 4 }), { seed: 5 });
  const texts = [[5, 9, 3, 6, 12], [12, 7, 4], [8, 8, 10, 3, 4, 5], [11]];
  const rows = pairRows(
    texts.map((source) => ({ source, target: source.toReversed() })),
    model.config,
  );
  const batch = rows.batch([0, 1, 2, 3]);
  const optimizer = new AdamW(model.parameters, { weightDecay: 0, beta2: 0.98, gradClip: 1 });
  const trainer = new Trainer({ machine: device, model, optimizer, task: translateTask() });
  const losses: number[] = [];
  for await (const step of trainer.advance(100, () => ({ batches: [batch], learningRate: 5e-3 })))
    losses.push(step.loss);
  expect(losses.at(-1)).toBeLessThan(0.05);
  trainer.release();
});

test('a new model knows nothing: its first loss is about ln V', async () => {
  for (const changes of [{}, { norm: 'pre', tie: 'none' }] as const) {
    const model = new EncoderDecoder(
      encoderDecoderConfig({ ...sizes, nEmbd: 64, vocabSize: 200, sourceVocabSize: 200, ...changes }),
      {
        seed: 2,
      },
    );
    const { loss } = Object.fromEntries(
      await valuesOf(model, (given) => ({ loss: translateTask().loss(model, given).loss })),
    );
    expect(Math.abs(loss![0]! / Math.log(200) - 1)).toBeLessThan(0.25);
  }
});

describe('is refused', () => {
  test.each<[Partial<EncoderDecoderConfig>, string]>([
    [{ nHead: 3 }, 'model: width 8 is not divisible by 3 heads; use'],
    [{ nEmbd: 6, positions: 'rotary' }, 'model: found heads of width 3, expected an even one: rotary positions'],
    [{ nEmbd: 9, nHead: 3 }, 'model: found a width of 9, expected an even one: sines and cosines come in pairs.'],
    [{ sourceVocabSize: 14 }, 'model: found vocabularies of 14 and 13 tokens for one table, expected one size.'],
  ])('%o', (changes, message) => {
    expect(() => made(changes)).toThrow(InputError);
    expect(() => made(changes)).toThrow(message);
  });

  test.each([
    ['source', { blockSize: 4 }],
    ['target', { blockSize: 5 }],
  ])('a %s text beyond the context', async (side, changes) => {
    const model = made(changes);
    const batch = {
      source: ids([[5, 9, 3, 6, 2]]),
      sourceMask: mask([[1, 1, 1, 1, 1]]),
      inputs: ids([[1, 6, 4, 8, 3, 5].slice(0, side === 'target' ? 6 : 3)]),
    };
    const compiled = new Twin().compile((given) => ({ hidden: hiddenOf(model, given) }));
    await expect(compiled(batch)).rejects.toThrow(`model: found a ${side} text of`);
  });
});
