// An encoder by itself: both sides are seen and padding is not, a classifier over it, adapters on it, and its files.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  modelConfigJson,
  parseClassifierConfig,
  parseFolderConfig,
  parseMaskedConfig,
  parseModelConfig,
} from '../src/checkpoint/model_config.ts';
import { InputError } from '../src/errors.ts';
import { Classifier } from '../src/nn/classifier.ts';
import { Encoder, type EncoderConfig, encoderConfig } from '../src/nn/encoder.ts';
import { configParameterCount, familyRow, makeModel } from '../src/nn/families.ts';
import { gpt2Config } from '../src/nn/gpt2.ts';
import { lora } from '../src/nn/lora.ts';
import { parameterCount } from '../src/nn/model.ts';
import { freezeParts } from '../src/optim/frozen.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { classifyRows } from '../src/tasks/classify_rows.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { ClassScorer } from '../src/train/class_scores.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const sizes = {
  vocabSize: 23,
  blockSize: 16,
  nEmbd: 16,
  nLayer: 2,
  nHead: 2,
  maskId: 1,
  padId: 0,
  initializerRange: 0.3,
};
const of = (more: Partial<EncoderConfig> = {}) => new Encoder(encoderConfig({ ...sizes, ...more }), { seed: 3 });
const ids = Int32Array.from({ length: 2 * 8 }, (_, i) => 2 + ((i * 5) % 21));

/** Hidden states of rows of T tokens. */
async function hidden(model: Encoder, tokens: Int32Array, lengths: number[], T: number): Promise<Float32Array> {
  const mask = new Float32Array(lengths.length * T);
  for (const [b, length] of lengths.entries()) mask.fill(1, b * T, b * T + length);
  const shape = [lengths.length, T];
  const compiled = device.compile(({ inputs, mask: seen }) => ({ y: model.hidden(inputs!, { mask: seen }) }));
  const { y } = await compiled({ inputs: { shape, data: tokens }, mask: { shape, data: mask } });
  const values = (await y!.read()) as Float32Array;
  compiled.release();
  return values;
}

describe.each(['sinusoidal', 'learned', 'rotary'] as const)('with %s positions', (positions) => {
  test('a token sees those before and behind it, and no padding', async () => {
    const model = of({ positions });
    const C = sizes.nEmbd;
    const plain = await hidden(model, ids, [8, 5], 8);
    const at = (values: Float32Array, b: number, t: number, T = 8) =>
      String(values.slice((b * T + t) * C, (b * T + t + 1) * C));
    const changed = async (b: number, t: number) => {
      const other = ids.slice();
      other[b * 8 + t] = 22;
      return hidden(model, other, [8, 5], 8);
    };
    const last = await changed(0, 7);
    for (let t = 0; t < 8; t++) expect(at(last, 0, t)).not.toBe(at(plain, 0, t));
    expect(at(last, 1, 0)).toBe(at(plain, 1, 0));
    const padding = await changed(1, 6);
    for (let t = 0; t < 5; t++) expect(at(padding, 1, t)).toBe(at(plain, 1, t));
    // In a wider batch a text is what it is in a narrow one.
    const wide = new Int32Array(2 * 12).fill(9);
    for (const b of [0, 1]) wide.set(ids.subarray(8 * b, 8 * b + 8), 12 * b);
    const wider = await hidden(model, wide, [8, 5], 12);
    for (let t = 0; t < 5; t++)
      for (let c = 0; c < C; c++) expect(wider[(12 + t) * C + c]!).toBeCloseTo(plain[(8 + t) * C + c]!, 4);
    device.release(model.parameters);
  });

  test.each(['post', 'pre'] as const)(
    'and norms %s it has the parameters that are counted, and its file is read back',
    (norm) => {
      const model = of({ positions, norm, nInner: 24, activation: 'gelu', embeddingScale: norm === 'post' });
      expect(configParameterCount(model.config)).toBe(parameterCount(model));
      const json = modelConfigJson(model.config, { bosTokenId: null, eosTokenId: 0 });
      expect(parseMaskedConfig(json, 'c')).toEqual({
        config: model.config,
        ids: { bosTokenId: null, eosTokenIds: [0] },
      });
    },
  );
});

test('its parameters are named, drawn and frozen as those of other models', () => {
  const model = makeModel(encoderConfig({ ...sizes, norm: 'pre' }), { seed: 3 });
  const names = model.parameters.map(({ name }) => name);
  expect(names.slice(0, 3)).toEqual([
    'encoder.embed_tokens.weight',
    'encoder.layers.0.self_attn.q_proj.weight',
    'encoder.layers.0.self_attn.k_proj.weight',
  ]);
  expect(names.slice(-2)).toEqual(['encoder.norm.weight', 'encoder.norm.bias']);
  freezeParts(new Classifier(model, { labels: ['a', 'b'], seed: 1 }).parameters, 'last-block');
  const trained = model.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
  expect(trained.every((name) => /^encoder\.(layers\.1\.|norm\.)/.test(name))).toBe(true);
  expect(trained.length).toBe(14);
  expect(familyRow(model.config.family).causal).toBe(false);
});

test('an adapter on it changes nothing until it is trained, and is found by PEFT’s names', async () => {
  const model = of();
  const adapted = lora(model, { seed: 5 });
  expect([...adapted.adapter.layers.keys()][0]).toBe('encoder.layers.0.self_attn.q_proj');
  expect(adapted.adapter.layers.size).toBe(4);
  const twin = new Twin();
  const mask = { shape: [2, 8], data: new Float32Array(16).fill(1) };
  const [before, after] = await Promise.all(
    [model, adapted].map(async (each) => {
      const compiled = twin.compile(({ inputs, mask: seen }: Record<string, Tensor>) => ({
        y: each.hidden(inputs!, { mask: seen }),
      }));
      return (await compiled({ inputs: { shape: [2, 8], data: ids }, mask })).y!.read();
    }),
  );
  expect(after).toEqual(before);
  expect(() => lora(of(), { seed: 1, targets: ['encoder.embed_tokens'] }, '--lora-targets')).toThrow(
    'found the target "encoder.embed_tokens", expected linear layers of the blocks',
  );
});

test('a classifier over it reads the mean over the tokens unless it is said, whatever stands beside a text', async () => {
  const model = new Classifier(of(), { labels: ['a', 'b', 'c'], padId: 0, seed: 1 });
  expect([model.pooling, model.masked]).toEqual(['mean', true]);
  const texts = [5, 8, 3].map((length, i) => ({
    ids: Array.from(ids.subarray(i, i + length)),
    label: -100,
    line: i + 1,
  }));
  const scorer = new ClassScorer(device, model);
  const scores = async (some: typeof texts) => scorer.scores(classifyRows(some, model, { where: 'w' }));
  const together = await scores(texts);
  for (const [i, text] of texts.entries())
    for (const [k, score] of (await scores([text]))[0]!.entries()) expect(together[i]![k]!).toBeCloseTo(score, 4);
  scorer.release();
  device.release(model.parameters);
});

test('what only a model has that goes from token to token is refused, and too long a text', async () => {
  const twin = new Twin();
  const tokens = (T: number) => ({ inputs: { shape: [1, T], data: new Int32Array(T) } });
  const run = async (T: number, more: object) =>
    twin.compile(({ inputs }: Record<string, Tensor>) => ({ y: of().hidden(inputs!, more) }))(tokens(T));
  await expect(run(4, { cache: { layers: [], start: null } })).rejects.toThrow(
    'model: found cache for an encoder, expected a text that begins its row: every token sees those behind it too.',
  );
  await expect(run(17, {})).rejects.toThrow('model: 17 tokens, the context holds 16. Pass fewer.');
  expect(() => of({ nHead: 3 })).toThrow(InputError);
});

describe('config.json', () => {
  const ids = { bosTokenId: null, eosTokenId: 0 };
  const json = modelConfigJson(of().config, ids);

  test('of an encoder is refused where texts are continued, and that of a language model where masks are filled', () => {
    expect(() => parseModelConfig(json, 'c')).toThrow(
      'c: found an encoder, which sees both sides of every token, expected a language model. Let it fill masks with predict, or teach it classes: finetune --task classify.',
    );
    const gpt2 = modelConfigJson(gpt2Config({ vocabSize: 5, blockSize: 4, nEmbd: 4, nLayer: 1, nHead: 1 }), {
      bosTokenId: null,
      eosTokenId: null,
    });
    expect(() => parseMaskedConfig(gpt2, 'c')).toThrow(
      'c: found a gpt2, which continues texts, expected an encoder that fills masks. Train one: finetune --task mask.',
    );
  });

  test('of a classifier over it is read back', () => {
    const classifier = { labels: ['x', 'y'], pooling: 'mean', width: null, padId: 0, bias: false } as const;
    const text = modelConfigJson(of().config, ids, classifier);
    const read = parseClassifierConfig(text, 'c');
    expect(read).toEqual({ config: of().config, ids: { bosTokenId: null, eosTokenIds: [0] }, classifier });
    expect(() => parseMaskedConfig(text, 'c')).toThrow('c: found a classifier, expected an encoder that fills masks.');
  });

  test.each([
    [{ mask_token_id: 23 }, 'c: mask_token_id: found 23, outside 0..22 of vocab_size.'],
    [{ mask_token_id: undefined }, 'c: mask_token_id is missing'],
    [{ tie: null }, 'c: tie: found null, expected input and output embeddings; nothing else is supported.'],
    [{ n_head: 3 }, 'c: n_head: found 3, but d_model 16 is not divisible by 3.'],
  ])('with %j is refused', (change, sentence) => {
    expect(() => parseFolderConfig(JSON.stringify({ ...JSON.parse(json), ...change }), 'c')).toThrow(sentence);
  });
});
