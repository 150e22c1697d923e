// Rows of matrices in the order in which llama.cpp wants them, range by range.

import type { GgufTensor } from './gguf.ts';

type Read = GgufTensor['read'];

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

/** Rows of a head i and i + half, which are turned together, become neighbours 2i and 2i + 1: `permute` of llama.py. */
export function readPairs(read: Read, headRows: number, columns: number): Read {
  const head = headRows * columns;
  return async (from, to) => {
    const part = new Float32Array(to - from);
    for (let start = Math.floor(from / head) * head; start < to; start += head) {
      const data = await read(start, start + head);
      const own = new Float32Array(head);
      for (let row = 0; row < headRows; row++) {
        const source = (row % 2) * (headRows / 2) + (row >> 1);
        own.set(data.subarray(source * columns, (source + 1) * columns), row * columns);
      }
      const [begin, end] = [Math.max(from, start), Math.min(to, start + head)];
      part.set(own.subarray(begin - start, end - start), begin - from);
    }
    return part;
  };
}
