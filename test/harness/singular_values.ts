// Matrices of known singular values, and what Newton-Schulz must make of those.

/** A matrix whose singular values are the given numbers. */
export function diagonal(rows: number, cols: number, values: readonly number[]): Float32Array {
  const x = new Float32Array(rows * cols);
  for (const [i, value] of values.entries()) x[i * cols + i] = value;
  return x;
}

/** What Newton-Schulz makes of a matrix's singular values, one by one. */
export function lifted(values: readonly number[], times = 5): number[] {
  const norm = Math.hypot(...values);
  return values.map((value) => {
    let s = value / (norm + 1e-7);
    for (let i = 0; i < times; i++) s = 3.4445 * s - 4.775 * s ** 3 + 2.0315 * s ** 5;
    return s;
  });
}
