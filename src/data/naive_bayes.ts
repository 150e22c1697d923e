// What needs no network: always the most frequent class, and naive Bayes over words. A classifier that does not beat these figures
// has learned nothing else.
import type { LabelledRow } from './labelled_rows.ts';

/** Gives a text the number of a class. */
export type TextClassifier = (text: string) => number;

/** Words of a text in small letters: runs of letters. Digits and punctuation are none. */
export function lettersOnly(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? [];
}

/** The class that most rows have, the first of several. */
export function majorityClass(rows: readonly LabelledRow[], classes: number): TextClassifier {
  const counts = countsOf(rows, classes);
  const most = counts.indexOf(Math.max(...counts));
  return () => most;
}

/**
 * Multinomial naive Bayes with Laplace smoothing: the class with the largest
 * log P(class) + sum over words of log((count(word, class) + 1) / (words(class) + V)).
 * Words that the rows do not have say nothing. Source: Manning, Raghavan and Schuetze 2008, Introduction to Information Retrieval,
 * 13.2.
 */
export function naiveBayes(rows: readonly LabelledRow[], classes: number, words = lettersOnly): TextClassifier {
  // Most words occur in few classes: the others are not kept.
  const counts = new Map<string, Map<number, number>>();
  const total = new Float64Array(classes);
  for (const { text, label } of rows)
    for (const word of words(text)) {
      let count = counts.get(word);
      if (!count) counts.set(word, (count = new Map()));
      count.set(label, (count.get(label) ?? 0) + 1);
      total[label]!++;
    }
  const priors = countsOf(rows, classes).map((n) => Math.log(n / rows.length));
  const smoothed = total.map((n) => Math.log(n + counts.size));
  return (text) => {
    const known = words(text).flatMap((word) => counts.get(word) ?? []);
    const scores = priors.map((prior, c) => prior - known.length * smoothed[c]!);
    for (const count of known) for (const [label, n] of count) scores[label]! += Math.log(n + 1);
    return scores.indexOf(Math.max(...scores));
  };
}

function countsOf(rows: readonly LabelledRow[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of rows) counts[label]!++;
  return counts;
}
