// The recipe "by prompt": reports whose summaries follow from them, rows that ask for labels and summaries, and a run of a few steps.
import fs from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { factFigures, labelFigures, summaryFigures } from '../scripts/recipes/answer_figures.ts';
import { classifyRows, mixed, summariseRows } from '../scripts/recipes/instruction_rows.ts';
import { ARRIVALS, ASIDES, LANDINGS, UNITS } from '../scripts/recipes/report_words.ts';
import { CHOICES, FACTS, factsOf, firstNamed, makeReports, summaryOf } from '../scripts/recipes/reports.ts';
import { readExamples } from '../src/data/instruct/examples.ts';
import { jsonRows } from '../src/data/json_file.ts';
import { listing, scratchFolder, start } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const reports = makeReports(2000, 5);
const [first] = reports;

/** A sentence of a report as the pattern it was made of: a group for each name in braces. */
const pattern = (block: string) => new RegExp(`^${block.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>\\w+)')}$`);

/** The facts that a report tells, read by a program that knows how they are told. */
function factsIn(text: string): Record<string, string> {
  const sentences = text.match(/[^.]+\./g)!.map((each) => each.trim());
  const found: Record<string, string> = {};
  for (const block of [...ARRIVALS, ...LANDINGS]) {
    const length = block.match(/\./g)!.length;
    for (let i = 0; i + length <= sentences.length; i++) {
      const told = pattern(block).exec(sentences.slice(i, i + length).join(' '))?.groups;
      for (const [name, word] of Object.entries(told ?? {})) {
        expect(found[name] ?? word).toBe(word);
        found[name] = word;
      }
    }
  }
  const { unit, ...facts } = found;
  expect(unit).toBe(UNITS.get(facts.cargo!));
  return facts;
}

describe('reports', () => {
  test('are the same again from a seed, others from another, and more of them begin with fewer', () => {
    expect(makeReports(2000, 5)).toEqual(reports);
    expect(makeReports(50, 5)).toEqual(reports.slice(0, 50));
    expect(makeReports(50, 6)).not.toEqual(reports.slice(0, 50));
  });

  test('tell their facts once each, so that the summary follows from them, whatever else they name', () => {
    for (const { facts, text, summary } of reports) {
      expect(factsIn(text)).toEqual(facts);
      expect(summary).toBe(summaryOf(facts));
    }
  });

  test('have 5 to 8 sentences, of each number about as many', () => {
    const lengths = reports.map(({ text }) => text.match(/\./g)!.length);
    for (const n of [5, 6, 7, 8]) {
      const many = lengths.filter((length) => length === n).length;
      expect(Math.abs(many - 500)).toBeLessThan(100);
    }
    expect(lengths.every((n) => n >= 5 && n <= 8)).toBe(true);
  });

  test('are none twice, neither the text nor the facts', () => {
    expect(new Set(reports.map(({ text }) => text)).size).toBe(2000);
    expect(new Set(reports.map(({ summary }) => summary)).size).toBe(2000);
  });

  test('name every choice, and mislead who takes the first names', () => {
    for (const name of FACTS) expect(new Set(reports.map(({ facts }) => facts[name])).size).toBe(CHOICES[name].length);
    const { whole, facts } = factFigures(
      reports.map(({ text }) => firstNamed(text)),
      reports,
    );
    expect(whole).toBeLessThan(0.5);
    for (const name of FACTS) expect(facts[name]).toBeLessThan(0.85);
  });

  test('have facts that stand in no aside', () => {
    for (const aside of ASIDES)
      for (const name of ['day', 'amount', 'cargo', 'port']) expect(aside).not.toContain(`{${name}}`);
  });
});

describe('the facts of a summary', () => {
  test('are read back, as it is written and as a tokenizer of words writes it', () => {
    for (const { facts, summary } of reports) {
      expect(factsOf(summary)).toEqual(facts);
      expect(factsOf(summary.toLowerCase().replace(/[.,]/g, ' $&'))).toEqual(facts);
    }
  });

  test.each([
    '',
    'spam',
    'On Monday the Orion brought oil, 40 barrels.',
    'On Monday the Orion brought oil to Lisbon, 40 barrels. And home.',
    'On Monday the Orion brought oil to Lisbon, 40 sacks.',
    'On Monday the Orion brought oil to Lisbon, 19 barrels.',
    'On Lisbon the Orion brought oil to Monday, 40 barrels.',
  ])('are none in: %s', (text) => {
    expect(factsOf(text)).toBeNull();
  });
});

describe('rows', () => {
  const messages = Array.from({ length: 60 }, (_, i) => ({ text: `message ${i}`, label: i % 2, line: i + 1 }));
  const classes = ['ham', 'spam'];

  test('ask for the label in several wordings, each of which names the labels, and answer it', () => {
    const rows = classifyRows(messages, classes, 1);
    expect(rows.map(({ input, output }) => [input, output])).toEqual(
      messages.map(({ text, label }) => [text, classes[label]]),
    );
    const questions = new Set(rows.map(({ instruction }) => instruction));
    expect(questions.size).toBe(3);
    for (const question of questions) expect(question).toContain('ham or spam');
    expect(classifyRows(messages, classes, 1)).toEqual(rows);
    expect(classifyRows(messages, classes, 2)).not.toEqual(rows);
  });

  test('ask for the summary, and are mixed without loss', () => {
    const rows = summariseRows(reports.slice(0, 60), 1);
    expect(rows[0]).toMatchObject({ input: first!.text, output: first!.summary });
    const both = mixed([classifyRows(messages, classes, 1), rows], 4);
    const sorted = (list: readonly object[]) => list.map((row) => JSON.stringify(row)).sort();
    expect(sorted(both)).toEqual(sorted([...classifyRows(messages, classes, 1), ...rows]));
    expect(both.slice(0, 60).some(({ output }) => output.length > 4)).toBe(true);
  });
});

describe('figures', () => {
  test('of labels', () => {
    expect(labelFigures(['spam', 'Ham', 'egg', 'ham'], ['spam', 'ham', 'ham', 'spam'], ['ham', 'spam'])).toEqual({
      ...{ accuracy: 0.5, noLabel: 0.25 },
    });
  });

  test('of summaries', () => {
    const [a, b, c, d] = reports;
    const wrongDay = summaryOf({ ...b!.facts, day: b!.facts.day === 'Monday' ? 'Friday' : 'Monday' });
    expect(summaryFigures([a!.summary, wrongDay, c!.text, ''], [a!, b!, c!, d!])).toEqual({
      ...{ whole: 0.25, noSummary: 0.5 },
      facts: { day: 0.25, ship: 0.5, amount: 0.5, cargo: 0.5, port: 0.5 },
    });
  });
});

describe('the program', () => {
  const file = place.at('messages.tsv');
  const lines = Array.from({ length: 120 }, (_, i) => `${i % 2 ? 'spam\tcall now' : 'ham\thome later'} ${i}`);
  fs.writeFileSync(file, `${lines.join('\n')}\n`);

  test('writes rows of both kinds that instruction tuning reads, none to learn from among those to be judged by', async () => {
    const folder = place.at('rows');
    const words = [file, '--seed', '3', '--reports', '30', '--rows-only', folder];
    expect((await start('recipes/by-prompt', words)).code).toBe(0);
    const [train, judged] = ['train.json', 'test.json'].map((name) => {
      const { examples, form, notes } = readExamples(jsonRows(`${folder}/${name}`), name);
      expect([form, notes]).toEqual(["Alpaca's instructions", []]);
      return examples.map(({ input, messages }) => ({ input: input!, answer: messages.at(-1)!.content }));
    });
    expect([train!.length, judged!.length]).toEqual([84 + 30, 24 + 3]);
    const known = new Set(train!.map(({ input }) => input));
    expect(judged!.filter(({ input }) => known.has(input))).toEqual([]);
    for (const { input, answer } of [...train!, ...judged!])
      if (answer !== 'ham' && answer !== 'spam') expect(factsOf(answer)).toEqual(factsIn(input));
    const before = listing(folder);
    const again = await start('recipes/by-prompt', words);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('nothing is overwritten')]);
    expect(listing(folder)).toEqual(before);
  }, 60_000);

  test('reads, learns and answers: labels that one word tells are right after a few steps', async () => {
    const { code, lines: said } = await start('recipes/by-prompt', [file, '--seed', '3', '--reports', '10']);
    expect(code).toBe(0);
    const [head, reading, tuning, classify, summarise] = said;
    expect(head).toMatchObject({ messages: 84, reports: 10, testMessages: 24, testReports: 1 });
    expect(reading).toMatchObject({ reading: { rows: 96 + 10, steps: Math.ceil(106 / 32) } });
    expect(tuning).toMatchObject({ tuning: { rows: 94, steps: Math.ceil((5 * 94) / 16) } });
    expect(classify).toMatchObject({ classify: { accuracy: 1, noLabel: 0, naiveBayes: 1 } });
    const judged = makeReports(11, 3).slice(10);
    const named = judged.map(({ text }) => firstNamed(text));
    expect(summarise).toMatchObject({ summarise: { first: factFigures(named, judged) } });
  }, 300_000);

  test.each([
    [[], 'by-prompt: found no file, expected labelled messages'],
    [[file, '--seed', 'x'], '--seed: found "x", expected a whole number from 0. For example: --seed 1'],
    [[file, '--reports', '0'], '--reports: found "0", expected a whole number from 1. For example: --reports 2'],
  ])('refuses %j', async (words, sentence) => {
    const { code, stderr } = await start('recipes/by-prompt', words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
