// Words between white space, and runs of them, as Python counts them: the scores that people compare were defined there.

/** White space of Python's str.split: unlike JavaScript's it has the separators 1C to 1F and the next line, and no byte order mark. */
export const WHITE_SPACE = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;

const BETWEEN = new RegExp(`[${WHITE_SPACE}]+`);

/** What stands between white space. */
export function spaced(text: string): string[] {
  return text.split(BETWEEN).filter((word) => word !== '');
}

/** How often each run of `n` words occurs, by the words with a space between them. */
export function countRuns(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at + n <= words.length; at++) add(counts, words.slice(at, at + n).join(' '));
  return counts;
}

export function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** How many are in both, each as often as where it is rarer. */
export function common(counts: ReadonlyMap<string, number>, others: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [key, count] of counts) sum += Math.min(count, others.get(key) ?? 0);
  return sum;
}
