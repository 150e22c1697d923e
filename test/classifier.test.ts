// Classifiers: a body, pooled hidden states and scores; their loss, their rows, and that they learn.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Batch, Machine } from '../src/autograd/machine.ts';
import { InputError } from '../src/errors.ts';
import { Classifier, POOLINGS, type Pooling, poolWeights } from '../src/nn/classifier.ts';
import { makeModel } from '../src/nn/families.ts';
import { gpt2Config } from '../src/nn/gpt2.ts';
import { llamaConfig } from '../src/nn/llama_config.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { freezeParts } from '../src/optim/frozen.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { balancedWeights, classifyTask, likeliestLabel } from '../src/tasks/classify.ts';
import { classifyRows, type LabelledIds } from '../src/tasks/classify_rows.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { Trainer } from '../src/train/trainer.ts';
import { expectSlopes } from './harness/finite_differences.ts';
import { expectClose } from './harness/op_compare.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const V = 23;
const sizes = { vocabSize: V, blockSize: 32, nEmbd: 16, nLayer: 2, nHead: 2, initializerRange: 0.3 };
const bodies: Readonly<Record<string, () => LanguageModel>> = {
  gpt2: () => makeModel(gpt2Config(sizes), { seed: 1 }),
  'llama with a head of its own': () => makeModel(llamaConfig({ ...sizes, tieWordEmbeddings: false }), { seed: 1 }),
};
const labels = ['ham', 'spam', 'eggs'];
const classifier = (pooling: Pooling, body = bodies.gpt2!(), width: number | null = 12) =>
  new Classifier(body, { labels, pooling, width, padId: 2, seed: 5 });

/** Texts whose label their tokens tell: ids of one third of the vocabulary. */
const rows: LabelledIds[] = Array.from({ length: 16 }, (_, i) => ({
  ids: Array.from({ length: 1 + ((7 * i) % 11) }, (_, t) => 3 + (i % 3) * 6 + ((5 * t + i) % 6)),
  label: i % 3,
  line: i + 1,
}));
const where = 'rows.tsv';
const all = rows.map((_, i) => i);

async function scores(machine: Machine, model: Classifier, batch: Batch): Promise<Float32Array> {
  const compiled = machine.compile(({ inputs, pool }) => ({ logits: model.logits(inputs!, pool!) }));
  try {
    const { logits } = await compiled(batch);
    return (await logits!.read()) as Float32Array;
  } finally {
    compiled.release();
  }
}

describe.each(Object.entries(bodies))('a classifier over %s', (_, bodyOf) => {
  test('has the parameters of its body without an output head, and scores', () => {
    const body = bodyOf();
    const model = classifier('mean', body);
    const names = model.parameters.map(({ name }) => name);
    expect(names).not.toContain('lm_head.weight');
    expect(names.filter((name) => name.startsWith('score'))).toEqual(['score.weight']);
    expect(new Set(names)).toEqual(
      new Set([...body.parameters.map(({ name }) => name).filter((name) => name !== 'lm_head.weight'), 'score.weight']),
    );
  });

  test.each(POOLINGS)(
    'with %s has gradients that agree with finite differences, with weights of classes',
    async (pooling) => {
      const [twin, model] = [new Twin(), classifier(pooling, bodyOf())];
      const batch = classifyRows(rows, model, { where, classWeights: [0.5, 2, 1.25] }).batch([0, 1, 2, 5, 9]);
      const task = classifyTask();
      const compiled = twin.compile((inputs): Record<string, Tensor> => {
        const { loss } = task.loss(model, inputs);
        const named = [...backward(loss)].map(([parameter, gradient]) => [parameter.name, gradient] as const);
        return { loss, ...Object.fromEntries(named) };
      });
      await expectSlopes(twin, compiled, batch, model.parameters);
    },
  );

  test.each(POOLINGS)('with %s scores on the device as on the twin', async (pooling) => {
    const model = classifier(pooling, bodyOf());
    const batch = classifyRows(rows, model, { where }).batch(all);
    const [got, exact] = [await scores(device, model, batch), await scores(new Twin(), model, batch)];
    device.release(model.parameters);
    expect(got.length).toBe(rows.length * labels.length);
    expectClose('scores', got, exact, 1e-5);
  });
});

test('poolings take the last token, the last column, and the mean of the tokens', () => {
  const each = Object.fromEntries(POOLINGS.map((pooling) => [pooling, [...poolWeights(pooling, [2, 4], 5)]]));
  expect(each).toEqual({
    'last-token': [0, 1, 0, 0, 0, 0, 0, 0, 1, 0],
    'last-position': [0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    mean: [0.5, 0.5, 0, 0, 0, 0.25, 0.25, 0.25, 0.25, 0],
  });
});

test.each(POOLINGS)('with %s a text has the same scores whatever its neighbours', async (pooling) => {
  const model = classifier(pooling);
  const made = classifyRows([...rows, { ids: new Array(30).fill(4), label: 0, line: 17 }], model, { where });
  const [one, other] = [
    await scores(device, model, made.batch([3, 4, 5])),
    await scores(device, model, made.batch([3, 9, 0])),
  ];
  const wider = await scores(device, model, made.batch([3, 16]));
  device.release(model.parameters);
  const first = (values: Float32Array) => [...values.subarray(0, labels.length)];
  // To the bit in batches of one shape; kernels of other shapes add up in another order.
  expect(first(other)).toEqual(first(one));
  expectClose('in a wider batch', first(wider), first(one), 1e-5);
});

test('the padding is seen by last-position alone', async () => {
  const [first, other] = [3, 9].map((padId) => async (pooling: Pooling) => {
    const model = new Classifier(bodies.gpt2!(), { labels, pooling, width: 12, padId, seed: 5 });
    const got = await scores(new Twin(), model, classifyRows(rows, model, { where }).batch([0, 1, 2, 3]));
    return [...got];
  });
  expect(await first!('last-token')).toEqual(await other!('last-token'));
  expect(await first!('mean')).toEqual(await other!('mean'));
  expect(await first!('last-position')).not.toEqual(await other!('last-position'));
});

describe('the loss', () => {
  /** In plain loops, from the scores. */
  function plain(logits: ArrayLike<number>, wantedLabels: readonly number[], weights: readonly number[]) {
    let [sum, total] = [0, 0];
    for (const [row, label] of wantedLabels.entries()) {
      if (label === -100) continue;
      const own = Array.from({ length: 3 }, (_, i) => logits[3 * row + i]!);
      const nll = Math.log(own.reduce((all, x) => all + Math.exp(x), 0)) - own[label]!;
      sum += weights[label]! * nll;
      total += weights[label]!;
    }
    return { loss: sum / total, kept: total };
  }

  const unknown: LabelledIds[] = [...rows, { ids: [4, 5], label: -100, line: 17 }];

  test.each([
    ['without weights', undefined],
    ['with weights of classes', [0.5, 2, 1.25]],
  ])('%s is what plain loops give, and rows without a label count for nothing', async (_, classWeights) => {
    const model = classifier('last-token');
    const batch = classifyRows(unknown, model, { where, classWeights }).batch([0, 16, 1, 2, 4]);
    const task = classifyTask();
    const observed = await scores(new Twin(), model, batch);
    const expected = plain(observed, [0, -100, 1, 2, 1], classWeights ?? [1, 1, 1]);
    for (const machine of [new Twin(), device]) {
      const compiled = machine.compile((inputs) => {
        const { loss, kept, tokenLoss } = task.loss(model, inputs);
        return { loss, kept, tokenLoss };
      });
      const { loss, kept, tokenLoss } = await compiled(batch);
      expect(await loss!.item()).toBeCloseTo(expected.loss, 5);
      expect(await kept!.item()).toBeCloseTo(expected.kept, 6);
      expect((await tokenLoss!.read())[1]).toBe(0);
      compiled.release();
    }
    device.release(model.parameters);
    const right = [0, 1, 2, 1].filter((label, i) => {
      const row = [0, 2, 3, 4][i]!;
      return likeliestLabel(observed.subarray(3 * row, 3 * row + 3)) === label;
    }).length;
    const { accuracy } = task.metrics!(batch, { logits: observed });
    expect([accuracy!.length, accuracy!.reduce((sum, one) => sum + one, 0)]).toEqual([4, right]);
  });

  test('of a step in uneven batches is that of one batch', async () => {
    const lossOf = async (accumulate: number, parts: readonly (readonly number[])[]) => {
      const [twin, model] = [new Twin(), classifier('mean')];
      const made = classifyRows(rows, model, { where, classWeights: [0.5, 2, 1.25] });
      const optimizer = new AdamW(model.parameters, {});
      const trainer = new Trainer({ machine: twin, model, optimizer, task: classifyTask(), accumulate });
      const next = () => ({ batches: parts.map((part) => made.batch(part)), learningRate: 1e-2 });
      const losses: number[] = [];
      for await (const { loss, gradNorm } of trainer.advance(2, next)) losses.push(loss, gradNorm);
      return losses;
    };
    const whole = await lossOf(1, [[0, 1, 2, 3, 4, 5, 7]]);
    const parts = await lossOf(2, [
      [0, 1, 2, 3, 4],
      [5, 7],
    ]);
    expectClose('losses and norms', parts, whole, 1e-5);
  });
});

test('balanced weights make every label count alike', () => {
  const weights = balancedWeights([0, 0, 0, 1, 3, 3], 4);
  expect(weights).toEqual([6 / 9, 2, 0, 1]);
});

describe('rows', () => {
  test('are cut to what the classifier sees, and that is counted', () => {
    const long = [...rows, { ids: new Array(40).fill(4), label: 0, line: 17 }];
    const last = classifyRows(long, classifier('last-token'), { where });
    expect([last.cut, last.lengthOf(16), last.batch([16]).inputs!.shape]).toEqual([1, 32, [1, 32]]);
    const fixed = classifyRows(long, classifier('last-position', undefined, 8), { where });
    expect([fixed.cut, fixed.lengthOf(16)]).toEqual([1 + rows.filter(({ ids }) => ids.length > 8).length, 8]);
    expect([fixed.batch([0]).inputs!.shape, fixed.batch(all).inputs!.shape]).toEqual([
      [1, 8],
      [16, 8],
    ]);
  });

  test("are padded with the tokenizer's id, to a bucket", () => {
    const { inputs, labels: own } = classifyRows(rows, classifier('mean'), { where }).batch([1, 0]);
    expect([inputs!.shape, own!.data]).toEqual([[2, 16], Int32Array.of(1, 0)]);
    expect([...inputs!.data.subarray(8, 18)]).toEqual([...new Array(8).fill(2), rows[0]!.ids[0], 2]);
  });

  test('show where the answer is read, and their label', () => {
    const shown = (pooling: Pooling) => classifyRows(rows, classifier(pooling), { where }).shown(7);
    expect(shown('last-token')).toEqual({
      ids: rows[7]!.ids,
      trained: [false, false, false, false, false, true],
      note: 'label spam',
    });
    expect(shown('mean').trained).toEqual(new Array(6).fill(true));
  });

  test('without tokens are refused by their line', () => {
    const empty = [...rows, { ids: [], label: 1, line: 99 }];
    expect(() => classifyRows(empty, classifier('mean'), { where })).toThrow(
      new InputError('rows.tsv: line 99: found a text without tokens, expected at least one. Take it out.'),
    );
  });
});

test('a classifier has two labels or more, each once, and a width that its context holds', () => {
  const made = (options: object) => () => new Classifier(bodies.gpt2!(), { labels, seed: 1, ...options });
  expect(made({ labels: ['only'] })).toThrow('found 1 label, expected at least 2');
  expect(made({ labels: ['a', 'b', 'a'] })).toThrow('found the label "a" twice');
  expect(made({ pooling: 'last-position', width: 33 })).toThrow('found a width of 33 tokens, expected 1 to 32');
  expect(made({ padId: V })).toThrow(`found the padding id ${V}, expected one below ${V}`);
});

test('freezing trains the scores always, and the token table only with the whole', () => {
  for (const [name, bodyOf] of Object.entries(bodies)) {
    const model = classifier('mean', bodyOf());
    const trained = (part: 'all' | 'head' | 'last-block') => {
      freezeParts(model.parameters, part);
      return model.parameters.filter((p) => p.trainable).map((p) => p.name.replace(/\.(weight|bias)$/, ''));
    };
    const norm = name === 'gpt2' ? 'transformer.ln_f' : 'model.norm';
    expect([...new Set(trained('head'))]).toEqual([norm, 'score']);
    const last = trained('last-block');
    expect(last.filter((each) => !/\.1\./.test(each))).toEqual(expect.arrayContaining([norm, 'score']));
    expect(last.some((each) => /\.0\.|wte|embed_tokens/.test(each))).toBe(false);
    expect(trained('all').length).toBe(model.parameters.length);
  }
});

test.for(['f32', 'f16'] as const)('a tiny one over-fits 16 rows in %s', async (dtype, context) => {
  if (dtype === 'f16' && !device.capabilities.features.has('shader-f16')) context.skip('no shader-f16');
  const model = classifier('last-token', makeModel(gpt2Config({ ...sizes, initializerRange: 0.08 }), { seed: 1 }));
  const made = classifyRows(rows, model, { where });
  const optimizer = new AdamW(model.parameters, { lossScale: dtype === 'f16' });
  const trainer = new Trainer({ machine: device, model, optimizer, task: classifyTask({ dtype }) });
  const before = await trainer.evaluate([made.batch(all)]);
  for await (const { metrics } of trainer.advance(40, () => ({ batches: [made.batch(all)], learningRate: 1e-2 })))
    expect(metrics.accuracy).toBeGreaterThanOrEqual(0);
  const { loss, metrics, tokens } = await trainer.evaluate([made.batch(all)]);
  trainer.release();
  expect(before.loss).toBeCloseTo(Math.log(3), 0);
  expect([metrics.accuracy, tokens]).toEqual([1, 16]);
  expect(loss).toBeLessThan(0.05);
});
