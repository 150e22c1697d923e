// Reads safetensors files, tensor by tensor and large tensors in parts, whatever the size of the file. The writer is beside it.
// Values are little-endian in the file, as on every platform that runs this.

import { InputError } from '../errors.ts';
import { halvesToFloat32 } from '../tensor/halves.ts';
import { firstTen, quoted } from './json.ts';
import { dtypeBytes, type HeaderLimits, parseHeader, readHeaderLength, type TensorInfo } from './safetensors_header.ts';

export {
  type Dtype,
  formatShape,
  type HeaderLimits,
  parseHeader,
  readHeaderLength,
  type TensorInfo,
} from './safetensors_header.ts';
export {
  type SafetensorsFile,
  type TensorEntry,
  type WrittenArray,
  type WrittenDtype,
  writeSafetensors,
} from './safetensors_write.ts';

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
   * @param from first element, `to` the one behind the last; by default all
   * @throws InputError if there is no such tensor, or the file became shorter meanwhile
   */
  async read(name: string, from = 0, to = this.size(name)): Promise<TensorArray> {
    const { dtype, start } = this.info(name);
    const width = dtypeBytes.get(dtype)!;
    const wanted = (to - from) * width;
    const bytes = await this.source.read(start + from * width, wanted);
    if (bytes.length !== wanted) {
      throw new InputError(
        `${this.name}: ${quoted(name)}: found ${bytes.length} bytes, expected ${wanted}. The file changed while it was read.`,
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

  /** The values of a weight, or a range of them. @throws InputError as `read` and `checkWeight` */
  async readFloat32(name: string, from = 0, to = this.size(name)): Promise<Float32Array> {
    this.checkWeight(name);
    return (await this.read(name, from, to)) as Float32Array;
  }

  /** Elements of one tensor. @throws InputError if there is none of this name */
  size(name: string): number {
    const { dtype, start, end } = this.info(name);
    return (end - start) / dtypeBytes.get(dtype)!;
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
