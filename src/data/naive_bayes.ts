// What needs no network: always the most frequent class, and naive Bayes over words. A classifier that does not beat these figures
// has learned nothing else.
import type { LabelledRow } from './labelled.ts';

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
  const counts = new Map<string, Float64Array>();
  const total = new Float64Array(classes);
  for (const { text, label } of rows)
    for (const word of words(text)) {
      let count = counts.get(word);
      if (!count) {
        count = new Float64Array(classes);
        counts.set(word, count);
      }
      count[label]!++;
      total[label]!++;
    }
  const priors = countsOf(rows, classes).map((n) => Math.log(n / rows.length));
  const smoothed = total.map((n) => Math.log(n + counts.size));
  return (text) => {
    const scores = [...priors];
    for (const word of words(text)) {
      const count = counts.get(word);
      if (count) for (let c = 0; c < classes; c++) scores[c]! += Math.log(count[c]! + 1) - smoothed[c]!;
    }
    return scores.indexOf(Math.max(...scores));
  };
}

function countsOf(rows: readonly LabelledRow[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of rows) counts[label]!++;
  return counts;
}
