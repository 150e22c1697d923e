// A product of two narrow matrices, added to a large one on the host: what an adapter amounts to once it is merged.

/** scale * left right.     left (rows,r)  right (r,columns) */
export interface LowRankProduct {
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly r: number;
  readonly columns: number;
  readonly scale: number;
}

/** Adds the product's elements, from number `from` on, to as many values in place: summed in float64, rounded once. */
export function addLowRank(
  values: Float32Array,
  from: number,
  { left, right, r, columns, scale }: LowRankProduct,
): void {
  const sums = new Float64Array(columns);
  for (let at = 0; at < values.length; ) {
    const row = Math.floor((from + at) / columns);
    const first = from + at - row * columns;
    const last = Math.min(columns, first + values.length - at);
    sums.fill(0);
    for (let k = 0; k < r; k++) {
      const factor = scale * left[row * r + k]!;
      for (let column = first; column < last; column++) sums[column]! += factor * right[k * columns + column]!;
    }
    for (let column = first; column < last; column++) values[at++]! += sums[column]!;
  }
}

/** (rows,columns) -> (columns,rows) */
export function transposed(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}
