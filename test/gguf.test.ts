// GGUF files as another reader sees them: keys, names, shapes and places; and the values at those places, put back into our order.
import fs from 'node:fs';
import { GGMLQuantizationType, gguf } from '@huggingface/gguf';
import { afterAll, describe, expect, test } from 'vitest';
import { float32ToHalves, halvesToFloat32 } from '../src/tensor/halves.ts';
import { run } from './harness/inside.ts';
import { gpt2Json, llamaJson, weightsOf, writeModelFolder } from './harness/model_files.ts';
import { scratchFolder } from './harness/program.ts';
import { testWith } from './harness/shared.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
const spaceDecoder = {
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ],
};

/** Without a tokenizer of its own a folder's ids are what goes in. */
async function written(name: string, folder: string, ...words: string[]) {
  const file = place.at(`${name}.gguf`);
  const { code, stderr } = await run(['convert', '--model', folder, '--gguf', file, ...words]);
  expect(code, stderr).toBe(0);
  const read = await gguf(file, { allowLocalFile: true });
  const bytes = fs.readFileSync(file);
  const start = Number(read.tensorDataOffset);
  const tensors = new Map(
    read.tensorInfos.map(({ name: tensor, shape, dtype, offset }) => {
      const elements = shape.reduce((n, size) => n * Number(size), 1);
      const from = start + Number(offset);
      expect(from % 32).toBe(0);
      const width = dtype === GGMLQuantizationType.F32 ? 4 : 2;
      const part = Uint8Array.from(bytes.subarray(from, from + width * elements)).buffer;
      const data =
        width === 4
          ? new Float32Array(part)
          : halvesToFloat32(new Uint16Array(part), dtype === GGMLQuantizationType.F16 ? 'F16' : 'BF16');
      return [tensor, { shape: shape.map(Number), dtype, data }] as const;
    }),
  );
  const end = Math.max(...read.tensorInfos.map(({ offset }, i) => Number(offset) + sizeOf([...tensors.values()][i]!)));
  expect(bytes.length).toBe(start + Math.ceil(end / 32) * 32);
  return { metadata: read.metadata as Record<string, unknown>, tensors, stderr };
}

const sizeOf = ({ data, dtype }: { data: Float32Array; dtype: number }) =>
  data.length * (dtype === GGMLQuantizationType.F32 ? 4 : 2);

/** Row r of the result is row `from(r)`. */
function rows(data: Float32Array, columns: number, from: (row: number) => number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let r = 0; r < data.length / columns; r++)
    turned.set(data.subarray(from(r) * columns, (from(r) + 1) * columns), r * columns);
  return turned;
}

describe('a Llama', () => {
  const config = {
    ...llamaJson,
    rope_scaling: {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    },
  };

  test.each(['f32', 'f16', 'bf16'] as const)(
    'in %s has the names, order of rows and types of llama.cpp',
    async (dtype) => {
      const folder = await writeModelFolder(place.at(`llama-${dtype}`), config);
      const { metadata, tensors, stderr } = await written(`llama-${dtype}`, folder, '--dtype', dtype);
      const ours = await weightsOf(folder);
      expect(metadata).toMatchObject({
        version: 3,
        tensor_count: 22n,
        'general.architecture': 'llama',
        'general.type': 'model',
        'general.name': `llama-${dtype}`,
        'general.file_type': { f32: 0, f16: 1, bf16: 32 }[dtype],
        'llama.block_count': 2,
        'llama.context_length': 32,
        'llama.embedding_length': 16,
        'llama.feed_forward_length': 24,
        'llama.attention.head_count': 4,
        'llama.attention.head_count_kv': 2,
        'llama.attention.key_length': 4,
        'llama.rope.dimension_count': 4,
        'llama.rope.freq_base': 10000,
        'llama.vocab_size': 48,
        'tokenizer.ggml.model': 'none',
      });
      expect(metadata['llama.attention.layer_norm_rms_epsilon']).toBeCloseTo(1e-5, 10);
      expect(stderr).toContain('without a tokenizer');
      // Heads of four rows: i and i + 2 are turned together, there they are neighbours.
      const pairs = (row: number) => 4 * Math.floor(row / 4) + [0, 2, 1, 3][row % 4]!;
      const names: [string, string, (row: number) => number][] = [
        ['token_embd', 'model.embed_tokens', (r) => r],
        ['output_norm', 'model.norm', (r) => r],
        ['output', 'lm_head', (r) => r],
      ];
      for (const n of [0, 1]) {
        const [there, here] = [`blk.${n}.`, `model.layers.${n}.`];
        names.push(
          [`${there}attn_norm`, `${here}input_layernorm`, (r) => r],
          [`${there}ffn_norm`, `${here}post_attention_layernorm`, (r) => r],
        );
        for (const [k, turn] of [
          ['q', pairs],
          ['k', pairs],
          ['v', (r: number) => r],
        ] as const)
          names.push([`${there}attn_${k}`, `${here}self_attn.${k}_proj`, turn]);
        names.push([`${there}attn_output`, `${here}self_attn.o_proj`, (r) => r]);
        for (const k of ['gate', 'up', 'down']) names.push([`${there}ffn_${k}`, `${here}mlp.${k}_proj`, (r) => r]);
      }
      expect([...tensors.keys()].sort()).toEqual(
        [...names.map(([name]) => `${name}.weight`), 'rope_freqs.weight'].sort(),
      );
      const kinds = { f32: GGMLQuantizationType.F32, f16: GGMLQuantizationType.F16, bf16: GGMLQuantizationType.BF16 };
      for (const [there, here, turn] of names) {
        const { data, shape, dtype: found } = tensors.get(`${there}.weight`)!;
        const own = ours.get(`${here}.weight`)!;
        const isVector = shape.length === 1;
        expect(found, there).toBe(isVector ? GGMLQuantizationType.F32 : kinds[dtype]);
        const stored =
          isVector || dtype === 'f32'
            ? own
            : halvesToFloat32(float32ToHalves(own, dtype === 'f16' ? 'F16' : 'BF16'), dtype === 'f16' ? 'F16' : 'BF16');
        expect(data, there).toEqual(rows(stored, isVector ? 1 : shape[0]!, turn));
      }
      // Wavelengths 2 pi and 200 pi, of which 64 positions hold 10 turns (as trained) and a tenth (stretched whole).
      expect(tensors.get('rope_freqs.weight')!.data).toEqual(new Float32Array([1, 8]));
    },
  );

  test('has its tokenizer, merges by score and all', async () => {
    const tokens = ['<unk>', '<s>', '</s>', '<0x41>', '\u2581', 'a', 'b', 'ab', '\u2581ab'];
    const tokenizer = {
      added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true })),
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '\u2581' },
          { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
        ],
      },
      pre_tokenizer: null,
      decoder: spaceDecoder,
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
      },
      model: {
        type: 'BPE',
        unk_token: '<unk>',
        byte_fallback: true,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: ['a b', '\u2581 ab'],
      },
    };
    const folder = await writeModelFolder(place.at('spm'), llamaJson, undefined, {
      'tokenizer.json': JSON.stringify(tokenizer),
      'tokenizer_config.json': JSON.stringify({
        chat_template: [
          { name: 'tool_use', template: '{{ tools }}' },
          { name: 'default', template: '{{ messages }}' },
        ],
      }),
    });
    const { metadata } = await written('spm', folder);
    expect(metadata).toMatchObject({
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.pre': 'default',
      'tokenizer.ggml.bos_token_id': 1,
      'tokenizer.ggml.eos_token_id': 2,
      'tokenizer.ggml.unknown_token_id': 0,
      'tokenizer.ggml.add_bos_token': true,
      'tokenizer.ggml.add_eos_token': false,
      'tokenizer.ggml.add_space_prefix': true,
      'tokenizer.chat_template': '{{ messages }}',
    });
    const list = (key: string) => metadata[`tokenizer.ggml.${key}`] as unknown[];
    expect(list('tokens')).toEqual([...tokens, ...Array.from({ length: 39 }, (_, i) => `[PAD${i + 9}]`)]);
    expect(list('token_type')).toEqual([2, 3, 3, 6, 1, 1, 1, 1, 1, ...new Array(39).fill(5)]);
    expect(list('scores').slice(0, 9)).toEqual([-2, -2, -2, -2, -2, -2, -2, -0, -1]);
  });
});

test('a GPT-2 has its matrices turned, its positions in f32, and its merges', async () => {
  const tokens = ['<|endoftext|>', 'a', 'b', 'ab'];
  const tokenizer = {
    added_tokens: [{ id: 0, content: '<|endoftext|>', special: true }],
    pre_tokenizer: byteLevel,
    decoder: byteLevel,
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges: [['a', 'b']] },
  };
  const folder = await writeModelFolder(place.at('gpt2'), gpt2Json, undefined, {
    'tokenizer.json': JSON.stringify(tokenizer),
  });
  const { metadata, tensors } = await written('gpt2', folder, '--dtype', 'f16');
  const ours = await weightsOf(folder);
  expect(metadata).toMatchObject({
    'general.architecture': 'gpt2',
    'gpt2.block_count': 2,
    'gpt2.attention.head_count': 2,
    'gpt2.feed_forward_length': 64,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.merges': ['a b'],
    'tokenizer.ggml.eos_token_id': 0,
  });
  expect(tensors.size).toBe(28);
  const position = tensors.get('position_embd.weight')!;
  expect([position.dtype, position.data]).toEqual([GGMLQuantizationType.F32, ours.get('transformer.wpe.weight')]);
  const { shape, data } = tensors.get('blk.1.attn_qkv.weight')!;
  expect(shape).toEqual([16, 48]);
  const own = ours.get('transformer.h.1.attn.c_attn.weight')!;
  const turned = Float32Array.from({ length: own.length }, (_, i) => own[(i % 16) * 48 + Math.floor(i / 16)]!);
  expect(data).toEqual(halvesToFloat32(float32ToHalves(turned, 'F16'), 'F16'));
  expect(tensors.get('blk.1.attn_qkv.bias')!.data).toEqual(ours.get('transformer.h.1.attn.c_attn.bias'));
});

describe('the kind of a tokenizer', () => {
  const tokens = ['<unk>', '<s>', '</s>', '\u2581', 'a', 'b', 'ab'];
  const model = {
    type: 'BPE',
    unk_token: '<unk>',
    byte_fallback: true,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges: ['a b'],
  };
  const digits = (individual_digits: boolean) => ({ type: 'Digits', individual_digits });
  const sequence = (...pretokenizers: object[]) => ({ type: 'Sequence', pretokenizers });
  const metaspace = (prepend_scheme: string) => ({
    pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme, split: false },
    decoder: spaceDecoder,
  });
  test.each([
    ['SmolLM', { pre_tokenizer: sequence(digits(true), byteLevel), decoder: byteLevel }, 'gpt2', 'smollm', undefined],
    ['newer Llama 2', metaspace('first'), 'llama', 'default', true],
    ['no space in front', metaspace('never'), 'llama', 'default', false],
    [
      'digits together',
      { pre_tokenizer: sequence(digits(false), byteLevel), decoder: byteLevel },
      'none',
      undefined,
      undefined,
    ],
    ['an unknown step', { pre_tokenizer: { type: 'Whitespace' }, decoder: byteLevel }, 'none', undefined, undefined],
  ])('of %s', async (name, steps, kind, pre, prefix) => {
    const folder = await writeModelFolder(place.at(`kind ${name}`), llamaJson, undefined, {
      'tokenizer.json': JSON.stringify({ added_tokens: [], normalizer: null, post_processor: null, model, ...steps }),
    });
    const { metadata, stderr } = await written(`kind ${name}`, folder);
    const { 'tokenizer.ggml.model': found, 'tokenizer.ggml.pre': cut } = metadata;
    expect([found, cut, metadata['tokenizer.ggml.add_space_prefix']]).toEqual([kind, pre, prefix]);
    if (kind === 'none') expect(stderr).toContain('llama.cpp is not known to have this kind of tokenizer');
  });
});

test('a Qwen3 has norms of its heads, and rows as they are', async () => {
  const folder = await writeModelFolder(place.at('qwen3'), {
    ...llamaJson,
    model_type: 'qwen3',
    architectures: ['Qwen3ForCausalLM'],
  });
  const { metadata, tensors } = await written('qwen3', folder);
  expect(metadata).toMatchObject({
    'general.architecture': 'qwen3',
    'qwen3.attention.head_count_kv': 2,
    'qwen3.attention.key_length': 4,
  });
  const ours = await weightsOf(folder);
  const named = {
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_q_norm: 'self_attn.q_norm',
    attn_k_norm: 'self_attn.k_norm',
  };
  for (const [there, here] of Object.entries(named))
    expect(tensors.get(`blk.1.${there}.weight`)!.data).toEqual(ours.get(`model.layers.1.${here}.weight`));
});

test('what llama.cpp has no form of is refused before a file is begun', async () => {
  const folder = await writeModelFolder(place.at('relu'), { ...gpt2Json, activation_function: 'relu' });
  const window = { ...llamaJson, model_type: 'mistral', architectures: ['MistralForCausalLM'], sliding_window: 8 };
  const mistral = await writeModelFolder(place.at('mistral'), window);
  for (const [model, sentence] of [
    [folder, 'activation_function: found "relu", expected "gelu_new" for --gguf'],
    [mistral, 'sliding_window: found 8, expected null for --gguf'],
  ] as const) {
    const words = ['convert', '--model', model, '--gguf', place.at('no.gguf'), '--out', place.at('no')];
    const { code, errors } = await run(words);
    expect([code, fs.existsSync(place.at('no.gguf')), fs.existsSync(place.at('no'))]).toEqual([2, false, false]);
    expect(errors[0]).toContain(sentence);
  }
});

const shared = '../shared/models/stories260K';
testWith(shared, 'stories260K, from its own file, comes out with its 512 tokens', async () => {
  const { metadata, tensors } = await written('stories', `${shared}/stories260K.bin`, '--dtype', 'f16');
  expect((metadata['tokenizer.ggml.tokens'] as string[]).length).toBe(512);
  expect([tensors.size, metadata['tokenizer.ggml.model']]).toEqual([47, 'llama']);
});
