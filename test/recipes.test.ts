// The recipes in scripts/recipes: whole runs on little files, and the baseline that they have of their own.
import fs from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { linearSvm } from '../scripts/recipes/linear_svm.ts';
import { readLabelled } from '../src/data/labelled.ts';
import { naiveBayes, type TextClassifier } from '../src/data/naive_bayes.ts';
import { distinctRows, splitRows } from '../src/data/split.ts';
import { scratchFolder, start } from './harness/program.ts';
import { testWith } from './harness/shared.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const row = (text: string, label: number, line = 1) => ({ text, label, line });

test('a linear machine learns an order of words, which counting words cannot', () => {
  const rows = Array.from({ length: 40 }, (_, i) => row(i % 2 ? `not good ${i}` : `good not ${i}`, i % 2));
  const machine = linearSvm(rows, 1);
  expect(['so not good', 'so good not'].map(machine)).toEqual([1, 0]);
  expect(machine('nothing of it')).toBeTypeOf('number');
});

const sms = '../shared/data/classify/sms-spam.tsv';

testWith(sms, 'on messages it is better than naive Bayes', () => {
  const { rows } = distinctRows(readLabelled(sms).rows);
  const [machine, bayes] = [linearSvm, naiveBayes].map((learn) => {
    const shares = [10, 11, 12, 13].map((seed) => {
      const { train, test: last } = splitRows(rows, { seed, balance: true });
      const says: TextClassifier = learn(train, 2);
      return last.filter(({ text, label }) => says(text) === label).length / last.length;
    });
    return shares.reduce((sum, share) => sum + share) / shares.length;
  });
  expect(machine).toBeGreaterThan(bayes!);
  expect(machine).toBeLessThan(0.99);
});

test('sms-spam: a line for a split and one of means, from a little file', async () => {
  const file = place.at('messages.tsv');
  const words = ['call', 'now', 'free', 'lunch', 'home', 'later'];
  const lines = Array.from({ length: 60 }, (_, i) => {
    const own = i % 2 ? words.slice(0, 3) : words.slice(3);
    return `${i % 2 ? 'spam' : 'ham'}\t${own[i % 3]} ${own[(i >> 1) % 3]} ${own[(i >> 2) % 3]} ${i}`;
  });
  fs.writeFileSync(file, `${[...lines, lines[0]].join('\n')}\n`);
  const { code, lines: said } = await start('recipes/sms-spam', [file, '--seeds', '3']);
  expect(code).toBe(0);
  const [head, result, end] = said;
  expect(head).toMatchObject({ rows: 61, dropped: 1 });
  expect(result).toMatchObject({ seed: 3, testRows: 12, naiveBayes: 1, linearSvm: 1 });
  for (const key of ['fromNothing', 'pretrained']) expect(result![key]).toBeGreaterThan(0.9);
  expect(end).toMatchObject({ means: { naiveBayes: 1 } });
}, 120_000);
