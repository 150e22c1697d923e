// The order in which a model is asked about many rows: those of one width together, so that few shapes are planned.

/** Tokens a batch, about. */
const TOKENS = 4096;

export interface RowBatch {
  /** Numbers of the rows, as many as a power of two: the last batch of a width is filled up with a row that it has already. */
  readonly numbers: readonly number[];
  /** How many of them are meant: the first ones. */
  readonly some: number;
}

/**
 * Every row once, narrow ones first.
 * @param count of rows   @param widthOf tokens of row i in a batch, its padding included
 */
export function* rowBatches(count: number, widthOf: (i: number) => number): Generator<RowBatch> {
  const byWidth = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const width = widthOf(i);
    const same = byWidth.get(width);
    if (same) same.push(i);
    else byWidth.set(width, [i]);
  }
  for (const [width, same] of [...byWidth].sort(([a], [b]) => a - b)) {
    const most = 2 ** Math.floor(Math.log2(Math.max(1, TOKENS / width)));
    for (let at = 0; at < same.length; at += most) {
      const some = same.slice(at, at + most);
      const together = 2 ** Math.ceil(Math.log2(some.length));
      yield { numbers: Array.from({ length: together }, (_, i) => some[i] ?? some[0]!), some: some.length };
    }
  }
}
