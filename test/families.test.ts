// The families beside GPT-2, each against a second implementation in plain loops, values from transformers, its twin and finite
// differences; that it learns, and says again what it learned.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { parseModelConfig } from '../src/checkpoint/model_config.ts';
import { TokenGenerator } from '../src/generate/generate.ts';
import { configParameterCount, makeModel } from '../src/nn/families.ts';
import { type LanguageModel, parameterCount } from '../src/nn/model.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch, languageTask } from '../src/tasks/language.ts';
import { normal } from '../src/tensor/random.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { Trainer } from '../src/train/trainer.ts';
import { expectSlopes } from './harness/finite_differences.ts';
import { run } from './harness/inside.ts';
import { expectClose } from './harness/op_compare.ts';
import { type HubConfig, plainLogits } from './harness/plain_decoder.ts';
import { scratchFolder, tiny } from './harness/program.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const sizes = {
  vocab_size: 37,
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-6,
  rope_theta: 1e4,
  initializer_range: 0.1,
  tie_word_embeddings: true,
};
const gemma = {
  ...sizes,
  model_type: 'gemma3_text',
  num_hidden_layers: 3,
  layer_types: ['sliding_attention', 'full_attention', 'sliding_attention'],
  sliding_window: 4,
  query_pre_attn_scalar: 12,
  rope_theta: 1e6,
  rope_local_base_freq: 1e4,
} as const;
const configs: Readonly<Record<string, HubConfig>> = {
  llama: { ...sizes, model_type: 'llama', attention_bias: true, mlp_bias: true, tie_word_embeddings: false },
  'mistral with a window': { ...sizes, model_type: 'mistral', sliding_window: 5 },
  qwen3: { ...sizes, model_type: 'qwen3', rope_theta: 1e6 },
  'qwen3 with heads of 6, biases and a head of its own': {
    ...sizes,
    model_type: 'qwen3',
    hidden_size: 21,
    head_dim: 6,
    attention_bias: true,
    tie_word_embeddings: false,
  },
  gemma3_text: gemma,
  'gemma3_text, scaled positions, one key head, odd widths': {
    ...gemma,
    hidden_size: 21,
    intermediate_size: 19,
    head_dim: 6,
    num_key_value_heads: 1,
    rope_scaling: { rope_type: 'linear', factor: 8 },
  },
};

const modelOf = (config: object) =>
  makeModel(parseModelConfig(JSON.stringify(config), 'config.json').config, { seed: 3 });

/** All weights away from their usual beginnings, norms too. */
function shaken(config: object): LanguageModel {
  const model = modelOf(config);
  model.parameters.forEach((p, i) => {
    p.init = () => normal(p.size, 0.3, 9, i).map((x) => (p.shape.length === 1 ? 0.5 + x : x));
  });
  return model;
}

const T = 11;
const tokens = Int32Array.from({ length: 2 * T }, (_, i) => (i * 11 + (i >> 1)) % sizes.vocab_size);
const batch = languageBatch({ inputs: tokens, targets: tokens.map((id) => (3 * id + 1) % sizes.vocab_size) }, T);

/** Loss and all gradients of a model, to be compiled. */
function gradients(model: LanguageModel, recompute = false) {
  const task = languageTask({ recompute });
  return (given: Record<string, Tensor>): Record<string, Tensor> => {
    const { loss } = task.loss(model, given);
    return { loss, ...Object.fromEntries([...backward(loss)].map(([p, g]) => [p.name, g])) };
  };
}

describe.each(Object.entries(configs))('%s', (_, config) => {
  test('has as many parameters as its configuration says', () => {
    const model = modelOf(config);
    expect(parameterCount(model)).toBe(configParameterCount(model.config));
  });

  test('computes what plain loops do', async () => {
    const model = shaken(config);
    const values = new Map(model.parameters.map((p) => [p.name, p.init!()]));
    const expected = [0, 1]
      .map((b) => plainLogits(config, (name) => values.get(name)!, [...tokens.slice(b * T, (b + 1) * T)]))
      .flat(2);
    const logits = ({ inputs }: Record<string, Tensor>) => ({ logits: model.head(model.hidden(inputs!)) });
    const [twin, got] = [
      await new Twin().compile(logits)({ inputs: batch.inputs! }),
      await device.compile(logits)({ inputs: batch.inputs! }),
    ];
    // Angles are rounded to f32 in both.
    expectClose('logits of the twin', twin.logits!.exact, expected, 1e-6);
    expectClose('logits', await got.logits!.read(), expected, 2e-5);
    device.release(model.parameters);
  });

  test('has the gradients of its twin, also where blocks are computed again', async () => {
    const model = shaken(config);
    const expected = await new Twin().compile(gradients(model))(batch);
    expect(Object.keys(expected)).toHaveLength(model.parameters.length + 1);
    for (const recompute of [false, true]) {
      const got = await device.compile(gradients(model, recompute))(batch);
      for (const [name, { exact }] of Object.entries(expected)) expectClose(name, await got[name]!.read(), exact, 1e-4);
    }
    device.release(model.parameters);
  });

  test('has the loss of its twin in f16 too, but for the roundings', async (context) => {
    const model = shaken(config);
    const loss = (dtype: 'f32' | 'f16') => (given: Record<string, Tensor>) => ({
      loss: languageTask({ dtype }).loss(model, given).loss,
    });
    const [exact, rounded] = [
      (await new Twin().compile(loss('f32'))(batch)).loss!.exact[0]!,
      (await new Twin().compile(loss('f16'))(batch)).loss!.exact[0]!,
    ];
    // A hundred roundings or so on the way, most of which take each other back.
    expect(Math.abs(rounded / exact - 1)).toBeLessThan(10 * 2 ** -11);
    if (!device.capabilities.features.has('shader-f16')) return context.skip('this adapter has no shader-f16');
    const got = await (await device.compile(loss('f16'))(batch)).loss!.item();
    expect(Math.abs(got / exact - 1)).toBeLessThan(10 * 2 ** -11);
    device.release(model.parameters);
  });

  test('has gradients that agree with finite differences', async () => {
    const [twin, model] = [new Twin(), modelOf(config)];
    const compiled = twin.compile(gradients(model));
    await expectSlopes(twin, compiled, batch, model.parameters);
  });
});

interface Reference {
  config: object;
  loss: number;
  /** Behind the last token of the second text. */
  lastLogits: number[];
  gradientNorms: Record<string, number>;
}
const references = JSON.parse(readFileSync(new URL('golden/families.json', import.meta.url), 'utf8')).cases;

test.each(Object.entries(references as Record<string, Reference>))(
  'a %s has the loss, logits and gradients of transformers, from the config.json that it writes',
  async (_, { config, loss, lastLogits, gradientNorms }) => {
    const model = modelOf(config);
    for (const p of model.parameters) {
      const code = Array.from(p.name).reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
      const middle = p.shape.length === 1 ? 0.5 : 0;
      p.init = () => Float32Array.from({ length: p.size }, (_, i) => 0.3 * Math.sin(0.37 * i * i + code) + middle);
    }
    const found = (given: Record<string, Tensor>): Record<string, Tensor> => {
      const logits = model.head(model.hidden(given.inputs!));
      return { ...gradients(model)(given), logits };
    };
    const { logits, loss: mean, ...each } = await new Twin().compile(found)(batch);
    // transformers takes the cosines and sines in f32.
    expect(Math.abs(mean!.exact[0]! - loss)).toBeLessThan(1e-6);
    expectClose('logits', logits!.exact.slice(-lastLogits.length), lastLogits, 2e-6);
    expect(Object.keys(each).sort()).toEqual(Object.keys(gradientNorms).sort());
    for (const [name, { exact }] of Object.entries(each)) {
      const norm = Math.sqrt(Array.from(exact).reduce((sum, x) => sum + x * x, 0));
      expect(Math.abs(norm / gradientNorms[name]! - 1), name).toBeLessThan(1e-5);
    }
  },
);

test.each(['mistral', 'qwen3', 'gemma3_text'])(
  'a %s learns 32 tokens by heart, and says them again',
  async (family) => {
    const like = Object.values(configs).find(({ model_type }) => model_type === family)!;
    const model = modelOf({ ...like, hidden_size: 32, intermediate_size: 96, max_position_embeddings: 40 });
    const text = Int32Array.from({ length: 33 }, (_, i) => (i * i * 7 + i) % 37);
    const one = languageBatch({ inputs: text.slice(0, 32), targets: text.slice(1) }, 32);
    const optimizer = new AdamW(model.parameters, { weightDecay: 0, beta2: 0.99, gradClip: 1 });
    const trainer = new Trainer({ machine: device, model, optimizer, task: languageTask() });
    let loss = Number.NaN;
    for await (const step of trainer.advance(150, () => ({ batches: [one], learningRate: 5e-3 }))) loss = step.loss;
    expect(loss).toBeLessThan(0.05);
    const generator = new TokenGenerator(device, model);
    const said: number[] = [];
    for await (const { id } of generator.generate([...text.slice(0, 8)], { temperature: 0, maxNewTokens: 24 }))
      said.push(id);
    expect(said).toEqual([...text.slice(8, 32)]);
    generator.release();
    trainer.release();
  },
);

describe('pretrain --family', () => {
  const place = scratchFolder();
  afterAll(() => place.remove());
  const words = ['--data', place.data, '--json', '--quiet'];

  test.each([
    ['qwen3', { num_key_value_heads: 2, attention_bias: false }],
    ['gemma3_text', { num_key_value_heads: 2, layer_types: ['sliding_attention'], sliding_window: 512 }],
    ['mistral', { num_key_value_heads: 2, sliding_window: null }],
  ])('%s trains, is gone on with, and is read again', async (family, written) => {
    const flags = tiny(['--family', family, '--heads', '4', '--kv-heads', '2']);
    const out = place.at(family);
    const began = await run(['pretrain', ...flags, ...words, '--steps', '3', '--out', out]);
    expect(began.code, began.stderr).toBe(0);
    const more = await run(['pretrain', '--resume', out, '--steps', '5', '--json', '--quiet']);
    expect(more.code, more.stderr).toBe(0);
    const config = JSON.parse(readFileSync(`${out}/step-000005/config.json`, 'utf8'));
    expect(config).toMatchObject({ model_type: family, ...written });
    const said = await run([
      'generate',
      '--model',
      out,
      '--prompt',
      'th',
      '--max-new-tokens',
      '4',
      '--json',
      '--quiet',
    ]);
    expect(said.code, said.stderr).toBe(0);
    const forecast = await run(['inspect', '--forecast', ...flags, '--json', '--quiet']);
    expect(forecast.code, forecast.stderr).toBe(0);
  });

  test('mistral has no biases', async () => {
    const flags = tiny(['--family', 'mistral', '--bias', 'on']);
    const { code, errors } = await run(['pretrain', ...flags, ...words, '--steps', '3']);
    expect(code).toBe(2);
    expect(errors[0]).toContain('--bias: found on beside --family mistral, which has none.');
  });
});
