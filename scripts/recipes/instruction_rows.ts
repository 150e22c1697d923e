// Labelled texts and reports as instructions, in Alpaca's form: what is to be done is asked in words, each time in others.
import type { LabelledRow } from '../../src/data/labelled_rows.ts';
import { randomBelow, shuffled } from '../../src/data/shuffled.ts';
import type { Report } from './reports.ts';

export interface InstructionRow {
  readonly instruction: string;
  readonly input: string;
  readonly output: string;
}

const SUMMARISE: readonly string[] = [
  'Summarise this report in one sentence.',
  'What matters in this report?',
  'Say in one sentence which ship brought what.',
];

/** @param labels that are asked for, such as spam or ham */
const classify = (labels: string): readonly string[] => [
  `Is this message ${labels}?`,
  `Say whether this message is ${labels}.`,
  `Which is it, ${labels}?`,
];

/** The answer is the name of the class. @param seed of the wordings */
export function classifyRows(rows: readonly LabelledRow[], classes: readonly string[], seed: number): InstructionRow[] {
  const questions = classify(classes.join(' or '));
  return rows.map(({ text, label }, i) => ({
    ...{ instruction: one(questions, seed ^ CLASSIFY, i), input: text, output: classes[label]! },
  }));
}

/** The answer is the summary. @param seed of the wordings */
export function summariseRows(reports: readonly Report[], seed: number): InstructionRow[] {
  return reports.map(({ text, summary }, i) => ({
    ...{ instruction: one(SUMMARISE, seed ^ REPORT, i), input: text, output: summary },
  }));
}

/** Rows of several kinds in an order by chance. */
export function mixed(kinds: readonly (readonly InstructionRow[])[], seed: number): InstructionRow[] {
  const rows = kinds.flat();
  return rows.map((_, i) => rows[shuffled(i, rows.length, seed, 0)]!);
}

const one = (wordings: readonly string[], seed: number, i: number) =>
  wordings[randomBelow(wordings.length, seed, 0, i)]!;

// Streams of the seed.
const CLASSIFY = 0x636c6166;
const REPORT = 0x73756d6d;
