// Writes safetensors files: the header is laid out from names and shapes alone, then tensor after tensor follows, large ones in parts.

import { InputError } from '../errors.ts';
import { float32ToHalves } from '../tensor/halves.ts';
import { compareUtf8 } from './hash.ts';
import { quoted } from './json.ts';
import { partRanges } from './parts.ts';
import { dtypeBytes, formatShape } from './safetensors_header.ts';

export type WrittenDtype = 'F32' | 'F16' | 'BF16' | 'I32' | 'F64';
export type WrittenArray = Float32Array | Float64Array | Int32Array;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: WrittenDtype;
  readonly shape: readonly number[];
  /**
   * Float32Array for F32, F16 and BF16, Int32Array for I32, Float64Array for F64; or a function that fetches the elements `from` to
   * `to` (not included) when their turn comes, in order, at most PART_ELEMENTS of them.
   */
  readonly data: WrittenArray | ((from: number, to: number) => WrittenArray | Promise<WrittenArray>);
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
 * While it is read it throws InputError for a finite value that F16 cannot hold.
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
    const elements = elementsOf(entry.shape);
    if (typeof entry.data !== 'function') {
      yield stored(entry, entry.data, 0, elements);
      continue;
    }
    for (const { from, to } of partRanges(elements)) yield stored(entry, await entry.data(from, to), from, to);
  }
}

function stored({ name, dtype, shape }: TensorEntry, data: WrittenArray, from: number, to: number): Uint8Array {
  const kind = dtype === 'I32' ? Int32Array : dtype === 'F64' ? Float64Array : Float32Array;
  if (!(data instanceof kind) || data.length !== to - from) {
    throw new Error(
      `writeSafetensors: ${quoted(name)}: ${data.length} values in a ${data.constructor.name} for ${dtype} ${formatShape(shape)}`,
    );
  }
  const array =
    data instanceof Float32Array && (dtype === 'F16' || dtype === 'BF16') ? halves(name, data, dtype) : data;
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** @throws InputError for a finite value that would become infinite */
export function halves(name: string, data: Float32Array, dtype: 'F16' | 'BF16'): Uint16Array {
  const rounded = float32ToHalves(data, dtype);
  const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80;
  let at = 0;
  while (at < rounded.length && ((rounded[at]! & 0x7fff) !== infinity || !Number.isFinite(data[at]))) at++;
  if (at === rounded.length) return rounded;
  const largest = dtype === 'F16' ? '65504' : '3.39e38';
  throw new InputError(
    `${quoted(name)}: holds ${data[at]}, expected at most ${largest}, the largest ${dtype}. Write ${dtype === 'F16' ? 'bf16 or f32' : 'f32'} instead.`,
  );
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
