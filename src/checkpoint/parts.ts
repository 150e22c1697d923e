// Large tensors are read, converted and written in parts, so that memory does not depend on the model.

/** Elements of a tensor that are read or written together at most: 16 MiB of float32. */
export const PART_ELEMENTS = 2 ** 22;

/** A part's first element, and the one behind its last. */
export interface PartRange {
  readonly from: number;
  readonly to: number;
}

/** Consecutive ranges of so many elements, none longer than a part; none at all of nothing. */
export function* partRanges(elements: number): Generator<PartRange> {
  for (let from = 0; from < elements; from += PART_ELEMENTS)
    yield { from, to: Math.min(elements, from + PART_ELEMENTS) };
}
