// Looking inside a model: its attention in any layer and head, and what it would guess after each of its layers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../src/autograd/machine.ts';
import { parseModelConfig } from '../src/checkpoint/model_config.ts';
import { attentionWeights } from '../src/generate/attention_weights.ts';
import { AttentionMaps } from '../src/look/attention_maps.ts';
import { Lens } from '../src/look/lens.ts';
import { encoderConfig } from '../src/nn/encoder.ts';
import { makeModel } from '../src/nn/families.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { lora } from '../src/nn/lora.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import { attention } from '../src/ops/attention.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch, languageTask } from '../src/tasks/language.ts';
import { normal } from '../src/tensor/random.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { type HubConfig, plainLogits } from './harness/plain_decoder.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const sizes = {
  ...{ vocab_size: 37, hidden_size: 24, intermediate_size: 40, num_hidden_layers: 2, num_attention_heads: 4 },
  ...{ num_key_value_heads: 2, head_dim: 8, max_position_embeddings: 32, rms_norm_eps: 1e-6, rope_theta: 1e4 },
  ...{ initializer_range: 0.1, tie_word_embeddings: true },
};
const configs: Readonly<Record<string, HubConfig>> = {
  'llama with two heads a key head': {
    ...sizes,
    model_type: 'llama',
    attention_bias: true,
    tie_word_embeddings: false,
  },
  'mistral with a window': { ...sizes, model_type: 'mistral', sliding_window: 5 },
  qwen3: { ...sizes, model_type: 'qwen3' },
  'gemma3 with windows in two layers': {
    ...{ ...sizes, model_type: 'gemma3_text', num_hidden_layers: 3, sliding_window: 4, query_pre_attn_scalar: 12 },
    layer_types: ['sliding_attention', 'full_attention', 'sliding_attention'],
    rope_local_base_freq: 1e4,
  },
};
const gpt2 = (more = {}) =>
  new GPT2(gpt2Config({ vocabSize: 37, blockSize: 32, nEmbd: 24, nLayer: 2, nHead: 4, ...more }), { seed: 3 });

/** Weights so large that attention is far from even. */
function shaken<M extends LanguageModel>(model: M): M {
  model.parameters.forEach((p, i) => {
    p.init = () => normal(p.size, 0.3, 9, i).map((x) => (p.shape.length === 1 ? 0.5 + x : x));
  });
  return model;
}
const hubModel = (config: object) =>
  shaken(makeModel(parseModelConfig(JSON.stringify(config), 'config.json').config, { seed: 3 }));

const T = 11;
const ids = Array.from({ length: T }, (_, i) => (i * 11 + (i >> 1)) % 37);
const given = { ids: { shape: [1, T], data: Int32Array.from(ids) } };

/** Everything of a text, each map (T,T). */
async function allMaps(machine: Machine, model: LanguageModel): Promise<Float32Array[][]> {
  const maps = new AttentionMaps(machine, model);
  const found: Float32Array[][] = [];
  for (let layer = 0; layer < maps.layers; layer++) found.push(await maps.of(ids, layer));
  maps.release();
  return found;
}

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, most = 2e-4): void {
  expect(found.length).toBe(expected.length);
  const apart = Array.from(found).reduce((sum, x, i) => Math.max(sum, Math.abs(x - expected[i]!)), 0);
  expect(apart).toBeLessThan(most);
}

describe('maps of attention', () => {
  test.each(Object.entries(configs))('%s: as plain loops over the weights have them', async (_, config) => {
    const model = hubModel(config);
    const { num_hidden_layers: L, num_attention_heads: H } = config;
    const expected = Array.from({ length: L }, () => Array.from({ length: H }, () => new Float64Array(T * T)));
    const byName = new Map(model.parameters.map((p) => [p.name, p.firstValues()!]));
    plainLogits(
      config,
      (name) => byName.get(name)!,
      ids,
      (layer, head, t, j, share) => (expected[layer]![head]![t * T + j] = share),
    );
    for (const machine of [device, new Twin()]) {
      const found = await allMaps(machine, model);
      expect(found.map((heads) => heads.length)).toEqual(Array(L).fill(H));
      for (const [l, heads] of found.entries())
        for (const [h, map] of heads.entries()) expectNear(map, expected[l]![h]!);
    }
    device.release(model.parameters);
  });

  // The output of attention is the mean of the values by these weights: with it the packed part of each is told apart.
  test.each<readonly [name: string, make: () => LanguageModel]>([
    ['gpt2', () => shaken(gpt2())],
    ['gpt2 with an adapter', () => lora(shaken(gpt2()), { seed: 2 })],
  ])('%s: the weights times the values are what attention gave', async (_, make) => {
    const model = make();
    const C = 24;
    const within = device.compile<Record<string, Tensor>>((batch) => ({ hidden: model.hidden(batch.ids!) }), {
      keep: (name) => /attn (attention\.y|matmul\.y)$/.test(name),
    });
    const out = await within(given);
    const values = (op: string, width: number) =>
      Object.entries(out).filter(([name, { shape }]) => name.endsWith(` ${op}.y`) && shape.at(-1) === width);
    const [packed, results] = [values('matmul', 3 * C), values('attention', C)];
    const found = await allMaps(device, model);
    for (const [l, heads] of found.entries()) {
      const qkv = (await packed.at(packed.length === 2 ? l : 2 * l + 1)![1].read()) as Float32Array;
      const y = new Float64Array(T * C);
      for (let i = 0; i < T; i++)
        for (let c = 0; c < C; c++)
          for (let j = 0; j < T; j++)
            y[i * C + c]! += heads[Math.floor(c / 6)]![i * T + j]! * qkv[j * 3 * C + 2 * C + c]!;
      expectNear(await results[l]![1].read(), y, 1e-3);
    }
    within.release();
    device.release(model.parameters);
  });

  test('an encoder sees both sides, and a layer that is not there is refused', async () => {
    const encoder = { vocabSize: 37, blockSize: 32, nEmbd: 24, nLayer: 2, nHead: 4, maskId: 1 };
    const model = shaken(makeModel(encoderConfig(encoder), { seed: 3 }));
    const maps = new AttentionMaps(device, model);
    const [first] = await maps.of(ids, 1);
    for (let i = 0; i < T; i++) expect(sum(first!.subarray(i * T, (i + 1) * T))).toBeCloseTo(1, 5);
    expect(first![T - 1]).toBeGreaterThan(0);
    await expect(maps.of(ids, 2)).rejects.toThrow('attention: found layer 2, expected 0 to 1.');
    maps.release();
    device.release(model.parameters);
  });

  test('weights with a window are those that attention has', async () => {
    const q = Float32Array.from({ length: T * 8 }, (_, i) => Math.sin(i));
    const weights = attentionWeights(q, q, 8, { heads: 2, causal: true, window: 3 });
    const x = { shape: [1, T, 8], data: q };
    const out = await new Twin().compile(({ x }: Record<string, Tensor>) => ({
      y: attention(x!, x!, x!, { heads: 2, causal: true, window: 3 }),
    }))({ x });
    const y = new Float64Array(T * 8);
    for (let i = 0; i < T; i++)
      for (let c = 0; c < 8; c++)
        for (let j = 0; j < T; j++) y[i * 8 + c]! += weights[c < 4 ? 0 : 1]![i * T + j]! * q[j * 8 + c]!;
    expectNear(await out.y.read(), y, 1e-6);
  });
});

const sum = (row: Float32Array) => row.reduce((total, x) => total + x, 0);

describe('the lens', () => {
  test.each<readonly [name: string, make: () => LanguageModel]>([
    ['gpt2', () => shaken(gpt2())],
    ...Object.entries(configs).map(([name, config]) => [name, () => hubModel(config)] as const),
  ])('%s: its last layer is the model, the one before is the model without its last block', async (_, make) => {
    const model = make();
    const logits = (await device.compile((batch) => ({ y: model.head(model.hidden(batch.ids!)) }))(given)).y;
    const expected = (await logits.read()) as Float32Array;
    for (const logitBytes of [undefined, 4 * 37 * 5]) {
      const lens = new Lens(device, model, logitBytes === undefined ? {} : { logitBytes });
      const rows: number[][][] = [];
      await lens.look(ids, (layer, token, row) => ((rows[layer] ??= [])[token] = [...row]));
      expect(rows.map((each) => each.length)).toEqual(Array(model.keyWidths.length + 1).fill(T));
      expectNear(rows.at(-1)!.flat(), expected);
      expect(rows[0]!.flat()).not.toEqual(rows[1]!.flat());
      const last = new Lens(device, model, { layers: 'last' });
      const own: number[][] = [];
      await last.look(ids, (_, token, row) => (own[token] = [...row]));
      expectNear(own.flat(), expected);
      for (const each of [lens, last]) each.release();
    }
    device.release(model.parameters);
  });

  test('after the first of two layers it is the model of one layer', async () => {
    const [two, one] = [shaken(gpt2()), gpt2({ nLayer: 1 })];
    const own = new Map(two.parameters.map((p) => [p.name, p.firstValues()!]));
    for (const p of one.parameters) p.init = () => own.get(p.name)!;
    const twin = new Twin();
    const rows: number[][][] = [];
    await new Lens(twin, two).look(ids, (layer, token, row) => ((rows[layer] ??= [])[token] = [...row]));
    const logits = (await twin.compile((batch) => ({ y: one.head(one.hidden(batch.ids!)) }))(given)).y;
    expectNear(rows[1]!.flat(), await logits.read(), 1e-5);
  });

  test('a stopped look ends between two chunks, and its memory comes back', async () => {
    const model = shaken(gpt2());
    await device.compile((batch) => ({ y: model.hidden(batch.ids!) }))(given);
    const before = device.shared.buffers.liveBytes;
    const lens = new Lens(device, model, { logitBytes: 4 * 37 * 4 });
    let visited = 0;
    await lens.look(
      ids,
      () => visited++,
      () => visited >= 4,
    );
    expect(visited).toBe(4);
    lens.release();
    const maps = new AttentionMaps(device, model);
    await maps.of(ids, 0);
    maps.release();
    device.releaseActivations();
    expect(device.shared.buffers.liveBytes).toBeLessThanOrEqual(before);
  });

  test('an encoder is refused: it guesses what stands there', () => {
    const encoder = { vocabSize: 37, blockSize: 32, nEmbd: 24, nLayer: 2, nHead: 4, maskId: 1 };
    const model = makeModel(encoderConfig(encoder), { seed: 3 });
    expect(() => new Lens(device, model)).toThrow('expected a model that continues a text');
  });

  test('its guesses have the loss that training would have', async () => {
    const model = shaken(gpt2());
    const twin = new Twin();
    const inputs = Int32Array.from(ids.slice(0, -1));
    const task = languageTask({});
    const batch = languageBatch({ inputs, targets: Int32Array.from(ids.slice(1)) }, T - 1);
    const expected = await (await twin.compile((given) => ({ loss: task.loss(model, given).loss }))(batch)).loss.item();
    const losses: number[] = [];
    await new Lens(twin, model, { layers: 'last' }).look(ids, (_, t, logits) => {
      const total = logits.reduce((sum, x) => sum + Math.exp(x), 0);
      if (t + 1 < T) losses.push(Math.log(total) - logits[ids[t + 1]!]!);
    });
    expect(losses.reduce((sum, x) => sum + x, 0) / losses.length).toBeCloseTo(expected, 4);
  });
});
