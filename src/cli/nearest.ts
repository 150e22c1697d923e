// "Did you mean": finds the name that a mistyped one stands for. Used for commands, flags and choices.

/**
 * Edits (insert, delete, replace, swap of neighbours) between two words: the optimal string alignment distance,
 * Damerau 1964 with the recurrence of Wagner and Fischer 1974.
 */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/**
 * The name closest to `word`, or undefined when none is close: at most one edit for each three letters, or the word is the
 * name's beginning (`eval`), or its initials (`lr` for `learning-rate`).
 */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  if (word.length > 100) return undefined;
  const typed = word.toLowerCase();
  let found: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const initials = name
      .split('-')
      .map((part) => part[0] ?? '')
      .join('');
    const short = (typed.length >= 2 && initials === typed) || (typed.length >= 3 && name.startsWith(typed));
    const edits = short ? 1 : editDistance(typed, name);
    if (edits < fewest && edits <= Math.max(1, Math.floor(Math.max(typed.length, name.length) / 3))) {
      found = name;
      fewest = edits;
    }
  }
  return found;
}
