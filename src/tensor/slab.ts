// Slabs: many parameters (or gradients, or moments) as aligned slices of one buffer, so that the optimizer, the norm and
// zeroing are a few dispatches however many tensors a model has.
import { bytesOf, type MemoryClass, Tensor } from './tensor.ts';

/** Slices start at multiples of this many elements: 256 bytes, WebGPU's default alignment of a storage binding. */
export const SLAB_ALIGN = 64;

/** A slab is at most this large, the default limit of a storage binding in WebGPU, so that one layout fits every adapter. */
export const SLAB_BYTES = 128 * 2 ** 20;

/** Elements that a tensor of so many elements takes up in a slab. */
export function alignSlab(elements: number): number {
  return Math.ceil(elements / SLAB_ALIGN) * SLAB_ALIGN;
}

/**
 * Lays f32 tensors out one behind the other in as few slabs as the limit allows and returns the slabs. A tensor that is
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
  const groups: { members: Tensor[]; length: number }[] = [];
  for (const tensor of tensors) {
    const length = alignSlab(tensor.size);
    let group = groups.at(-1);
    if (!group || bytesOf(group.length + length, 'f32') > limit) groups.push((group = { members: [], length: 0 }));
    tensor.slabOffset = group.length;
    group.members.push(tensor);
    group.length += length;
  }
  return groups.map(({ members, length }, i) => {
    const slab = new Tensor({
      kind: members[0]!.kind,
      shape: [length],
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
