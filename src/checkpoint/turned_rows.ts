// Matrices in another order than their file has them, range by range.

/** The elements `from` to `to` (not included) of a tensor. */
type Read = (from: number, to: number) => Float32Array | Promise<Float32Array>;

/** A matrix (rows,columns) as (columns,rows). It must be had whole: it is kept from the first range to the last. */
export function readTransposed(read: Read, rows: number, columns: number): Read {
  const size = rows * columns;
  let kept: Float32Array | null = null;
  return async (from, to) => {
    kept = from === 0 || kept === null ? transposed(await read(0, size), rows, columns) : kept;
    const part = kept.slice(from, to);
    if (to === size) kept = null;
    return part;
  };
}

/** (rows,columns) -> (columns,rows) */
function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c]!;
  return turned;
}

/**
 * A matrix whose rows come in another order within each head. Heads are read whole, turned, and cut to what is asked for.
 * @param headRows rows of a head   @param source for a row of a head, which one of the file's it is
 */
export function readHeads(
  read: Read,
  headRows: number,
  columns: number,
  source: (row: number, headRows: number) => number,
): (from: number, to: number) => Promise<Float32Array> {
  const head = headRows * columns;
  return async (from, to) => {
    const part = new Float32Array(to - from);
    for (let start = Math.floor(from / head) * head; start < to; start += head) {
      const data = await read(start, start + head);
      const own = new Float32Array(head);
      for (let row = 0; row < headRows; row++) {
        const at = source(row, headRows) * columns;
        own.set(data.subarray(at, at + columns), row * columns);
      }
      const [begin, end] = [Math.max(from, start), Math.min(to, start + head)];
      part.set(own.subarray(begin - start, end - start), begin - from);
    }
    return part;
  };
}

/** Rows i and i + half, which are turned by one angle in Hugging Face's classes, become neighbours 2i and 2i + 1: `permute` of llama.py. */
export function pairsTogether(row: number, headRows: number): number {
  return (row % 2) * (headRows / 2) + (row >> 1);
}

/** The other way round: the even rows, then the odd ones. */
export function pairsApart(row: number, headRows: number): number {
  return row < headRows / 2 ? 2 * row : 2 * row - headRows + 1;
}
