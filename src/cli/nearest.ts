// "Did you mean": finds the name that a mistyped one stands for. Used for commands, flags and choices.
import { editDistance } from '../checkpoint/edit_distance.ts';

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
