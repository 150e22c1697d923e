// What llama.cpp calls the tensors and settings of a family, and how it wants their rows.
// Source: https://github.com/ggml-org/llama.cpp, conversion/{llama,gpt2,qwen}.py, gguf-py/gguf/tensor_mapping.py.

import { InputError } from '../errors.ts';
import type { DecoderConfig, RopeScaling } from '../nn/decoder_config.ts';
import type { GPT2Config } from '../nn/gpt2_config.ts';
import type { LlamaConfig, MistralConfig } from '../nn/llama_config.ts';
import type { Qwen3Config } from '../nn/qwen3_config.ts';
import { ropeFrequencies } from '../nn/rope_config.ts';
import type { GgufTensor, GgufValue } from './gguf.ts';
import { quoted } from './json.ts';
import { pairsTogether, readHeads, readTransposed } from './turned_rows.ts';
import type { ExpectedTensor, WeightDtype, Weights } from './weights.ts';

export interface GgufModel {
  readonly metadata: Map<string, GgufValue>;
  readonly tensors: GgufTensor[];
}

/** How the rows of a tensor are to come. */
type Layout =
  | { readonly name: string; readonly layout: 'as it is' | 'transposed' }
  /** Rows of each head in pairs: see pairsTogether. */
  | { readonly name: string; readonly layout: 'pairs'; readonly headRows: number };

interface Family {
  /** llama.cpp's name. */
  readonly arch: string;
  readonly metadata: Map<string, GgufValue>;
  /** By Hugging Face's name, layers without their prefix. */
  place(part: string): Layout | undefined;
  /** What Hugging Face's files do not hold. */
  readonly extra: GgufTensor[];
}

const families = new Map<string, (config: never, where: string) => Family>([
  ['gpt2', gpt2],
  ['llama', llama],
  ['mistral', mistral],
  ['qwen3', qwen3],
]);

/** The families that have a form there. */
const GGUF_FAMILIES: readonly string[] = [...families.keys()];

/** llama.cpp's numbers for what most tensors of a file are. */
const FILE_TYPES = { F32: 0, F16: 1, BF16: 32 } as const;

/**
 * A model as llama.cpp wants it. Vectors and tables of positions stay float32, as there.
 * @param where config.json, for messages   @throws InputError for a model that llama.cpp has no form of
 */
export function ggufModel(
  config: { readonly family: string },
  weights: Weights,
  dtype: WeightDtype,
  where: string,
): GgufModel {
  const make = families.get(config.family);
  if (!make)
    throw new InputError(
      `${where}: model_type: found ${quoted(config.family)}, expected ${GGUF_FAMILIES.join(', ')} for --gguf. Write a folder with --out.`,
    );
  const family = make(config as never, where);
  const tensors = weights.tensors.map((tensor) => asGguf(tensor, family, weights, dtype));
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { string: family.arch }],
    ['general.type', { string: 'model' }],
    ['general.file_type', { uint32: FILE_TYPES[dtype] }],
    ['general.quantization_version', { uint32: 2 }],
    ...family.metadata,
  ]);
  return { metadata, tensors: [...family.extra, ...tensors] };
}

const advice = 'for --gguf: llama.cpp knows no other. Write a folder with --out.';

function asGguf(tensor: ExpectedTensor, family: Family, weights: Weights, dtype: WeightDtype): GgufTensor {
  const { name, shape } = tensor;
  const [, layer, inLayer] = /^(?:model\.layers|transformer\.h)\.(\d+)\.(.+)$/.exec(name) ?? [];
  const found = family.place(inLayer ?? name);
  if (!found) throw new Error(`ggufModel: ${name} has no name there`);
  const [rows, columns] = [shape[0]!, shape[1] ?? 1];
  const own = {
    name: layer === undefined ? found.name : `blk.${layer}.${found.name}`,
    dtype: shape.length === 1 || found.name === 'position_embd.weight' ? 'F32' : dtype,
  } as const;
  const read = (from: number, to: number) => weights.read(name, from, to);
  if (found.layout === 'transposed')
    return { ...own, shape: [columns, rows], read: readTransposed(read, rows, columns) };
  if (found.layout === 'pairs') return { ...own, shape, read: readHeads(read, found.headRows, columns, pairsTogether) };
  return { ...own, shape, read };
}

/** What the decoders of Llama's kind have in common. @param arch llama.cpp's name of the family */
function decoder(arch: string, config: DecoderConfig, more: readonly (readonly [string, string])[] = []): Family {
  const { headDim, ropeScaling: scaling } = config;
  const metadata = new Map<string, GgufValue>([
    [`${arch}.vocab_size`, { uint32: config.vocabSize }],
    [`${arch}.context_length`, { uint32: config.blockSize }],
    [`${arch}.embedding_length`, { uint32: config.nEmbd }],
    [`${arch}.block_count`, { uint32: config.nLayer }],
    [`${arch}.feed_forward_length`, { uint32: config.nInner }],
    [`${arch}.attention.head_count`, { uint32: config.nHead }],
    [`${arch}.attention.head_count_kv`, { uint32: config.kvHeads }],
    [`${arch}.attention.key_length`, { uint32: headDim }],
    [`${arch}.attention.value_length`, { uint32: headDim }],
    [`${arch}.attention.layer_norm_rms_epsilon`, { float32: config.rmsNormEps }],
    [`${arch}.rope.dimension_count`, { uint32: headDim }],
    [`${arch}.rope.freq_base`, { float32: config.ropeTheta }],
  ]);
  if (scaling?.type === 'linear') {
    metadata.set(`${arch}.rope.scaling.type`, { string: 'linear' });
    metadata.set(`${arch}.rope.scaling.factor`, { float32: scaling.factor });
  }
  const stems = new Map([
    ['model.embed_tokens', 'token_embd'],
    ['model.norm', 'output_norm'],
    ['lm_head', 'output'],
    ['input_layernorm', 'attn_norm'],
    ['post_attention_layernorm', 'ffn_norm'],
    ['self_attn.q_proj', 'attn_q'],
    ['self_attn.k_proj', 'attn_k'],
    ['self_attn.v_proj', 'attn_v'],
    ['self_attn.o_proj', 'attn_output'],
    ['mlp.gate_proj', 'ffn_gate'],
    ['mlp.up_proj', 'ffn_up'],
    ['mlp.down_proj', 'ffn_down'],
    ...more,
  ]);
  return {
    arch,
    metadata,
    place(part) {
      const name = renamed(part, stems);
      return name === undefined ? undefined : { name, layout: 'as it is' };
    },
    extra: scaling?.type === 'llama3' ? [ropeFactors(config, scaling)] : [],
  };
}

function llama(config: LlamaConfig): Family {
  const family = decoder('llama', config);
  return {
    ...family,
    place(part) {
      const found = family.place(part);
      if (!found || !/^attn_[qk]\./.test(found.name)) return found;
      return { name: found.name, layout: 'pairs', headRows: config.headDim };
    },
  };
}

/** There it is a Llama, which has no window. */
function mistral({ window, ...config }: MistralConfig, where: string): Family {
  if (window !== null && window < config.blockSize)
    throw new InputError(`${where}: sliding_window: found ${window}, expected null ${advice}`);
  return llama({ ...config, family: 'llama', mlpBias: false });
}

function qwen3(config: Qwen3Config, where: string): Family {
  if (config.ropeScaling?.type === 'llama3')
    throw new InputError(`${where}: rope_scaling: found llama3, expected linear or none ${advice}`);
  return decoder('qwen3', config, [
    ['self_attn.q_norm', 'attn_q_norm'],
    ['self_attn.k_norm', 'attn_k_norm'],
  ]);
}

/** By what each frequency is divided: the scaling of Llama 3.1, as `generate_extra_tensors` of llama.py writes it. */
function ropeFactors({ headDim, ropeTheta }: DecoderConfig, scaling: RopeScaling & { type: 'llama3' }): GgufTensor {
  const scaled = ropeFrequencies(headDim, ropeTheta, scaling);
  const factors = Float32Array.from(ropeFrequencies(headDim, ropeTheta), (plain, i) => plain / scaled[i]!);
  return { name: 'rope_freqs.weight', shape: [headDim / 2], dtype: 'F32', read: (from, to) => factors.slice(from, to) };
}

function gpt2(config: GPT2Config, where: string): Family {
  if (config.activation !== 'gelu_new')
    throw new InputError(`${where}: activation_function: found "${config.activation}", expected "gelu_new" ${advice}`);
  if (!config.bias) throw new InputError(`${where}: bias: found false, expected true ${advice}`);
  const metadata = new Map<string, GgufValue>([
    ['gpt2.vocab_size', { uint32: config.vocabSize }],
    ['gpt2.context_length', { uint32: config.blockSize }],
    ['gpt2.embedding_length', { uint32: config.nEmbd }],
    ['gpt2.block_count', { uint32: config.nLayer }],
    ['gpt2.feed_forward_length', { uint32: config.nInner }],
    ['gpt2.attention.head_count', { uint32: config.nHead }],
    ['gpt2.attention.layer_norm_epsilon', { float32: config.layerNormEps }],
  ]);
  const stems = new Map([
    ['transformer.wte', 'token_embd'],
    ['transformer.wpe', 'position_embd'],
    ['transformer.ln_f', 'output_norm'],
    ['lm_head', 'output'],
    ['ln_1', 'attn_norm'],
    ['ln_2', 'ffn_norm'],
    ['attn.c_attn', 'attn_qkv'],
    ['attn.c_proj', 'attn_output'],
    ['mlp.c_fc', 'ffn_up'],
    ['mlp.c_proj', 'ffn_down'],
  ]);
  return {
    arch: 'gpt2',
    metadata,
    place(part) {
      const name = renamed(part, stems);
      if (name === undefined) return undefined;
      // Their matrices are stored as [in, out].
      return { name, layout: /\.c_\w+\.weight$/.test(part) ? 'transposed' : 'as it is' };
    },
    extra: [],
  };
}

/** `mlp.up_proj.weight` -> `ffn_up.weight` */
function renamed(name: string, stems: ReadonlyMap<string, string>): string | undefined {
  const [, stem, kind] = /^(.+)\.(weight|bias)$/.exec(name) ?? [];
  const found = stems.get(stem ?? '');
  return found && `${found}.${kind}`;
}
