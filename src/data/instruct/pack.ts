// Several examples in one context, so that little of it is padding.

/** Rows that are packed together come from so many neighbours: time stays linear in their number, and order stays near the file's. */
const WINDOW = 1024;

/**
 * Which rows stand together, each in one pack: of every window of the rows the longest first, each into the first pack that has room
 * (first-fit decreasing; Johnson 1974). Rows of equal length keep their order.
 * @param lengths columns of each row, at most `capacity`
 */
export function packs(lengths: readonly number[], capacity: number): number[][] {
  const all: number[][] = [];
  for (let from = 0; from < lengths.length; from += WINDOW) {
    const window = Array.from({ length: Math.min(WINDOW, lengths.length - from) }, (_, i) => from + i);
    window.sort((a, b) => lengths[b]! - lengths[a]! || a - b);
    const open: { rows: number[]; room: number }[] = [];
    for (const row of window) {
      let pack = open.find(({ room }) => room >= lengths[row]!);
      if (!pack) open.push((pack = { rows: [], room: capacity }));
      pack.rows.push(row);
      pack.room -= lengths[row]!;
    }
    all.push(...open.map(({ rows }) => rows));
  }
  return all;
}
