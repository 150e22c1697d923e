// Slabs: many parameters (or gradients, or moments) as aligned slices of one buffer, so that the optimizer, the norm and
// zeroing are a few dispatches however many tensors a model has.
import { bytesOf, type DType, type MemoryClass, Tensor } from './tensor.ts';

/** f32 slices start at multiples of this many elements: 256 bytes, WebGPU's default alignment of a storage binding. */
export const SLAB_ALIGN = 64;

/** A slab is at most this large, the default limit of a storage binding in WebGPU, so that one layout fits every adapter. */
export const SLAB_BYTES = 128 * 2 ** 20;

/** Elements that a tensor of so many elements takes up in a slab. */
export function alignSlab(elements: number, dtype: DType = 'f32'): number {
  const align = (SLAB_ALIGN * bytesOf(1, 'f32')) / bytesOf(1, dtype);
  return Math.ceil(elements / align) * align;
}

/**
 * Lays real tensors out one behind the other in as few slabs as the limit allows, f32 and f16 apart, and returns the slabs. A tensor that is
 * larger than the limit gets a slab of its own. Padding is zero and stays zero. Tensors get their place before a machine first uses
 * them: afterwards their values would stay behind in buffers of their own.
 * @param limit bytes of a slab
 */
export function layOutSlabs(
  tensors: readonly Tensor[],
  name: string,
  memoryClass: MemoryClass,
  limit = SLAB_BYTES,
): Tensor[] {
  const groups: { members: Tensor[]; length: number; dtype: DType }[] = [];
  for (const tensor of tensors) {
    const { dtype } = tensor;
    const length = alignSlab(tensor.size, dtype);
    let group = groups.findLast((each) => each.dtype === dtype);
    if (!group || bytesOf(group.length + length, dtype) > limit)
      groups.push((group = { members: [], length: 0, dtype }));
    tensor.slabOffset = group.length;
    group.members.push(tensor);
    group.length += length;
  }
  return groups.map(({ members, length, dtype }, i) => {
    const slab = new Tensor({
      kind: members[0]!.kind,
      shape: [length],
      dtype,
      name: groups.length > 1 ? `${name}.${i}` : name,
      memoryClass,
      init: () => {
        const data = new Float32Array(length);
        for (const m of members) data.set(m.firstValues() ?? [], m.slabOffset);
        return data;
      },
    });
    for (const m of members) m.slab = slab;
    return slab;
  });
}
