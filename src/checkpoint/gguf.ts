// Writes GGUF files, which llama.cpp reads: a header of typed values by key, then tensors at aligned places, in parts.
// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little-endian).

import { quoted } from './json.ts';
import { partRanges } from './parts.ts';
import { halves } from './safetensors_write.ts';
import { elementsOf, type WeightDtype } from './weights.ts';

/** A value of the header with its type; `strings` and the like are arrays. */
export type GgufValue =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly float32s: readonly number[] }
  | { readonly int32s: readonly number[] };

/** A tensor whose rows lie one behind the other, as in safetensors. */
export interface GgufTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: WeightDtype;
  /** The elements `from` to `to`, asked for in order. */
  read(from: number, to: number): Float32Array | Promise<Float32Array>;
}

/** Iterate it for its bytes, header first. */
export interface GgufFile extends AsyncIterable<Uint8Array> {
  /** Bytes of the whole file. */
  readonly size: number;
}

const VERSION = 3;
/** Tensors begin at multiples of so many bytes. */
const ALIGNMENT = 32;
/** Numbers of types in the header. */
const TYPES = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
/** Numbers of types of tensors. */
const TENSOR_TYPES = { F32: 0, F16: 1, BF16: 30 } as const;

/** Lays out a file. @throws Error if two tensors share a name; while it is read as the tensors do, and for values that the dtype cannot hold */
export function writeGguf(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): GgufFile {
  if (new Set(tensors.map(({ name }) => name)).size < tensors.length) throw new Error('writeGguf: a name given twice');
  const out = new Bytes();
  out.raw(new TextEncoder().encode('GGUF'));
  out.uint32(VERSION);
  out.uint64(tensors.length);
  out.uint64(metadata.size);
  for (const [key, value] of metadata) {
    out.string(key);
    writeValue(out, value);
  }
  let offset = 0;
  for (const { name, shape, dtype } of tensors) {
    out.string(name);
    out.uint32(shape.length);
    // The axis whose elements are neighbours comes first there.
    for (const size of [...shape].reverse()) out.uint64(size);
    out.uint32(TENSOR_TYPES[dtype]);
    out.uint64(offset);
    offset += aligned(bytesOf({ shape, dtype }));
  }
  const header = out.padded();
  return { size: header.length + offset, [Symbol.asyncIterator]: () => chunks(header, tensors) };
}

async function* chunks(header: Uint8Array, tensors: readonly GgufTensor[]): AsyncGenerator<Uint8Array> {
  yield header;
  for (const tensor of tensors) {
    const { name, dtype } = tensor;
    for (const { from, to } of partRanges(elementsOf(tensor))) {
      const data = await tensor.read(from, to);
      if (data.length !== to - from)
        throw new Error(`writeGguf: ${quoted(name)}: ${data.length} values, expected ${to - from}`);
      const stored = dtype === 'F32' ? data : halves(name, data, dtype);
      yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    }
    const bytes = bytesOf(tensor);
    if (aligned(bytes) > bytes) yield new Uint8Array(aligned(bytes) - bytes);
  }
}

function bytesOf(tensor: Pick<GgufTensor, 'shape' | 'dtype'>): number {
  return elementsOf(tensor) * (tensor.dtype === 'F32' ? 4 : 2);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function writeValue(out: Bytes, value: GgufValue): void {
  const array = (type: number, { length }: readonly unknown[]) => {
    out.uint32(TYPES.array);
    out.uint32(type);
    out.uint64(length);
  };
  if ('uint32' in value) {
    out.uint32(TYPES.uint32);
    out.uint32(value.uint32);
  } else if ('float32' in value) {
    out.uint32(TYPES.float32);
    out.float32(value.float32);
  } else if ('bool' in value) {
    out.uint32(TYPES.bool);
    out.raw(Uint8Array.of(value.bool ? 1 : 0));
  } else if ('string' in value) {
    out.uint32(TYPES.string);
    out.string(value.string);
  } else if ('strings' in value) {
    array(TYPES.string, value.strings);
    for (const each of value.strings) out.string(each);
  } else if ('float32s' in value) {
    array(TYPES.float32, value.float32s);
    for (const each of value.float32s) out.float32(each);
  } else {
    array(TYPES.int32, value.int32s);
    for (const each of value.int32s) out.uint32(each >>> 0);
  }
}

/** Bytes that grow. */
class Bytes {
  #bytes = new Uint8Array(2 ** 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#room(4), value, true);
  }

  uint64(value: number): void {
    this.#view.setBigUint64(this.#room(8), BigInt(value), true);
  }

  float32(value: number): void {
    this.#view.setFloat32(this.#room(4), value, true);
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.uint64(bytes.length);
    this.raw(bytes);
  }

  /** Everything, with zeros up to the alignment. */
  padded(): Uint8Array {
    this.raw(new Uint8Array(aligned(this.#length) - this.#length));
    return this.#bytes.slice(0, this.#length);
  }

  #room(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
