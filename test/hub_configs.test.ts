// config.json as models of the hub have it: read whole, sized as published, written again so that nothing is lost; and what is refused.
// Source of the facts: config.json and the parameter counts of the named repositories on huggingface.co.
import { describe, expect, test } from 'vitest';
import { modelConfigJson, parseModelConfig } from '../src/checkpoint/model_config.ts';
import { configParameterCount, FAMILIES } from '../src/nn/families.ts';
import { gemma3Spec, layerPattern } from '../src/nn/gemma3_config.ts';

const gpt2 = (n_embd: number, n_layer: number, n_head: number) => ({
  activation_function: 'gelu_new',
  architectures: ['GPT2LMHeadModel'],
  attn_pdrop: 0.1,
  bos_token_id: 50256,
  embd_pdrop: 0.1,
  eos_token_id: 50256,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  model_type: 'gpt2',
  n_ctx: 1024,
  n_embd,
  n_head,
  n_layer,
  n_positions: 1024,
  resid_pdrop: 0.1,
  summary_type: 'cls_index',
  task_specific_params: { 'text-generation': { do_sample: true, max_length: 50 } },
  vocab_size: 50257,
});

/** In the order hidden, intermediate, layers, heads, kv heads. */
const sizes = (hidden: number, inner: number, layers: number, heads: number, kv: number) => ({
  hidden_size: hidden,
  intermediate_size: inner,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: kv,
  initializer_range: 0.02,
  use_cache: true,
});
const llama = { architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu', rms_norm_eps: 1e-5 };
const llama3 = {
  ...llama,
  vocab_size: 128256,
  max_position_embeddings: 131072,
  rope_theta: 500000.0,
  attention_bias: false,
  mlp_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 128000,
  eos_token_id: 128001,
  pretraining_tp: 1,
  torch_dtype: 'bfloat16',
};
const longer = (factor: number) => ({
  factor,
  high_freq_factor: 4.0,
  low_freq_factor: 1.0,
  original_max_position_embeddings: 8192,
  rope_type: 'llama3',
});
const smol = { ...llama, vocab_size: 49152, tie_word_embeddings: true, bos_token_id: 0, eos_token_id: 0 };
const qwen3 = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 151643,
  eos_token_id: 151645,
  head_dim: 128,
  hidden_act: 'silu',
  max_position_embeddings: 40960,
  max_window_layers: 28,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 1000000,
  sliding_window: null,
  tie_word_embeddings: true,
  use_sliding_window: false,
  vocab_size: 151936,
};
const gemma3 = {
  architectures: ['Gemma3ForCausalLM'],
  model_type: 'gemma3_text',
  attention_bias: false,
  attention_dropout: 0.0,
  attn_logit_softcapping: null,
  bos_token_id: 2,
  final_logit_softcapping: null,
  head_dim: 256,
  hidden_activation: 'gelu_pytorch_tanh',
  max_position_embeddings: 32768,
  pad_token_id: 0,
  query_pre_attn_scalar: 256,
  rms_norm_eps: 1e-6,
  rope_local_base_freq: 10000.0,
  rope_scaling: null,
  rope_theta: 1000000.0,
  sliding_window: 512,
  vocab_size: 262144,
};

const hub: Readonly<Record<string, { json: object; parameters: number; keysIgnored?: true }>> = {
  'openai-community/gpt2': { json: gpt2(768, 12, 12), parameters: 124_439_808, keysIgnored: true },
  'openai-community/gpt2-medium': { json: gpt2(1024, 24, 16), parameters: 354_823_168, keysIgnored: true },
  'openai-community/gpt2-large': { json: gpt2(1280, 36, 20), parameters: 774_030_080, keysIgnored: true },
  'openai-community/gpt2-xl': { json: gpt2(1600, 48, 25), parameters: 1_557_611_200, keysIgnored: true },
  'meta-llama/Llama-2-7b-hf': {
    json: {
      ...llama,
      ...sizes(4096, 11008, 32, 32, 32),
      vocab_size: 32000,
      max_position_embeddings: 4096,
      rope_scaling: null,
      tie_word_embeddings: false,
      bos_token_id: 1,
      eos_token_id: 2,
      torch_dtype: 'float16',
    },
    parameters: 6_738_415_616,
  },
  'meta-llama/Llama-3.1-8B': {
    json: { ...llama3, ...sizes(4096, 14336, 32, 32, 8), rope_scaling: longer(8), tie_word_embeddings: false },
    parameters: 8_030_261_248,
  },
  'meta-llama/Llama-3.2-1B': {
    json: {
      ...llama3,
      ...sizes(2048, 8192, 16, 32, 8),
      head_dim: 64,
      rope_scaling: longer(32),
      tie_word_embeddings: true,
    },
    parameters: 1_235_814_400,
  },
  'HuggingFaceTB/SmolLM-135M': {
    json: { ...smol, ...sizes(576, 1536, 30, 9, 3), max_position_embeddings: 2048, rope_theta: 10000.0 },
    parameters: 134_515_008,
  },
  'HuggingFaceTB/SmolLM2-135M': {
    json: {
      ...smol,
      ...sizes(576, 1536, 30, 9, 3),
      is_llama_config: true,
      max_position_embeddings: 8192,
      rope_interleaved: false,
      rope_scaling: null,
      rope_theta: 100000,
    },
    parameters: 134_515_008,
  },
  'HuggingFaceTB/SmolLM2-360M': {
    json: { ...smol, ...sizes(960, 2560, 32, 15, 5), max_position_embeddings: 8192, rope_theta: 100000 },
    parameters: 361_821_120,
  },
  'TinyLlama/TinyLlama-1.1B-Chat-v1.0': {
    json: {
      ...llama,
      ...sizes(2048, 5632, 22, 32, 4),
      vocab_size: 32000,
      max_position_embeddings: 2048,
      rope_theta: 10000.0,
      tie_word_embeddings: false,
      bos_token_id: 1,
      eos_token_id: 2,
    },
    parameters: 1_100_048_384,
  },
  'mistralai/Mistral-7B-v0.1': {
    json: {
      ...sizes(4096, 14336, 32, 32, 8),
      architectures: ['MistralForCausalLM'],
      model_type: 'mistral',
      hidden_act: 'silu',
      vocab_size: 32000,
      max_position_embeddings: 32768,
      rms_norm_eps: 1e-5,
      rope_theta: 10000.0,
      sliding_window: 4096,
      tie_word_embeddings: false,
      bos_token_id: 1,
      eos_token_id: 2,
    },
    parameters: 7_241_732_096,
  },
  'Qwen/Qwen3-0.6B': { json: { ...qwen3, ...sizes(1024, 3072, 28, 16, 8) }, parameters: 596_049_920 },
  'google/gemma-3-270m': {
    json: {
      ...gemma3,
      ...sizes(640, 2048, 18, 4, 1),
      _sliding_window_pattern: 6,
      eos_token_id: 1,
      layer_types: layerPattern(18),
      use_bidirectional_attention: false,
    },
    parameters: 268_098_176,
  },
  'google/gemma-3-1b-it': {
    json: {
      ...gemma3,
      ...sizes(1152, 6912, 26, 4, 1),
      cache_implementation: 'hybrid',
      eos_token_id: [1, 106],
      sliding_window_pattern: 6,
    },
    parameters: 999_885_952,
  },
};

const read = (json: object, notes: string[] = []) => parseModelConfig(JSON.stringify(json), 'config.json', notes);

describe.each(Object.entries(hub))('%s', (_, { json, parameters, keysIgnored }) => {
  test('is read whole and has as many parameters as published', () => {
    const notes: string[] = [];
    const { config } = read(json, notes);
    expect(configParameterCount(config)).toBe(parameters);
    if (!keysIgnored) expect(notes).toEqual([]);
  });

  test('is written so that it is read as it was', () => {
    const { config, ids } = read(json);
    const written = modelConfigJson(config, { bosTokenId: ids.bosTokenId, eosTokenId: ids.eosTokenIds[0] ?? null });
    const again = parseModelConfig(written, 'again');
    expect(again.config).toEqual(config);
    expect(again.ids).toEqual({ ...ids, eosTokenIds: ids.eosTokenIds.slice(0, 1) });
  });
});

test('what config.json of Llama 3.2 says of its positions is what the model computes with', () => {
  expect(read(hub['meta-llama/Llama-3.2-1B']!.json).config).toMatchObject({
    headDim: 64,
    kvHeads: 8,
    ropeTheta: 500_000,
    ropeScaling: { type: 'llama3', factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalBlockSize: 8192 },
  });
});

test('Gemma 3 has windows and angles of their own in five layers of six', () => {
  const { config } = read(hub['google/gemma-3-1b-it']!.json);
  if (config.family !== 'gemma3_text') throw new Error('read as another family');
  const { layer, scoreScale, embeddingScale } = gemma3Spec(config);
  expect(scoreScale).toBe(1 / 16);
  expect(embeddingScale).toBe(Math.sqrt(1152));
  const layers = Array.from({ length: 26 }, (_, i) => layer(i));
  expect(layers.flatMap(({ window }, i) => (window === undefined ? [i] : []))).toEqual([5, 11, 17, 23]);
  expect(layers[4]).toEqual({ window: 512, rope: { theta: 10_000, scaling: null } });
  expect(layers[5]).toEqual({ window: undefined, rope: { theta: 1e6, scaling: null } });
});

describe('rope_parameters, as transformers writes them since version 5', () => {
  test('of a Llama are its base and its scaling', () => {
    const { rope_theta, rope_scaling: _, ...rest } = hub['meta-llama/Llama-3.2-1B']!.json as Record<string, unknown>;
    const newer = { ...rest, dtype: 'bfloat16', rope_parameters: { ...longer(32), rope_theta } };
    expect(read(newer)).toEqual(read(hub['meta-llama/Llama-3.2-1B']!.json));
  });

  test('of a Gemma 3 are told for each kind of layer', () => {
    const {
      rope_theta,
      rope_local_base_freq,
      rope_scaling: _,
      ...rest
    } = hub['google/gemma-3-270m']!.json as Record<string, unknown>;
    const parameters = {
      full_attention: { rope_theta, rope_type: 'linear', factor: 8.0 },
      sliding_attention: { rope_theta: rope_local_base_freq, rope_type: 'default' },
    };
    const { config } = read({ ...rest, rope_parameters: parameters });
    expect(config).toEqual({
      ...read(hub['google/gemma-3-270m']!.json).config,
      ropeScaling: { type: 'linear', factor: 8 },
    });
    const other = { ...parameters, sliding_attention: { rope_theta: 5000, rope_type: 'default' } };
    expect(read({ ...rest, rope_parameters: other }).config).toMatchObject({ localRopeTheta: 5000, ropeTheta: 1e6 });
  });
});

describe('what is not supported is refused with a sentence', () => {
  const base = hub['HuggingFaceTB/SmolLM2-135M']!.json;
  const qwen = hub['Qwen/Qwen3-0.6B']!.json;
  const gemma = hub['google/gemma-3-270m']!.json;
  const rope = (type: string) => ({ ...base, rope_scaling: { rope_type: type, factor: 4 } });

  test.each<[string, object, string]>([
    ...['yarn', 'dynamic', 'longrope'].map((type): [string, object, string] => [
      type,
      rope(type),
      `config.json: rope_scaling: rope_type: found text "${type}", expected default, linear or llama3; nothing else is supported. Take another model.`,
    ]),
    [
      'half a head turned',
      { ...base, rope_parameters: { rope_type: 'default', rope_theta: 1e4, partial_rotary_factor: 0.5 } },
      'config.json: rope_parameters: partial_rotary_factor: found 0.5, expected 1; nothing else is supported.',
    ],
    [
      'a family that is not known',
      { ...base, model_type: 'mamba' },
      `config.json: model_type: found text "mamba", which is not supported; expected ${FAMILIES.slice(0, -1).join(', ')} or ${FAMILIES.at(-1)}. Take a model of a supported type.`,
    ],
    [
      'a Gemma 3 that sees pictures',
      { model_type: 'gemma3', text_config: {}, vision_config: {} },
      'It reads pictures too: take a model of text alone, as google/gemma-3-270m and google/gemma-3-1b-it are.',
    ],
    [
      'windows of a Qwen3',
      { ...qwen, use_sliding_window: true },
      'config.json: use_sliding_window: found true, expected false',
    ],
    [
      'layers with windows of a Qwen3',
      { ...qwen, layer_types: ['sliding_attention'] },
      'config.json: layer_types: found a list, expected full_attention alone; nothing else is supported.',
    ],
    [
      'capped logits',
      { ...gemma, final_logit_softcapping: 30 },
      'config.json: final_logit_softcapping: found 30, expected null; nothing else is supported.',
    ],
    [
      'too few kinds of layers',
      { ...gemma, layer_types: ['full_attention'] },
      'config.json: layer_types: found 1, expected as many as num_hidden_layers 18.',
    ],
    [
      'a kind of layer that is not known',
      { ...gemma, num_hidden_layers: 1, layer_types: ['chunked_attention'] },
      'config.json: layer_types[0]: found text "chunked_attention", expected full_attention or sliding_attention.',
    ],
    [
      'a window of nothing',
      { ...gemma, sliding_window: 0 },
      'config.json: sliding_window: found 0, expected 1 or more.',
    ],
    [
      'scaled angles in layers with a window',
      {
        ...gemma,
        rope_parameters: {
          full_attention: { rope_type: 'default' },
          sliding_attention: { rope_type: 'linear', factor: 2, rope_theta: 1e4 },
        },
      },
      'config.json: rope_parameters: sliding_attention: rope_type: found text "linear", expected default; nothing else is supported.',
    ],
  ])('%s', (_, json, sentence) => {
    expect(() => read(json)).toThrow(sentence);
  });
});
