// Rows in three parts, and the figures that a classifier must beat.
import { describe, expect, test } from 'vitest';
import { classReport, classReportText } from '../src/data/confusion.ts';
import { readLabelled } from '../src/data/labelled.ts';
import type { LabelledRow } from '../src/data/labelled_rows.ts';
import { lettersOnly, majorityClass, naiveBayes } from '../src/data/naive_bayes.ts';
import { balanced, distinctNotes, distinctRows, seenBefore, splitRows } from '../src/data/split.ts';
import { InputError } from '../src/errors.ts';
import { testWith } from './harness/shared.ts';

const row = (text: string, label = 0, line = 1): LabelledRow => ({ text, label, line });
const rows = (n: number, labelOf: (i: number) => number = () => 0) =>
  Array.from({ length: n }, (_, i) => row(`text ${i}`, labelOf(i), i + 1));

describe('duplicates', () => {
  test('the first of each text stays; what goes is counted, contradictions too', () => {
    const distinct = distinctRows([row('a', 0, 1), row('b', 1, 2), row('a', 0, 3), row('a', 1, 4), row('A', 1, 5)]);
    expect(distinct.rows.map(({ line }) => line)).toEqual([1, 2, 5]);
    expect(distinctNotes('x.tsv', distinct)).toEqual([
      'x.tsv: 2 rows whose text stands before them were left out, the first is line 3.',
      'x.tsv: 1 of them has another label than the row that stays, the first is line 4.',
    ]);
    expect(distinctNotes('x.tsv', distinctRows(rows(3)))).toEqual([]);
  });

  test('rows of one part that are in another are counted', () => {
    expect(seenBefore([row('a'), row('b'), row('a')], [row('a'), row('c')])).toBe(2);
  });
});

describe('parts', () => {
  test('70, 10 and 20 of 100, every row in one of them', () => {
    const { train, validation, test: last } = splitRows(rows(100), { seed: 4 });
    expect([train.length, validation.length, last.length]).toEqual([70, 10, 20]);
    expect(new Set([...train, ...validation, ...last]).size).toBe(100);
    expect(train.map(({ line }) => line)).not.toEqual(rows(70).map(({ line }) => line));
  });

  test('a seed gives the same parts again, another one others', () => {
    const lines = (seed: number) => splitRows(rows(50), { seed }).test.map(({ line }) => line);
    expect(lines(4)).toEqual(lines(4));
    expect(lines(4)).not.toEqual(lines(5));
  });

  test('balanced: as many rows of each class as the smallest has, by chance', () => {
    const unbalanced = rows(100, (i) => (i % 10 === 0 ? 1 : 0));
    const { train, validation, test: last } = splitRows(unbalanced, { seed: 4, balance: true });
    const kept = [...train, ...validation, ...last];
    expect(kept.filter(({ label }) => label === 0)).toHaveLength(10);
    expect(kept.filter(({ label }) => label === 1)).toHaveLength(10);
    const chosen = (seed: number) => balanced(unbalanced, seed).map(({ line }) => line);
    expect(chosen(1)).not.toEqual(chosen(2));
  });

  test.each([
    [0.29, 0.01, 100, [29, 1, 70]],
    [0.7, 0.1, 30, [21, 3, 6]],
    [0.8, 0, 10, [8, 0, 2]],
  ])('shares %d and %d of %i rows', (train, validation, n, sizes) => {
    const parts = splitRows(rows(n), { seed: 0, train, validation });
    expect([parts.train.length, parts.validation.length, parts.test.length]).toEqual(sizes);
  });

  test('too few rows and odd shares are refused', () => {
    expect(() => splitRows(rows(3), { seed: 0 })).toThrow(
      'split: found 3 rows of different texts, too few for a validation part of 10 %. Add rows.',
    );
    expect(() => splitRows(rows(30), { seed: 0, train: 0.9, validation: 0.2 })).toThrow(InputError);
    expect(() => splitRows(rows(30), { seed: 0, train: Number.NaN })).toThrow(InputError);
  });
});

describe('baselines', () => {
  test('the majority', () => {
    expect(
      majorityClass(
        rows(5, (i) => (i < 3 ? 1 : 0)),
        2,
      )('whatever'),
    ).toBe(1);
  });

  test('words are runs of letters in small ones', () => {
    expect(lettersOnly("Don't CALL 0800 größer!")).toEqual(['don', 't', 'call', 'größer']);
  });

  test("naive Bayes by hand: the book's example of China and Japan", () => {
    // Manning, Raghavan and Schuetze 2008, example 13.1: P(c | d5) ~ 3/4 (3/7)^3 (1/14)^2 = 0.0003, P(not c | d5) ~ 0.0001.
    const documents = [
      row('Chinese Beijing Chinese', 1),
      row('Chinese Chinese Shanghai', 1),
      row('Chinese Macao', 1),
      row('Tokyo Japan Chinese', 0),
    ];
    const classify = naiveBayes(documents, 2);
    expect(classify('Chinese Chinese Chinese Tokyo Japan')).toBe(1);
    // 3/4 3/7 (1/14)^2 = 0.0016 against 1/4 2/9 (2/9)^2 = 0.0027: with one word less it turns.
    expect(classify('Chinese Tokyo Japan')).toBe(0);
    expect(classify('words that nobody knows')).toBe(1);
  });

  test('a class without a row is never said', () => {
    expect(
      naiveBayes(
        rows(5, (i) => i % 2),
        3,
      )('text 3 strange'),
    ).toBeLessThan(2);
  });

  test('the report: confusions, precision, recall, F1', () => {
    const report = classReport([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0], ['ham', 'spam', 'never']);
    expect(report.confusion).toEqual([
      [3, 1, 0],
      [1, 1, 0],
      [0, 0, 0],
    ]);
    expect(report.accuracy).toBe(4 / 6);
    expect(report.classes).toEqual([
      { name: 'ham', rows: 4, precision: 3 / 4, recall: 3 / 4, f1: 3 / 4 },
      { name: 'spam', rows: 2, precision: 1 / 2, recall: 1 / 2, f1: 1 / 2 },
      { name: 'never', rows: 0, precision: null, recall: null, f1: null },
    ]);
    expect(classReportText(report)).toBe(
      [
        'class  rows  precision %  recall %   F1 %  said ham  said spam  said never',
        'ham       4        75.00     75.00  75.00         3          1           0',
        'spam      2        50.00     50.00  50.00         1          1           0',
        'never     0            -         -      -         0          0           0',
        'accuracy 66.67 %',
      ].join('\n'),
    );
  });
});

const sms = '../shared/data/classify/sms-spam.tsv';

testWith(
  sms,
  'the SMS collection: 403 duplicates, 653 different spam messages, and what counting words reaches',
  () => {
    const set = readLabelled(sms);
    const { rows: different, dropped } = distinctRows(set.rows);
    expect([set.rows.length, dropped, different.length]).toEqual([5574, 403, 5171]);
    const means = [10, 11, 12, 13].map((seed) => {
      const { train, test: last } = splitRows(different, { seed, balance: true });
      expect(train.length).toBe(Math.floor(0.7 * 2 * 653));
      const classify = naiveBayes(train, 2);
      return last.filter(({ text, label }) => classify(text) === label).length / last.length;
    });
    const mean = means.reduce((sum, each) => sum + each) / means.length;
    expect(mean).toBeGreaterThan(0.94);
    expect(mean).toBeLessThan(0.98);
  },
);
