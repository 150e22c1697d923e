// The split patterns that files may name. A pattern from a file is never compiled: a foreign one can hang its reader. It is looked up
// here as text, and what the library gets is the text from here.

/** GPT-2's (Radford et al. 2019, encoder.py). */
export const GPT2_SPLIT = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

const ANY_CASE = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
/** The same without the flag, which older engines lack. The long s is a lower-case S, as for the library that wrote the files. */
const SPELLED_OUT = "(?:'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";

const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const FIRST = String.raw`[^\r\n\p{L}\p{N}]?`;

/** Llama 3's, SmolLM3's, and OpenAI's cl100k. */
export const LLAMA3_SPLIT = String.raw`${ANY_CASE}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|${REST}`;
/** Qwen2's and Qwen3's: one digit a piece. */
export const QWEN2_SPLIT = String.raw`${ANY_CASE}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|${REST}`;

/** The Digits step, one digit a piece or all that stand together. All that Unicode calls a number counts as a digit there. */
export function digits(individual: boolean): string {
  return individual ? '\\p{N}' : '\\p{N}+';
}

const KNOWN: readonly string[] = [
  GPT2_SPLIT,
  LLAMA3_SPLIT,
  QWEN2_SPLIT,
  // OpenAI's o200k.
  String.raw`${FIRST}${UPPER}*${LOWER}+${ANY_CASE}?|${FIRST}${UPPER}+${LOWER}*${ANY_CASE}?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
];

/** The pattern to compile for a pattern of a file; null for one that is not known. Each matches all of any text, piece by piece. */
export function knownSplit(pattern: string): string | null {
  return KNOWN.includes(pattern) ? pattern.replaceAll(ANY_CASE, SPELLED_OUT) : null;
}

/**
 * The last position at or after `from` where no piece of any pattern here can span, or 0. A piece with a letter or digit before its
 * end goes on with letters, digits, marks or a contraction alone; normalization reaches over marks alone.
 */
export function lastSplitCut(text: string, from: number): number {
  for (let at = text.length - 1; at >= Math.max(from, 1); at--) {
    if (/[\p{L}\p{N}\p{M}'’]/u.test(characterAt(text, at))) continue;
    const before = text.charCodeAt(at - 1);
    const start = (before & 0xfc00) === 0xdc00 && at >= 2 ? at - 2 : at - 1;
    if ((text.charCodeAt(at) & 0xfc00) !== 0xdc00 && /[\p{L}\p{N}]/u.test(characterAt(text, start))) return at;
  }
  return 0;
}

const characterAt = (text: string, at: number) => String.fromCodePoint(text.codePointAt(at)!);
