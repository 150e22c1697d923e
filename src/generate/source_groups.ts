// Which sources are translated together: those of about one length, since all are padded to the longest.

/**
 * Numbers of the sources, a list for each group, from the shortest on.
 * @param lengths of the sources in tokens     @param most sources of a group
 */
export function* sourceGroups(lengths: readonly number[], most: number): Generator<number[]> {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  let group: number[] = [];
  for (const i of order) {
    const shortest = lengths[group[0] ?? i]!;
    if (group.length === most || lengths[i]! > 2 * shortest + 8) {
      yield group;
      group = [];
    }
    group.push(i);
  }
  if (group.length > 0) yield group;
}
