// Words and punctuation as the evaluations of WMT count them. Source: mteval-v13a.pl of NIST, in the form that sacreBLEU gave it:
// its rules know ASCII alone, so that characters of other scripts stay with their words.
import { spaced, WHITE_SPACE } from './words.ts';

const AT_END = new RegExp(`[${WHITE_SPACE}]+$`);
// Every printable character of ASCII but letters, digits, apostrophe, comma, hyphen and full stop.
const PUNCTUATION = /([{-~[-` -&(-+:-@/])/gu;

/** Tokens of a line. White space at its end, and how much of it there is between words, do not matter. */
export function tokenize13a(line: string): string[] {
  const plain = line
    .replace(AT_END, '')
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  const apart = ` ${plain} `
    .replace(PUNCTUATION, ' $1 ')
    // Full stops and commas stay in numbers: a digit on both sides.
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/gu, '$1 $2 ');
  return spaced(apart);
}
