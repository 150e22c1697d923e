// GPT-2 folders of Hugging Face: configurations and weights, sound and malformed.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { folderIds, generationConfigJson, parseGenerationConfig } from '../src/checkpoint/generation_config.ts';
import { gpt2ConfigJson, parseGpt2Config, type SavedGpt2Config } from '../src/checkpoint/gpt2_config.ts';
import { type ExpectedTensor, openWeights } from '../src/checkpoint/huggingface.ts';
import { checkVocabulary } from '../src/checkpoint/model_config.ts';
import {
  type ByteSource,
  bytesSource,
  collectBytes,
  SafetensorsReader,
  type TensorEntry,
  writeSafetensors,
} from '../src/checkpoint/safetensors.ts';
import { parseShardIndex } from '../src/checkpoint/shards.ts';
import { weightParts } from '../src/checkpoint/weights.ts';
import { InputError } from '../src/errors.ts';
import { gpt2ParameterCount } from '../src/nn/gpt2_config.ts';
import { testWith } from './harness/shared.ts';

const golden = '../shared/golden/traces/gpt2';

const small = { model_type: 'gpt2', vocab_size: 65, n_positions: 64, n_embd: 32, n_layer: 2, n_head: 2 };

function configWith(changes: Record<string, unknown>): string {
  return JSON.stringify({ ...small, ...changes });
}

test('a configuration with only the sizes gets the defaults of GPT-2', () => {
  expect(parseGpt2Config(configWith({}), 'config.json')).toEqual({
    family: 'gpt2',
    vocabSize: 65,
    blockSize: 64,
    nEmbd: 32,
    nLayer: 2,
    nHead: 2,
    nInner: 128,
    activation: 'gelu_new',
    layerNormEps: 1e-5,
    tieWordEmbeddings: true,
    initializerRange: 0.02,
    bosTokenId: null,
    eosTokenId: null,
    bias: true,
  } satisfies SavedGpt2Config);
  expect(parseGpt2Config(configWith({ vocab_size: 50257 }), 'c').eosTokenId).toBe(50256);
});

test('what is written is read back, and written the same again', () => {
  const config = {
    ...parseGpt2Config(configWith({}), 'c'),
    nInner: 100,
    bias: false,
    eosTokenId: 3,
    activation: 'silu',
    tieWordEmbeddings: false,
  } as const;
  const text = gpt2ConfigJson(config);
  expect(parseGpt2Config(text, 'c')).toEqual(config);
  expect(gpt2ConfigJson(parseGpt2Config(text, 'c'))).toBe(text);
});

test('generation_config.json: ids go out and come back; one outside the vocabulary is refused', () => {
  const ids = { bosTokenId: 1, eosTokenIds: [2, 3], padTokenId: 0 };
  const text = generationConfigJson(ids);
  expect(JSON.parse(text)).toEqual({
    _from_model_config: true,
    bos_token_id: 1,
    eos_token_id: [2, 3],
    pad_token_id: 0,
  });
  expect(parseGenerationConfig(text, 'g', 4)).toEqual(ids);
  const none = { bosTokenId: null, eosTokenIds: [], padTokenId: null };
  expect(JSON.parse(generationConfigJson(none))).toEqual({ _from_model_config: true });
  expect(parseGenerationConfig('{"temperature": 1}', 'g', 4)).toEqual(none);
  expect(parseGenerationConfig('{"eos_token_id": 3}', 'g', 4).eosTokenIds).toEqual([3]);
  expect(() => parseGenerationConfig(text, 'g', 3)).toThrow('g: eos_token_id[1]: found 3, outside 0..2 of vocab_size');
  expect(() => parseGenerationConfig('[]', 'g', 3)).toThrow('g: found a list, expected an object');
});

test('generation_config.json goes before config.json where it says something', () => {
  const config = { bosTokenId: 1, eosTokenIds: [2] };
  expect(folderIds(null, 'g', config, 4)).toEqual({ ...config, padTokenId: null });
  expect(folderIds('{"temperature": 1}', 'g', config, 4)).toEqual({ ...config, padTokenId: null });
  expect(folderIds('{"eos_token_id": [3, 0], "pad_token_id": 3}', 'g', config, 4)).toEqual({
    bosTokenId: 1,
    eosTokenIds: [3, 0],
    padTokenId: 3,
  });
});

const refusals: [string, string][] = [
  [
    configWith({ n_head: 7, n_embd: 768 }),
    'config.json: n_head: found 7, but n_embd 768 is not divisible by 7. Use 6, 8 or 12.',
  ],
  [configWith({ n_head: 3, n_embd: 31 }), 'Use 1 or 31.'],
  [configWith({ n_layer: '12' }), 'config.json: n_layer: found text "12", expected a whole number. Correct the file.'],
  [configWith({ n_layer: -3 }), 'n_layer: found -3, expected 1 or more'],
  [configWith({ n_layer: 1e9, n_embd: 768, n_head: 12 }), 'the weights alone would need 28 PB, expected at most 1 TB'],
  [configWith({ n_layer: 100000 }), 'n_layer: found 100000, expected at most 10000'],
  [configWith({ n_layer: 1.5 }), 'n_layer: found 1.5, expected a whole number'],
  [
    configWith({}).replace('"n_layer":2', '"n_layer":9007199254740993'),
    'n_layer: found 9007199254740993, expected a whole number that is exact',
  ],
  ['{"model_type":"gpt2","n_layer":NaN}', 'config.json: not JSON at byte 31: found NaN, expected a value.'],
  [configWith({ model_type: 'mamba' }), 'model_type: found text "mamba", which is not supported; expected "gpt2"'],
  [
    configWith({ rope_scaling: { type: 'yarn' } }),
    'rope_scaling: found an object, expected null; nothing else is supported',
  ],
  [
    configWith({ n_head: undefined, n_haed: 2 }),
    'config.json: n_head is missing; "n_haed" looks like it. Add it to the file.',
  ],
  [configWith({ n_head: undefined }), 'config.json: n_head is missing. Add it to the file.'],
  [configWith({ layer_norm_epslion: 1e-5 }), 'found key "layer_norm_epslion", expected layer_norm_epsilon?'],
  [configWith({ vocab_size: 50257, eos_token_id: 60000 }), 'eos_token_id: found 60000, outside 0..50256 of vocab_size'],
  [configWith({ bos_token_id: -1 }), 'bos_token_id: found -1, expected 0 or more'],
  [
    configWith({ activation_function: 'tanh' }),
    'activation_function: found text "tanh", expected one of gelu_new, gelu, relu, silu',
  ],
  [configWith({ activation_function: null }).replace('null', '{}'), 'activation_function: found an object'],
  [
    configWith({ scale_attn_by_inverse_layer_idx: true }),
    'scale_attn_by_inverse_layer_idx: found true, expected false',
  ],
  [configWith({ layer_norm_epsilon: 0 }), 'layer_norm_epsilon: found 0, expected a number from 1e-12 to 1'],
  [configWith({ tie_word_embeddings: 1 }), 'tie_word_embeddings: found 1, expected true or false'],
  [configWith({ bias: 'no' }), 'bias: found text "no", expected true or false'],
  [configWith({}).replace('{', '{"n_head":4,'), '"n_head" appears twice'],
  ['null', 'config.json: found null, expected an object'],
  ['', 'config.json: found an empty file, expected JSON. Copy or download it again.'],
  ['<html>login</html>', 'config.json: found a web page, expected JSON. The download was redirected'],
  [`{"a":${'['.repeat(100000)}`, 'nesting over 64 levels'],
];

test.each(refusals)('%.60s is refused', (text, sentence) => {
  expect(() => parseGpt2Config(text, 'config.json')).toThrow(InputError);
  expect(() => parseGpt2Config(text, 'config.json')).toThrow(sentence);
});

test('foreign keys are ignored in one line', () => {
  const notes: string[] = [];
  parseGpt2Config(configWith({ summary_type: 'cls_index', task_specific_params: {} }), 'config.json', notes);
  expect(notes).toEqual(['config.json: keys ignored: "summary_type", "task_specific_params"']);
});

test('a tokenizer larger than the model is refused with both numbers', () => {
  const config = parseGpt2Config(configWith({ vocab_size: 50257 }), 'c');
  expect(() => checkVocabulary(config, 50304, 'config.json')).toThrow(
    'vocab_size: found 50257, but the tokenizer has 50304 tokens',
  );
  checkVocabulary(config, 50257, 'config.json');
});

/** The parameters of a GPT-2 under their canonical names. */
function gpt2Tensors({
  vocabSize: V,
  blockSize: T,
  nEmbd: C,
  nInner,
  nLayer,
  tieWordEmbeddings,
}: SavedGpt2Config): ExpectedTensor[] {
  const block = (n: number): [string, number[]][] => [
    [`h.${n}.ln_1.weight`, [C]],
    [`h.${n}.ln_1.bias`, [C]],
    [`h.${n}.attn.c_attn.weight`, [C, 3 * C]],
    [`h.${n}.attn.c_attn.bias`, [3 * C]],
    [`h.${n}.attn.c_proj.weight`, [C, C]],
    [`h.${n}.attn.c_proj.bias`, [C]],
    [`h.${n}.ln_2.weight`, [C]],
    [`h.${n}.ln_2.bias`, [C]],
    [`h.${n}.mlp.c_fc.weight`, [C, nInner]],
    [`h.${n}.mlp.c_fc.bias`, [nInner]],
    [`h.${n}.mlp.c_proj.weight`, [nInner, C]],
    [`h.${n}.mlp.c_proj.bias`, [C]],
  ];
  const blocks = Array.from({ length: nLayer }, (_, n) => block(n)).flat();
  const ends: [string, number[]][] = [
    ['ln_f.weight', [C]],
    ['ln_f.bias', [C]],
  ];
  const all = [['wte.weight', [V, C]], ['wpe.weight', [T, C]], ...blocks, ...ends] as [string, number[]][];
  const tensors = all.map(([name, shape]) => ({ name: `transformer.${name}`, shape }));
  return tieWordEmbeddings ? tensors : [...tensors, { name: 'lm_head.weight', shape: [V, C] }];
}

const config = parseGpt2Config(configWith({ n_embd: 4, vocab_size: 5, n_positions: 6 }), 'c');
const expected = gpt2Tensors(config);

test('the number of parameters is that of the tensors', () => {
  const count = (tensors: ExpectedTensor[]) =>
    tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  expect(gpt2ParameterCount(config)).toBe(count(expected));
  const untied = { ...config, tieWordEmbeddings: false, nInner: 7 };
  expect(gpt2ParameterCount(untied)).toBe(count(gpt2Tensors(untied)));
});

function entry(name: string, shape: readonly number[], dtype: TensorEntry['dtype'] = 'F32'): TensorEntry {
  const length = shape.reduce((a, b) => a * b, 1);
  const data =
    dtype === 'I32' ? new Int32Array(length) : Float32Array.from({ length }, (_, i) => (i + name.length) / 64);
  return { name, dtype, shape, data };
}

const sound = expected.map(({ name, shape }) => entry(name, shape));

async function source(entries: TensorEntry[], name = 'model.safetensors'): Promise<ByteSource> {
  return bytesSource(name, await collectBytes(writeSafetensors(entries)));
}

async function load(sources: ByteSource | ByteSource[]): Promise<Map<string, Float32Array>> {
  const loaded = new Map<string, Float32Array>();
  for await (const { name, data } of weightParts(await openWeights([sources].flat(), expected))) loaded.set(name, data);
  return loaded;
}

const bare = ({ name, ...rest }: TensorEntry): TensorEntry => ({ ...rest, name: name.replace('transformer.', '') });
const values = new Map(sound.map(({ name, data }) => [name, data]));

test('names with and without transformer., in one file or in shards, give the same weights in the asked order', async () => {
  expect(await load(await source(sound))).toEqual(values);
  expect(await load(await source(sound.map(bare)))).toEqual(values);
  expect(await load([await source(sound.slice(0, 9)), await source(sound.slice(9).map(bare))])).toEqual(values);
  expect([...(await load(await source(sound))).keys()]).toEqual(expected.map(({ name }) => name));
});

test('mask buffers and an equal tied head are ignored', async () => {
  const extra = [
    entry('h.0.attn.bias', [1, 1, 6, 6]),
    entry('transformer.h.1.attn.masked_bias', []),
    { ...sound[0]!, name: 'lm_head.weight' },
  ];
  expect(await load(await source([...sound, ...extra]))).toEqual(values);
});

test('a tied head that differs is refused', async () => {
  const data = Float32Array.from(sound[0]!.data as Float32Array);
  data[3]! += 1;
  const file = await source([...sound, { ...sound[0]!, name: 'lm_head.weight', data }]);
  await expect(load(file)).rejects.toThrow(
    '"lm_head.weight" differs from "transformer.wte.weight" (first at element 3), expected equal values in a tied model',
  );
});

test('missing, unknown and misshapen tensors are listed together, before any is given', async () => {
  const other = [...sound.slice(2), entry('transformer.wte.weight', [9, 4]), entry('h.0.attn.rotary', [2])];
  const file = await source(other);
  await expect(load(file)).rejects.toThrow(
    'model.safetensors: found other tensors than the 28 that config.json asks for: 1 missing: "transformer.wpe.weight"; ' +
      '1 unknown: "h.0.attn.rotary"; 1 of another shape: "transformer.wte.weight" is [9,4], expected [5,4]. ' +
      'Take the weights and the config.json of one model.',
  );
  await expect(load(file)).rejects.toThrow(InputError);
});

test('of many missing tensors the first ten are named', async () => {
  const message = await load(await source([])).catch((error: Error) => error.message);
  expect(message).toContain('28 missing: ');
  expect(String(message).match(/"transformer/g)).toHaveLength(10);
});

test('a tensor under both of its names is refused', async () => {
  await expect(load(await source([...sound, bare(sound[0]!)]))).rejects.toThrow(
    'is there twice, as "transformer.wte.weight" and "wte.weight"',
  );
});

test('weights of whole numbers are refused', async () => {
  const file = await source([...sound.slice(1), entry('transformer.wte.weight', [5, 4], 'I32')]);
  await expect(load(file)).rejects.toThrow('"transformer.wte.weight": dtype I32, expected F32, F16 or BF16');
});

test('NaN and infinity are refused by tensor and element', async () => {
  const data = new Float32Array(48).fill(1);
  data[17] = Number.NaN;
  const at = sound.findIndex(({ name }) => name.endsWith('h.0.attn.c_attn.weight'));
  const poisoned = sound.map((tensor, i) => (i === at ? { ...tensor, data } : tensor));
  await expect(load(await source(poisoned))).rejects.toThrow(
    '"transformer.h.0.attn.c_attn.weight": holds 1 NaN (first at 17), expected finite numbers',
  );
  data.fill(-Infinity, 40);
  await expect(load(await source(poisoned))).rejects.toThrow('holds 1 NaN and 8 infinite (first at 17)');
});

test.each([
  '../../secret',
  '/etc/passwd',
  'C:\\x.safetensors',
  'a\u0000.safetensors',
  '..',
  'sub/model.safetensors',
  '.safetensors',
  'model.bin',
])('a shard named %j is refused', (shard) => {
  const index = JSON.stringify({ weight_map: { wte: shard } });
  expect(() => parseShardIndex(index, 'model.safetensors.index.json')).toThrow(
    /^model\.safetensors\.index\.json: shard ".+" refused, expected the plain name/,
  );
});

test('shards are listed once, in order', () => {
  const index = JSON.stringify({ weight_map: { b: 'm-2.safetensors', a: 'm-1.safetensors', c: 'm-1.safetensors' } });
  expect(parseShardIndex(index, 'i').shards).toEqual(['m-1.safetensors', 'm-2.safetensors']);
  expect(() => parseShardIndex('{"weight_map":{"a":1}}', 'i')).toThrow('weight_map: "a" is 1, expected a file name');
});

testWith(golden, 'golden: the configuration is read, and written with every key and value it had', () => {
  const text = readFileSync(`${golden}/config.json`, 'utf8');
  const notes: string[] = [];
  const written = gpt2ConfigJson(parseGpt2Config(text, 'config.json', notes));
  expect(JSON.parse(written)).toEqual(JSON.parse(text));
  expect(Object.keys(JSON.parse(written))).toEqual(Object.keys(JSON.parse(text)));
  expect(notes).toEqual([]);
});

testWith(golden, 'golden: hub names, halves and plain names load as the same model', async () => {
  const tensors = gpt2Tensors(parseGpt2Config(readFileSync(`${golden}/config.json`, 'utf8'), 'config.json'));
  const open = (name: string) => bytesSource(name, new Uint8Array(readFileSync(`${golden}/${name}.safetensors`)));
  const all = async (name: string) => {
    const loaded = new Map<string, Float32Array>();
    for await (const { name: tensor, data } of weightParts(await openWeights([open(name)], tensors)))
      loaded.set(tensor, data);
    return loaded;
  };
  const model = await all('model');
  expect(model.size).toBe(28);
  expect(await all('model_hub_names')).toEqual(model);
  const halves = await SafetensorsReader.open(open('model_halves_expected'));
  for (const kind of ['f16', 'bf16']) {
    for (const [name, data] of await all(`model_${kind}`)) expect(data).toEqual(await halves.read(`${kind}/${name}`));
  }
});
