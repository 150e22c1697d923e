// The text of a cell or field as it is kept.
import { InputError } from '../errors.ts';

/** Characters of a text that are kept: more than any context holds. */
const LONGEST_TEXT = 2 ** 20;

/**
 * A text as it is kept; '' for one without.
 * @param where `FILE: line N`   @param notes gets a sentence about the first that is cut
 * @throws InputError for a NUL character
 */
export function usableText(text: string | null, where: string, notes: string[]): string {
  if (text === null || !/\S/.test(text)) return '';
  if (text.includes('\0')) throw new InputError(`${where}: found a NUL character, expected text. Repair the line.`);
  if (text.length <= LONGEST_TEXT) return text;
  const end = (text.charCodeAt(LONGEST_TEXT) & 0xfc00) === 0xdc00 ? LONGEST_TEXT - 1 : LONGEST_TEXT;
  // One note is enough where a file is full of them.
  const note = `${where}: found a text of ${text.length} characters, cut to its first ${end}; longer ones after it too.`;
  if (!notes.some((each) => each.endsWith('longer ones after it too.'))) notes.push(note);
  return text.slice(0, end);
}
