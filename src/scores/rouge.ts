// ROUGE-L: how much of a summary stands, in the same order, in the one that a person wrote. Source: Lin 2004 (Text Summarization
// Branches Out), 3.1, with recall and precision of equal weight.
import { referencesOf } from './corpus.ts';

/**
 * Tokens as the rouge_score package has them, without stemming: runs of a to z and 0 to 9 in small letters. Other letters divide
 * words, and a text in another script has none.
 */
export function rougeWords(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

/**
 * The mean over all texts of F1 = 2 LCS / (words of one + words of the other), 0 to 1, with the reference that gives the most:
 * LCS is the length of the longest common subsequence of words. 0 for a text without words.
 * @param references one list for each set of references, as long as the hypotheses
 * @throws InputError as referencesOf
 */
export function rougeL(hypotheses: readonly string[], references: readonly (readonly string[])[]): number {
  return meanOfBest(hypotheses, references, (said, expected) => {
    const [words, others] = [rougeWords(said), rougeWords(expected)];
    return words.length === 0 ? 0 : (2 * longestCommon(words, others)) / (words.length + others.length);
  });
}

/** Share of texts that are a reference to the letter, white space around them aside. @throws InputError as referencesOf */
export function exactMatch(hypotheses: readonly string[], references: readonly (readonly string[])[]): number {
  return meanOfBest(hypotheses, references, (said, expected) => (said.trim() === expected.trim() ? 1 : 0));
}

function meanOfBest(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  score: (said: string, expected: string) => number,
): number {
  const best = referencesOf(hypotheses, references).map((own, row) =>
    Math.max(...own.map((expected) => score(hypotheses[row]!, expected))),
  );
  return best.reduce((sum, each) => sum + each, 0) / best.length;
}

/** Length of the longest common subsequence: a row of the table at a time. */
function longestCommon(words: readonly string[], others: readonly string[]): number {
  const row = new Uint32Array(others.length + 1);
  for (const word of words) {
    let diagonal = 0;
    for (let j = 1; j <= others.length; j++) {
      const above = row[j]!;
      row[j] = word === others[j - 1] ? diagonal + 1 : Math.max(above, row[j - 1]!);
      diagonal = above;
    }
  }
  return row[others.length]!;
}
