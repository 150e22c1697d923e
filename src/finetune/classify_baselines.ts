// What a classifier is measured beside: the accuracy of what needs no network.
import type { LabelledRow } from '../data/labelled_rows.ts';
import { majorityClass, naiveBayes, type TextClassifier } from '../data/naive_bayes.ts';
import type { Split } from '../data/split.ts';

export type Part = 'train' | 'validation' | 'test';

export interface ClassBaseline {
  [name: string]: number;
  majority: number;
  naiveBayes: number;
}

/** Of the parts that are measured; of the test part only where there is one. */
export function classBaselines(
  parts: Split<LabelledRow>,
  classes: number,
): { validation: ClassBaseline } & { [part: string]: ClassBaseline } {
  const [majority, bayes] = [majorityClass(parts.train, classes), naiveBayes(parts.train, classes)];
  const accuracy = (rows: readonly LabelledRow[], says: TextClassifier) =>
    rows.filter(({ text, label }) => says(text) === label).length / rows.length;
  const of = (rows: readonly LabelledRow[]) => ({
    majority: accuracy(rows, majority),
    naiveBayes: accuracy(rows, bayes),
  });
  return { validation: of(parts.validation), ...(parts.test.length > 0 && { test: of(parts.test) }) };
}

export function classBaselineText({ majority, naiveBayes: bayes }: ClassBaseline): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  return `beside it: always the most frequent class ${percent(majority)}, naive Bayes over words ${percent(bayes)}`;
}
