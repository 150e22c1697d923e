// The row and the column that a number stands in. Pure.

export function lineSums(
  values: Float32Array,
  { rows, columns }: { rows: number; columns: number },
  row: number,
  column: number,
): { ownRow: Float32Array; ownColumn: Float32Array; rowSum: number; columnSum: number } {
  const ownRow = values.slice(row * columns, (row + 1) * columns);
  const ownColumn = Float32Array.from({ length: rows }, (_, i) => values[i * columns + column]!);
  const sum = (line: Float32Array) => line.reduce((all, each) => all + each, 0);
  return { ownRow, ownColumn, rowSum: sum(ownRow), columnSum: sum(ownColumn) };
}
