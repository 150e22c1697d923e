// How right answers are: a label is the expected one or not, or is none at all; a summary tells each fact rightly or not.
import { FACTS, type Facts, factsOf, type Report } from './reports.ts';

export interface LabelFigures {
  /** Shares of all answers: the expected label, in whatever capital letters; none of the labels. */
  accuracy: number;
  noLabel: number;
}

export function labelFigures(
  answers: readonly string[],
  expected: readonly string[],
  labels: readonly string[],
): LabelFigures {
  const same = (a: string, b: string) => a.trim().toLowerCase() === b.toLowerCase();
  return {
    accuracy: share(answers, (answer, i) => same(answer, expected[i]!)),
    noLabel: share(answers, (answer) => !labels.some((label) => same(answer, label))),
  };
}

export interface SummaryFigures {
  /** Shares of all summaries: every fact is right; the sentence is none of its kind. */
  whole: number;
  noSummary: number;
  /** How often each fact is right. */
  facts: Record<keyof Facts, number>;
}

export function summaryFigures(answers: readonly string[], reports: readonly Report[]): SummaryFigures {
  const told = answers.map(factsOf);
  return { ...factFigures(told, reports), noSummary: share(told, (facts) => facts === null) };
}

/** @param told what was said of each report, as far as anything was */
export function factFigures(
  told: readonly (Partial<Facts> | null)[],
  reports: readonly Report[],
): Pick<SummaryFigures, 'whole' | 'facts'> {
  const right = (name: keyof Facts) => (facts: Partial<Facts> | null, i: number) =>
    facts?.[name] === reports[i]!.facts[name];
  return {
    whole: share(told, (facts, i) => FACTS.every((name) => right(name)(facts, i))),
    facts: Object.fromEntries(FACTS.map((name) => [name, share(told, right(name))])) as Record<keyof Facts, number>,
  };
}

/** Of the list, where the condition holds. */
function share<T>(list: readonly T[], holds: (each: T, i: number) => boolean): number {
  return list.filter(holds).length / list.length;
}
