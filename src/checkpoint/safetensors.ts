// Reads and writes safetensors files, tensor by tensor: one tensor stands in memory at a time, whatever the size of the file.
// Values are little-endian in the file, as on every platform that runs this.

import { InputError } from '../errors.ts';
import { float32ToHalves, halvesToFloat32 } from '../tensor/halves.ts';
import { compareUtf8 } from './hash.ts';
import { firstTen, quoted } from './json.ts';
import {
  dtypeBytes,
  formatShape,
  type HeaderLimits,
  parseHeader,
  readHeaderLength,
  type TensorInfo,
} from './safetensors_header.ts';

export {
  type Dtype,
  formatShape,
  type HeaderLimits,
  parseHeader,
  readHeaderLength,
  type TensorInfo,
} from './safetensors_header.ts';

/** Where bytes come from: a file on disk, a `Blob`, an array. `read` gives exactly `length` bytes, or fewer at a cut end. */
export interface ByteSource {
  readonly name: string;
  readonly size: number;
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

export type TensorArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A byte source over an array in memory. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  return { name, size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** An open safetensors file: its tensors' descriptions, and their values on demand. */
export class SafetensorsReader {
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
  private readonly source: ByteSource;

  private constructor(source: ByteSource, tensors: Map<string, TensorInfo>, metadata: Map<string, string>) {
    this.name = source.name;
    this.source = source;
    this.tensors = tensors;
    this.metadata = metadata;
  }

  /** Reads and checks the header. @throws InputError as `parseHeader` */
  static async open(source: ByteSource, limits: HeaderLimits = {}): Promise<SafetensorsReader> {
    const first = await source.read(0, Math.min(8, source.size));
    const length = readHeaderLength(first, source.size, source.name, limits);
    const { tensors, metadata } = parseHeader(await source.read(0, 8 + length), source.size, source.name, limits);
    return new SafetensorsReader(source, tensors, metadata);
  }

  /**
   * The values of one tensor: F32, F16 and BF16 as Float32Array (exact), the others in their own type. A fresh array each time.
   * @throws InputError if there is no such tensor, or the file became shorter meanwhile
   */
  async read(name: string): Promise<TensorArray> {
    const { dtype, start, end } = this.info(name);
    const bytes = await this.source.read(start, end - start);
    if (bytes.length !== end - start) {
      throw new InputError(
        `${this.name}: ${quoted(name)}: found ${bytes.length} bytes, expected ${end - start}. The file changed while it was read.`,
      );
    }
    // The copy gives an aligned buffer of our own, whatever the source handed out.
    const buffer = new Uint8Array(bytes).buffer;
    switch (dtype) {
      case 'F32':
        return new Float32Array(buffer);
      case 'F16':
      case 'BF16':
        return halvesToFloat32(new Uint16Array(buffer), dtype);
      case 'F64':
        return new Float64Array(buffer);
      case 'I64':
        return new BigInt64Array(buffer);
      case 'I32':
        return new Int32Array(buffer);
      case 'U8':
      case 'BOOL':
        return new Uint8Array(buffer);
    }
  }

  /** The values of a weight. @throws InputError as `read` and `checkWeight` */
  async readFloat32(name: string): Promise<Float32Array> {
    this.checkWeight(name);
    return (await this.read(name)) as Float32Array;
  }

  /** @throws InputError if there is no such tensor, or its dtype is not one of weights: F32, F16, BF16 */
  checkWeight(name: string): void {
    const { dtype } = this.info(name);
    if (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16') return;
    throw new InputError(
      `${this.name}: ${quoted(name)}: dtype ${dtype}, expected F32, F16 or BF16 for a weight. Convert the file.`,
    );
  }

  private info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info) return info;
    const names = firstTen([...this.tensors.keys()].map(quoted));
    throw new InputError(
      `${this.name}: no tensor ${quoted(name)}; it has ${this.tensors.size}: ${names}. Take the file that belongs here.`,
    );
  }
}

export type WrittenDtype = 'F32' | 'F16' | 'BF16' | 'I32' | 'F64';
export type WrittenArray = Float32Array | Float64Array | Int32Array;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: WrittenDtype;
  readonly shape: readonly number[];
  /** Float32Array for F32, F16 and BF16, Int32Array for I32, Float64Array for F64; or a function that fetches it when its turn comes. */
  readonly data: WrittenArray | (() => WrittenArray | Promise<WrittenArray>);
}

/** A safetensors file about to be written: iterate it for its bytes, header first. */
export interface SafetensorsFile extends AsyncIterable<Uint8Array> {
  readonly header: Uint8Array;
  /** Bytes of the whole file. */
  readonly size: number;
}

/** What Hugging Face's libraries want to see in a checkpoint. */
const checkpointMetadata: ReadonlyMap<string, string> = new Map([['format', 'pt']]);

/**
 * Lays out a safetensors file. Tensors come by falling element size (so that all stay aligned, as Hugging Face's writer does),
 * then in byte order of their names: the same entries give the same bytes, in whatever order they come.
 * @throws Error if two entries share a name, or data (when its turn comes) does not fit its dtype and shape: faults of the caller
 */
export function writeSafetensors(
  entries: Iterable<TensorEntry>,
  metadata: ReadonlyMap<string, string> = checkpointMetadata,
): SafetensorsFile {
  const size = (entry: TensorEntry) => dtypeBytes.get(entry.dtype)!;
  const sorted = [...entries].sort((a, b) => size(b) - size(a) || compareUtf8(a.name, b.name));
  const fields: string[] = [];
  if (metadata.size > 0) {
    const texts = [...metadata]
      .sort(([a], [b]) => compareUtf8(a, b))
      .map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`);
    fields.push(`"__metadata__":{${texts}}`);
  }
  let offset = 0;
  const names = new Set<string>();
  for (const entry of sorted) {
    if (names.has(entry.name)) throw new Error(`writeSafetensors: ${quoted(entry.name)} given twice`);
    names.add(entry.name);
    const end = offset + elementsOf(entry.shape) * size(entry);
    fields.push(
      `${JSON.stringify(entry.name)}:{"dtype":"${entry.dtype}","shape":[${entry.shape}],"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return { header, size: header.length + offset, [Symbol.asyncIterator]: () => chunks(header, sorted) };
}

async function* chunks(header: Uint8Array, entries: readonly TensorEntry[]): AsyncGenerator<Uint8Array> {
  yield header;
  for (const entry of entries) {
    const data = typeof entry.data === 'function' ? await entry.data() : entry.data;
    const kind = entry.dtype === 'I32' ? Int32Array : entry.dtype === 'F64' ? Float64Array : Float32Array;
    if (!(data instanceof kind) || data.length !== elementsOf(entry.shape)) {
      throw new Error(
        `writeSafetensors: ${quoted(entry.name)}: ${data.length} values in a ${data.constructor.name} for ${entry.dtype} ${formatShape(entry.shape)}`,
      );
    }
    const stored =
      data instanceof Float32Array && (entry.dtype === 'F16' || entry.dtype === 'BF16')
        ? float32ToHalves(data, entry.dtype)
        : data;
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** All bytes of a stream in one array: for small files and tests. */
export async function collectBytes(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
