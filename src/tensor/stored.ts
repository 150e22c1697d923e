// Values between the host and a device. The host holds real numbers as float32; what a device stores as f16 is converted here.
import { float32ToHalves, halvesToFloat32 } from './halves.ts';
import { bytesOf, type DType, type HostArray } from './tensor.ts';

/** Bytes that WebGPU writes and copies for so many elements: whole words. */
export function storedBytes(count: number, dtype: DType): number {
  return Math.ceil(bytesOf(count, dtype) / 4) * 4;
}

/** What a device stores for these values, in whole words: an odd number of halves is followed by a zero. */
export function toStored(dtype: DType, values: HostArray): ArrayBufferView<ArrayBuffer> {
  if (dtype !== 'f16') return values as ArrayBufferView<ArrayBuffer> & HostArray;
  const halves = new Uint16Array(storedBytes(values.length, dtype) / 2);
  halves.set(float32ToHalves(values as Float32Array, 'F16'));
  return halves;
}

/** `count` values out of what a device stores: over the buffer itself where they fill it, else as an array of their own. */
export function fromStored(dtype: DType, bytes: ArrayBuffer, offset: number, count: number): HostArray {
  if (dtype === 'f16') return halvesToFloat32(new Uint16Array(bytes, offset, count), 'F16');
  const size = bytesOf(count, dtype);
  // A save reads every slab so: a copy would double what the host holds of the largest.
  const own = size === bytes.byteLength ? bytes : bytes.slice(offset, offset + size);
  return dtype === 'f32' ? new Float32Array(own) : dtype === 'i32' ? new Int32Array(own) : new Uint32Array(own);
}
