// Tokens as they are shown one by one, so that no space is taken for nothing. Pure.
import { printable } from '../../../src/data/printable.ts';

/** Spaces as mid-dots, line ends and tabs as arrows; what is no whole character by itself as a box. */
export function tokenText(token: string): string {
  if (token === '') return '\u25af';
  return printable(token.replace(/\r?\n/g, '\u21b5').replace(/\t/g, '\u2192').replace(/ /g, '\u00b7'), true);
}
