// Words as Hugging Face's pre-tokenizer "Whitespace" cuts them: runs of word characters, and runs of all others but white space.
// Every text is words and what stands between them, which is dropped.

/** \w and \s of Rust's regular expressions, which that library uses: all of Unicode's, unlike JavaScript's. */
const WORD_CHARACTER = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;
const WORD = new RegExp(`[${WORD_CHARACTER}]+|[^${WORD_CHARACTER}\\p{White_Space}]+`, 'gu');

export function wordsOf(text: string): string[] {
  return text.match(WORD) ?? [];
}

/** Small letters, character by character: unlike a text's, those of a final sigma do not depend on what follows. */
export function lowercase(text: string): string {
  return text.includes('Σ') ? Array.from(text, (character) => character.toLowerCase()).join('') : text.toLowerCase();
}

/** The last position at or after `from` where white space begins, which no word spans; 0 where there is none. */
export function lastWordCut(text: string, from: number): number {
  for (let at = text.length - 1; at >= Math.max(from, 1); at--) if (/\p{White_Space}/u.test(text[at]!)) return at;
  return 0;
}
