// The twin's own copy of parameters and state: one float64 array a slab or single tensor; a slice of a slab is a window of it.
import { InputError } from '../errors.ts';
import { roundedToHalf } from '../tensor/halves.ts';
import { checkWritten, type DType, type HostArray, type Tensor } from '../tensor/tensor.ts';

/** Numbers of one value: real ones in float64, whole ones in their own type. */
export type Numbers = Float64Array | Int32Array | Uint32Array;

/** f32 widens exactly. */
export function widen(data: HostArray | Float64Array): Numbers {
  return data instanceof Float32Array ? new Float64Array(data) : data.slice();
}

/** float64 is rounded to the nearest f32. */
export function narrow(data: Numbers): HostArray {
  return data instanceof Float64Array ? new Float32Array(data) : data.slice();
}

/** What storing leaves of the numbers: those of f16 are rounded to it, all others stay as they are. */
export function stored(dtype: DType, data: Numbers): Numbers {
  return dtype === 'f16' ? roundedToHalf(data as Float64Array) : data;
}

/** Zeros. */
export function zeros(tensor: Tensor): Numbers {
  const kinds = { f32: Float64Array, f16: Float64Array, i32: Int32Array, u32: Uint32Array };
  return new kinds[tensor.dtype](tensor.size);
}

export class TwinStore {
  #arrays = new Map<Tensor, Numbers>();

  /** The live values of a parameter or of state: writing to the array changes it. */
  values(tensor: Tensor): Numbers {
    if (!tensor.persistent) {
      throw new InputError(
        `${tensor}: only parameters and state can be read and written; return other values from the compiled function.`,
      );
    }
    const root = tensor.slab ?? tensor;
    let array = this.#arrays.get(root);
    if (!array) {
      const first = root.firstValues();
      this.#arrays.set(root, (array = first ? stored(root.dtype, widen(first)) : zeros(root)));
    }
    return array.subarray(tensor.slabOffset, tensor.slabOffset + tensor.size);
  }

  /** @throws InputError as checkWritten */
  write(tensor: Tensor, data: HostArray | Float64Array, start?: number): void {
    checkWritten(tensor, data, start);
    this.values(tensor).set(stored(tensor.dtype, data as Numbers), start);
  }

  release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) this.#arrays.delete(tensor.slab ?? tensor);
  }

  clear(): void {
    this.#arrays.clear();
  }
}
