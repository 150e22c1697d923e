// A model of llama2.c (its first format, version 0): seven whole numbers, then all weights as float32, layer after layer of each kind.
// Source: https://github.com/karpathy/llama2.c, export.py, `legacy_export`, and run.c, `memory_map_weights`.

import { InputError } from '../errors.ts';
import type { ByteSource } from './safetensors.ts';
import { pairsApart, readHeads } from './turned_rows.ts';
import { type ExpectedTensor, elementsOf, firstNotFinite, type Weights } from './weights.ts';

const headerBytes = 28;
const mostElements = 2 ** 48;

/** The header's numbers. */
export interface Llama2cHeader {
  readonly dim: number;
  readonly hiddenDim: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabSize: number;
  readonly context: number;
  /** The head is the table of tokens. */
  readonly tied: boolean;
}

/** Where the values of one tensor stand. */
interface Place {
  readonly shape: readonly number[];
  /** Byte of its first value. */
  readonly start: number;
  /** Rows of one head where a head's rows come in another order than Hugging Face's, otherwise 0. */
  readonly headRows: number;
}

export interface Llama2cFile {
  readonly header: Llama2cHeader;
  /** In Hugging Face's names and order of rows. */
  readonly weights: Weights;
}

/** @throws InputError for a file of another kind or version, with numbers that do not fit together, or of another size than they ask for */
export async function openLlama2c(source: ByteSource): Promise<Llama2cFile> {
  const bytes = await source.read(0, Math.min(headerBytes, source.size));
  refuseForeign(bytes, source.name);
  if (bytes.length < headerBytes)
    throw new InputError(
      `${source.name}: found ${source.size} bytes, expected at least ${headerBytes} of a llama2.c model. The download or copy did not finish.`,
    );
  const header = readHeader(bytes, source.name);
  const places = layOut(header, source);
  return { header, weights: { tensors: tensorsOf(places), dtype: 'F32', read: reader(source, places) } };
}

function refuseForeign(bytes: Uint8Array, where: string): void {
  const first = String.fromCharCode(...bytes.subarray(0, 4));
  const kind =
    first === 'GGUF'
      ? 'a GGUF file'
      : first === '24ka'
        ? 'a llama2.c model of version 1 or 2'
        : first.startsWith('PK') || /^\x80[\x02-\x05]/.test(first)
          ? 'a PyTorch pickle, which can run foreign code and is never opened'
          : /^\s*<[!h]/i.test(first)
            ? 'a web page'
            : undefined;
  if (kind === undefined) return;
  throw new InputError(
    `${where}: found ${kind}, expected a llama2.c model of version 0 or a folder. Name the folder of the model in Hugging Face's form.`,
  );
}

function readHeader(bytes: Uint8Array, where: string): Llama2cHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const [dim, hiddenDim, layers, heads, kvHeads, vocab, context] = Array.from({ length: 7 }, (_, i) =>
    view.getInt32(4 * i, true),
  ) as [number, number, number, number, number, number, number];
  const vocabSize = Math.abs(vocab);
  const named = {
    dim,
    hidden_dim: hiddenDim,
    n_layers: layers,
    n_heads: heads,
    n_kv_heads: kvHeads,
    vocab_size: vocabSize,
    seq_len: context,
  };
  const fault = (text: string): never => {
    throw new InputError(
      `${where}: ${text}. The file is damaged, or no llama2.c model (its header: ${Object.values(named)}).`,
    );
  };
  for (const [name, value] of Object.entries(named))
    if (value < 1) fault(`${name}: found ${value}, expected 1 or more`);
  if (layers > 10_000) fault(`n_layers: found ${layers}, expected at most 10000`);
  if (dim % heads !== 0) fault(`n_heads: found ${heads}, but dim ${dim} is not divisible by ${heads}`);
  if ((dim / heads) % 2 !== 0)
    fault(`n_heads: found ${heads}, which makes heads of ${dim / heads}, expected an even size`);
  if (heads % kvHeads !== 0) fault(`n_kv_heads: found ${kvHeads}, but n_heads ${heads} is not divisible by ${kvHeads}`);
  return { dim, hiddenDim, layers, heads, kvHeads, vocabSize, context, tied: vocab > 0 };
}

/** Where every tensor stands. @throws InputError unless the file is exactly as long as its header asks for */
function layOut(header: Llama2cHeader, source: ByteSource): Map<string, Place> {
  const { dim, hiddenDim, layers, heads, kvHeads, vocabSize, context, tied } = header;
  const headSize = dim / heads;
  const kvDim = headSize * kvHeads;
  const places = new Map<string, Place>();
  let at = headerBytes;
  const put = (name: string, shape: number[], headRows = 0) => {
    places.set(name, { shape, start: at, headRows });
    at += 4 * elementsOf({ shape });
  };
  const each = (name: string, shape: number[], headRows = 0) => {
    for (let n = 0; n < layers; n++) put(`model.layers.${n}.${name}.weight`, shape, headRows);
  };
  put('model.embed_tokens.weight', [vocabSize, dim]);
  each('input_layernorm', [dim]);
  each('self_attn.q_proj', [dim, dim], headSize);
  each('self_attn.k_proj', [kvDim, dim], headSize);
  each('self_attn.v_proj', [kvDim, dim]);
  each('self_attn.o_proj', [dim, dim]);
  each('post_attention_layernorm', [dim]);
  each('mlp.gate_proj', [hiddenDim, dim]);
  each('mlp.down_proj', [dim, hiddenDim]);
  each('mlp.up_proj', [hiddenDim, dim]);
  put('model.norm.weight', [dim]);
  // Tables of cosines and sines, which follow from the positions and which nobody reads any more.
  at += 4 * context * headSize;
  if (!tied) put('lm_head.weight', [vocabSize, dim]);
  if (at > mostElements || at !== source.size)
    throw new InputError(
      `${source.name}: found ${source.size} bytes, expected ${at} for dim ${dim}, hidden_dim ${hiddenDim}, n_layers ${layers}, n_heads ${heads}, n_kv_heads ${kvHeads}, vocab_size ${vocabSize}, seq_len ${context}. ` +
        'The file is cut or damaged, or no llama2.c model.',
    );
  return places;
}

/** In Hugging Face's order: layer by layer. */
function tensorsOf(places: ReadonlyMap<string, Place>): ExpectedTensor[] {
  const layerOf = (name: string) =>
    Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? (name.includes('embed') ? -1 : Infinity));
  const tensors = [...places].map(([name, { shape }]) => ({ name, shape }));
  return tensors.sort((a, b) => {
    const [left, right] = [layerOf(a.name), layerOf(b.name)];
    return left === right ? 0 : left - right;
  });
}

function reader(source: ByteSource, places: ReadonlyMap<string, Place>): Weights['read'] {
  const values = async (name: string, from: number, to: number): Promise<Float32Array> => {
    const bytes = await source.read(places.get(name)!.start + 4 * from, 4 * (to - from));
    if (bytes.length !== 4 * (to - from))
      throw new InputError(
        `${source.name}: ${name}: found ${bytes.length} bytes, expected ${4 * (to - from)}. The file changed while it was read.`,
      );
    const data = new Float32Array(new Uint8Array(bytes).buffer);
    const at = firstNotFinite(data);
    if (at < 0) return data;
    throw new InputError(
      `${source.name}: ${name}: holds ${data[at]} (at ${from + at}), expected finite numbers. Its training failed or the file is damaged: take another checkpoint.`,
    );
  };
  return async (name, from, to) => {
    const { shape, headRows } = places.get(name)!;
    if (headRows === 0) return values(name, from, to);
    // There neighbours (2i, 2i+1) are turned by one angle, in Hugging Face's classes i and i + half.
    const read = (start: number, end: number) => values(name, start, end);
    return readHeads(read, headRows, shape[1]!, pairsApart)(from, to);
  };
}
