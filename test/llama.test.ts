// The Llama family: the model against its twin and finite differences, its configuration files, its positions, and that it learns.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { decoderConfigJson, parseDecoderConfig } from '../src/checkpoint/decoder_format.ts';
import { llamaFormat } from '../src/checkpoint/llama_config.ts';
import { bytesSource } from '../src/checkpoint/safetensors.ts';
import { MOST_STORAGE, STORAGE_FACTOR } from '../src/cli/golden/judge.ts';
import { TokenGenerator } from '../src/generate/generate.ts';
import { configParameterCount } from '../src/nn/families.ts';
import { Llama, type LlamaConfig, llamaConfig } from '../src/nn/llama.ts';
import { parameterCount } from '../src/nn/model.ts';
import { ropeFrequencies } from '../src/nn/rope_config.ts';
import { ropeAngles } from '../src/nn/rope_table.ts';
import { constant } from '../src/ops/op.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { type LanguageTaskOptions, languageBatch, languageTask } from '../src/tasks/language.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { loadModel } from '../src/train/snapshot.ts';
import { Trainer } from '../src/train/trainer.ts';
import { expectSlopes } from './harness/finite_differences.ts';
import { run } from './harness/inside.ts';
import { expectClose } from './harness/op_compare.ts';
import { scratchFolder, tiny } from './harness/program.ts';
import { testWith } from './harness/shared.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const sizes = { vocabSize: 37, blockSize: 12, nEmbd: 24, nLayer: 2, nHead: 4, initializerRange: 0.1 };
const scaling = { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalBlockSize: 8 } as const;
const models: Readonly<Record<string, Partial<LlamaConfig>>> = {
  'two heads a kv head, tied': { kvHeads: 2 },
  'one kv head, an untied head, heads wider than their share': { kvHeads: 1, headDim: 10, tieWordEmbeddings: false },
  'biases, odd widths, llama3 positions': {
    nEmbd: 21,
    headDim: 6,
    nInner: 19,
    attentionBias: true,
    mlpBias: true,
    ropeScaling: scaling,
  },
};

const T = 9;
const tokens = Int32Array.from({ length: 2 * T }, (_, i) => (i * 11 + (i >> 1)) % sizes.vocabSize);
const batch = languageBatch({ inputs: tokens, targets: tokens.map((id) => (3 * id + 1) % sizes.vocabSize) }, T);

const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

/** Loss and all gradients of a model, to be compiled. */
function gradients(model: Llama, options: LanguageTaskOptions = {}) {
  const task = languageTask(options);
  return (given: Record<string, Tensor>): Record<string, Tensor> => {
    const { loss } = task.loss(model, given);
    return { loss, ...Object.fromEntries([...backward(loss)].map(([p, g]) => [p.name, g])) };
  };
}

describe.each(Object.entries(models))('a Llama with %s', (_, changes) => {
  const model = () => new Llama(llamaConfig({ ...sizes, ...changes }), { seed: 3 });

  test('has as many parameters as its configuration says', () => {
    expect(parameterCount(model())).toBe(configParameterCount(model().config));
  });

  test('has the gradients of its twin, also where blocks are computed again', async () => {
    const made = model();
    const expected = await new Twin().compile(gradients(made))(batch);
    expect(Object.keys(expected)).toHaveLength(made.parameters.length + 1);
    for (const recompute of [false, true]) {
      const got = await device.compile(gradients(made, { recompute }))(batch);
      for (const [name, { exact }] of Object.entries(expected)) expectClose(name, await got[name]!.read(), exact, 3e-5);
    }
    device.release(made.parameters);
  });

  test('has the gradients of its twin in f16 too, but for the roundings', async (context) => {
    if (!device.capabilities.features.has('shader-f16')) return context.skip('this adapter has no shader-f16');
    const made = model();
    const [exact, rounded] = [
      await new Twin().compile(gradients(made))(batch),
      await new Twin().compile(gradients(made, { dtype: 'f16' }))(batch),
    ];
    for (const [name, output] of Object.entries(await device.compile(gradients(made, { dtype: 'f16' }))(batch))) {
      const truth = exact[name]!.exact;
      const size = farthest(truth, new Float64Array(truth.length));
      const cost = farthest(rounded[name]!.exact, truth);
      // The root of some forty roundings that an element of a gradient has behind it, twice; and what f32 is allowed above.
      const most = name === 'loss' ? MOST_STORAGE.loss : 2 * Math.sqrt(40) * 2 ** -11;
      expect(cost / size, name).toBeLessThan(most);
      expect(farthest(await output.read(), truth), name).toBeLessThan(STORAGE_FACTOR * cost + 3e-5 * size);
    }
    device.release(made.parameters);
  });

  test('has gradients that agree with finite differences', async () => {
    const [twin, made] = [new Twin(), model()];
    const compiled = twin.compile(gradients(made));
    await expectSlopes(twin, compiled, batch, made.parameters);
  });
});

test('a Llama learns 32 tokens by heart, and says them again', async () => {
  const model = new Llama(llamaConfig({ ...sizes, blockSize: 32, nEmbd: 32, kvHeads: 2 }), { seed: 5 });
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
});

testWith('../shared/models/stories260K/hf', 'a trained Llama tells its story', async () => {
  const file = (name: string) => readFileSync(`../shared/models/stories260K/hf/${name}`);
  const model = new Llama(parseDecoderConfig(llamaFormat, file('config.json').toString(), 'config.json'), { seed: 0 });
  await loadModel(device, model, [bytesSource('model.safetensors', file('model.safetensors'))]);
  const vocabulary = JSON.parse(file('tokenizer.json').toString()).model.vocab as Record<string, number>;
  const pieces = new Map(Object.entries(vocabulary).map(([piece, id]) => [id, piece]));
  const generator = new TokenGenerator(device, model);
  const ids = ['<s>', '▁Once', '▁upon', '▁a', '▁time'].map((piece) => vocabulary[piece]!);
  for await (const { id } of generator.generate(ids, { temperature: 0, maxNewTokens: 25 })) ids.push(id);
  const story = ids
    .slice(1)
    .map((id) => pieces.get(id))
    .join('')
    .replaceAll('▁', ' ');
  expect(story).toContain('Once upon a time, there was a little girl named Lily. She loved to play outside');
  generator.release();
  device.release(model.parameters);
});

test('positions are given or counted: the same hidden states, to the bit', async () => {
  const model = new Llama(llamaConfig(sizes), { seed: 1 });
  const compiled = device.compile(({ inputs }) => {
    const positions = constant('positions', [T], () => Int32Array.from({ length: T }, (_, i) => i), 'i32');
    return { counted: model.hidden(inputs!), given: model.hidden(inputs!, { positions }) };
  });
  const { counted, given } = await compiled({ inputs: batch.inputs! });
  expect(await given!.read()).toEqual(await counted!.read());
  compiled.release();
  device.release(model.parameters);
});

test('linear scaling divides every angle; llama3 divides slow ones and leaves fast ones', () => {
  const plain = ropeFrequencies(64, 500_000);
  expect(Array.from(ropeFrequencies(64, 500_000, { type: 'linear', factor: 4 }))).toEqual(
    Array.from(plain, (f) => f / 4),
  );
  const scaled = ropeFrequencies(64, 500_000, { ...scaling, factor: 32, originalBlockSize: 8192 });
  expect(scaled[0]).toBe(plain[0]);
  expect(scaled[31]).toBe(plain[31]! / 32);
  const between = scaled.findIndex((f, i) => f !== plain[i] && f !== plain[i]! / 32);
  expect(scaled[between]! / plain[between]!).toBeGreaterThan(1 / 32);
  const { cosines } = ropeAngles([0, 100_000], plain);
  expect(cosines()[32]).toBe(Math.fround(Math.cos(100_000)));
});

test.each<[Partial<LlamaConfig>, RegExp]>([
  [{ kvHeads: 3 }, /^model: 4 heads cannot share 3 kv heads evenly; use a divisor of 4\.$/],
  [{ nHead: 8 }, /^model: found heads of width 3, expected an even whole number/],
])('heads that do not fit are refused: %o', (changes, message) => {
  expect(() => new Llama(llamaConfig({ ...sizes, ...changes }), { seed: 1 })).toThrow(message);
});

describe('config.json', () => {
  const small = {
    model_type: 'llama',
    vocab_size: 65,
    hidden_size: 32,
    intermediate_size: 88,
    num_hidden_layers: 2,
    num_attention_heads: 4,
  };
  const read = (changes: object) =>
    parseDecoderConfig(llamaFormat, JSON.stringify({ ...small, ...changes }), 'config.json');

  test('with only the sizes has the defaults of transformers', () => {
    expect(read({})).toEqual({
      family: 'llama',
      vocabSize: 65,
      blockSize: 2048,
      nEmbd: 32,
      nLayer: 2,
      nHead: 4,
      kvHeads: 4,
      headDim: 8,
      nInner: 88,
      rmsNormEps: 1e-6,
      ropeTheta: 10_000,
      ropeScaling: null,
      tieWordEmbeddings: false,
      attentionBias: false,
      mlpBias: false,
      initializerRange: 0.02,
      bosTokenId: null,
      eosTokenIds: [],
    });
  });

  test('is written as it is read', () => {
    for (const changes of [
      {},
      { rope_scaling: { type: 'linear', factor: 4 }, tie_word_embeddings: true, head_dim: 10, eos_token_id: 3 },
      {
        rope_scaling: {
          rope_type: 'llama3',
          factor: 8,
          low_freq_factor: 1,
          high_freq_factor: 4,
          original_max_position_embeddings: 64,
        },
      },
    ]) {
      const config = read(changes);
      const written = decoderConfigJson(llamaFormat, { ...config, eosTokenIds: [3, 5] });
      expect(parseDecoderConfig(llamaFormat, written, 'again')).toEqual({ ...config, eosTokenIds: [3, 5] });
      expect(written).toContain('"rope_theta": 10000.0,');
    }
  });

  test('of Llama 3.2 is understood', () => {
    const found = read({
      num_key_value_heads: 2,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 32.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192,
      },
      bos_token_id: 1,
      eos_token_id: [2, 8, 9],
    });
    expect(found).toMatchObject({ kvHeads: 2, ropeScaling: { type: 'llama3', factor: 32 }, eosTokenIds: [2, 8, 9] });
  });

  test.each<[object, RegExp]>([
    [
      { model_type: 'mamba' },
      /^config\.json: model_type: found text "mamba", which is not supported; expected "llama"\./,
    ],
    [{ hidden_size: undefined, hiden_size: 32 }, /^config\.json: hidden_size is missing; "hiden_size" looks like it\./],
    [{ hidden_size: -1 }, /^config\.json: hidden_size: found -1, expected 1 or more\./],
    [
      { hidden_act: 'gelu' },
      /^config\.json: hidden_act: found text "gelu", expected silu; nothing else is supported\./,
    ],
    [
      { num_key_value_heads: 3 },
      /^config\.json: num_key_value_heads: found 3, but num_attention_heads 4 is not divisible by 3\./,
    ],
    [
      { hidden_size: 30 },
      /^config\.json: num_attention_heads: found 4, but hidden_size 30 is not divisible by 4, and there is no head_dim\./,
    ],
    [{ head_dim: 7 }, /^config\.json: head_dim: found 7, expected an even number\./],
    [{ rope_scaling: 'llama3' }, /^config\.json: rope_scaling: found text "llama3", expected an object or null\./],
    [
      { rope_scaling: { rope_type: 'yarn', factor: 2 } },
      /^config\.json: rope_scaling: rope_type: found text "yarn", expected default, linear or llama3/,
    ],
    [{ rope_scaling: { type: 'linear' } }, /^config\.json: rope_scaling: factor: found nothing, expected a number\./],
    [{ eos_token_id: [1, 65] }, /^config\.json: eos_token_id\[1\]: found 65, outside 0\.\.64 of vocab_size\./],
    [{ num_hidden_layers: 1e9 }, /^config\.json: the weights alone would need/],
  ])('is refused with a sentence: %o', (changes, message) => {
    expect(() => read(changes)).toThrow(message);
  });
});

describe('pretrain --family llama', () => {
  const place = scratchFolder();
  afterAll(() => place.remove());
  const family = ['--family', 'llama', '--heads', '4', '--kv-heads', '2'];
  const words = ['--data', place.data, '--json', '--quiet'];

  test('trains, is gone on with, and is read again by generate and evaluate', async () => {
    const began = await run(['pretrain', ...tiny(family), ...words, '--steps', '3', '--out', place.at('run')]);
    expect(began.code, began.stderr).toBe(0);
    expect(began.lines[0]).toMatchObject({ event: 'start', config: { kvHeads: 2, nHead: 4, attentionBias: false } });
    const more = await run(['pretrain', '--resume', place.at('run'), '--steps', '5', '--json', '--quiet']);
    expect(more.code, more.stderr).toBe(0);
    const config = JSON.parse(readFileSync(`${place.at('run')}/step-000005/config.json`, 'utf8'));
    expect(config).toMatchObject({ model_type: 'llama', num_key_value_heads: 2, num_attention_heads: 4 });
    const model = ['--model', place.at('run')];
    const said = await run(['generate', ...model, '--prompt', 'th', '--max-new-tokens', '4', '--json', '--quiet']);
    expect(said.code, said.stderr).toBe(0);
    const measured = await run(['evaluate', ...model, '--data', place.data, '--json', '--quiet']);
    expect(measured.code, measured.stderr).toBe(0);
    expect(measured.lines[0]!.loss).toBeLessThan(6);
  });

  test.each([
    [['--kv-heads', '2'], '--kv-heads: found 2 beside --family gpt2, whose heads share none.'],
    [
      ['--family', 'llama', '--heads', '4', '--kv-heads', '3'],
      '--kv-heads: found 3, expected a divisor of the 4 heads.',
    ],
  ])('is refused with %j', async (more, message) => {
    const { code, errors } = await run(['pretrain', ...tiny(more), ...words, '--steps', '3']);
    expect(code).toBe(2);
    expect(errors[0]).toContain(message);
  });
});
