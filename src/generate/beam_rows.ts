// Where the texts of a beam search stand in a cache: each in the row of the one it came from, unless a better one has taken that. So few
// rows are copied, and never one that another is copied from.

/** A row that becomes a copy of row `from` behind the first `begin` new tokens, which it has already. */
export interface Copied {
  row: number;
  from: number;
  begin: number;
}

export class BeamRows {
  /** Of each live text. */
  of: readonly number[] = [0];
  /** What stands in each row. */
  #held: (readonly number[])[];

  constructor(beams: number) {
    this.#held = Array.from({ length: beams }, () => []);
  }

  /**
   * @param parents for each text that lives on, which one it came from     @param texts what those are, before they go on
   * @returns the rows that change
   */
  advance(parents: readonly number[], texts: readonly (readonly number[])[]): Copied[] {
    const held = this.#held;
    texts.forEach((ids, i) => {
      held[this.of[i]!] = ids;
    });
    const taken = new Set<number>();
    const first = parents.map((parent) => {
      const row = this.of[parent]!;
      if (taken.has(row)) return null;
      taken.add(row);
      return row;
    });
    const free = held.map((_, row) => row).filter((row) => !taken.has(row));
    const copied: Copied[] = [];
    this.of = first.map((own, i) => {
      if (own !== null) return own;
      const [row, from] = [free.shift()!, this.of[parents[i]!]!];
      copied.push({ row, from, begin: commonPrefix(held[row]!, held[from]!) });
      return row;
    });
    for (const { row, from } of copied) held[row] = held[from]!;
    return copied;
  }
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}
