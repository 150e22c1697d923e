// A matrix as a picture with few cells, and what is said of all its numbers. Pure.

export interface MapWindow {
  row: number;
  column: number;
  rows: number;
  columns: number;
}

export interface PooledMap {
  /** So many rows and columns of the matrix are one cell. */
  pool: readonly [rows: number, columns: number];
  mapRows: number;
  mapColumns: number;
  /** Row by row: of the numbers of a cell the one of the largest size, with its sign; one that is not finite before all others. */
  cells: Float32Array;
}

/**
 * A part of a matrix in at most so many cells.
 * @param values row by row @param columns of the matrix @param most cells down and across, at least 1
 */
export function pooledMap(
  values: Float32Array,
  columns: number,
  window: MapWindow,
  most: readonly [rows: number, columns: number],
): PooledMap {
  const pool = [Math.ceil(window.rows / most[0]), Math.ceil(window.columns / most[1])] as const;
  const [mapRows, mapColumns] = [Math.ceil(window.rows / pool[0]), Math.ceil(window.columns / pool[1])];
  const cells = new Float32Array(mapRows * mapColumns);
  for (let i = 0; i < window.rows; i++) {
    const from = (window.row + i) * columns + window.column;
    const to = Math.floor(i / pool[0]) * mapColumns;
    for (let j = 0; j < window.columns; j++) {
      const at = to + Math.floor(j / pool[1]);
      const [value, known] = [values[from + j]!, cells[at]!];
      if (!Number.isFinite(known)) continue;
      if (!Number.isFinite(value) || Math.abs(value) > Math.abs(known)) cells[at] = value;
    }
  }
  return { pool, mapRows, mapColumns, cells };
}

export interface ValueStatistics {
  /** Of all that are finite; NaN where none is. */
  least: number;
  most: number;
  mean: number;
  deviation: number;
  /** Where colours end: the 99.9th percentile of the sizes, or the largest size where that is 0. */
  scale: number;
  notFinite: number;
}

export function valueStatistics(values: Float32Array): ValueStatistics {
  let [least, most, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
    count++;
  }
  if (count === 0) {
    const none = Number.NaN;
    return { least: none, most: none, mean: none, deviation: none, scale: 0, notFinite: values.length };
  }
  const mean = sum / count;
  // A second pass: the difference of two large sums would be wrong where the mean is large.
  let squares = 0;
  for (const value of values) if (Number.isFinite(value)) squares += (value - mean) ** 2;
  const largest = Math.max(-least, most);
  const scale = sizeAt(values, count, 0.999) || largest;
  return { least, most, mean, deviation: Math.sqrt(squares / count), scale, notFinite: values.length - count };
}

/** The size that this share of the finite numbers does not exceed, exactly, without sorting: sizes are ordered as their bits are. */
function sizeAt(values: Float32Array, count: number, share: number): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let left = Math.ceil(share * count);
  const half = (of: (size: number) => number | null) => {
    const counts = new Uint32Array(2 ** 16);
    for (let i = 0; i < bits.length; i++) {
      if (!Number.isFinite(values[i]!)) continue;
      const at = of(bits[i]! & 0x7fff_ffff);
      if (at !== null) counts[at]!++;
    }
    let at = 0;
    while (left > counts[at]!) left -= counts[at++]!;
    return at;
  };
  const high = half((size) => size >>> 16);
  const low = half((size) => (size >>> 16 === high ? size & 0xffff : null));
  return new Float32Array(Uint32Array.of((high << 16) | low).buffer)[0]!;
}
