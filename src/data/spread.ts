/** So many numbers below `count`, as far from each other as they can be: some rows that stand for all of them. */
export function spread(count: number, wanted: number): number[] {
  const some = Math.min(count, wanted);
  return Array.from({ length: some }, (_, i) => Math.floor((i * count) / some));
}
