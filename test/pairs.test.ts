// Pairs of texts: read from tables, JSONL and aligned files, dealt out by their sources, and turned into ids; and what is refused.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { tokenizer } from '../src/cli/tokenizer.ts';
import { alignedLines } from '../src/data/pairs/aligned_lines.ts';
import { encodePairs } from '../src/data/pairs/encode_pairs.ts';
import { trainPairTokenizer } from '../src/data/pairs/pair_tokenizer.ts';
import { type Pair, type PairFiles, pairsOfTable, readPairs } from '../src/data/pairs/read_pairs.ts';
import { splitPairs } from '../src/data/pairs/split_pairs.ts';
import type { TableForm } from '../src/data/table_columns.ts';
import { ByteTokenizer, CharTokenizer } from '../src/data/tokenizer.ts';
import { trainWords } from '../src/data/word_train.ts';
import { InputError } from '../src/errors.ts';
import { shaderformer } from './cli_home.ts';
import { damaged, damages, jsonMutants } from './harness/mutants.ts';
import { testWith } from './harness/shared.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pairs-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

function written(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return file;
}

const read = (name: string, content: string | Uint8Array, columns: PairFiles = {}) =>
  readPairs({ data: written(name, content), ...columns });

const aligned = (source: string | Uint8Array, target: string | Uint8Array) =>
  readPairs({ source: written('a.en', source), target: written('a.de', target) });

const texts = ({ pairs }: { pairs: readonly Pair[] }) => pairs.map(({ source, target }) => [source, target]);

/** What is said, without the folder. */
function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message.replaceAll(`${folder}/`, '');
  }
  return 'accepted';
}

/** Notes and warnings, without the folder. */
const said = (sentences: readonly string[]) => sentences.map((each) => each.replaceAll(`${folder}/`, ''));

const lines = (...rows: string[]) => `${rows.join('\n')}\n`;
const many = <T>(n: number, row: (i: number) => T) => Array.from({ length: n }, (_, i) => row(i));

describe('pairs are read', () => {
  test('from TSV without names: the first two columns, the others not, and that is told', () => {
    const set = read('a.tsv', lines('Go.\tVa !\tby someone', '', 'Run!\tCours\u202f!\tby someone'));
    expect(set.pairs).toEqual([
      { source: 'Go.', target: 'Va !', line: 1 },
      { source: 'Run!', target: 'Cours\u202f!', line: 3 },
    ]);
    expect(said(set.notes)).toEqual([
      'a.tsv: line 1: no names of columns: column 1 is the source, column 2 the target; column 3 is not read.',
    ]);
    expect(set.warnings).toEqual([]);
    expect(said(read('b.tsv', lines('Go.\tVa !')).notes)).toEqual([
      'b.tsv: line 1: no names of columns: column 1 is the source, column 2 the target.',
    ]);
  });

  test('from columns with names, wherever they stand, and with others', () => {
    expect(texts(read('c.tsv', lines('target\tid\tsource', 'Va !\t1\tGo.')))).toEqual([['Go.', 'Va !']]);
    const names = { sourceColumn: 'fr', targetColumn: 'en' };
    const csv = '\ufeffid,en,fr\r\n1,"Go, ""now""","Va\r\nvite"\r\n';
    expect(texts(read('d.csv', csv, names))).toEqual([['Va\nvite', 'Go, "now"']]);
  });

  test('from columns by number, which turns a table around', () => {
    const set = read('e.tsv', lines('Go.\tVa !\tby', 'Run.\tCours.\tby'), { sourceColumn: '2', targetColumn: '1' });
    expect(texts(set)).toEqual([
      ['Va !', 'Go.'],
      ['Cours.', 'Run.'],
    ]);
    expect(set.notes).toEqual([]);
  });

  test('a first line that looks like names and was read as a pair is told', () => {
    const set = read('f.tsv', lines('English\tFrench', 'Go.\tVa !'));
    expect(set.pairs).toHaveLength(2);
    expect(said(set.warnings)).toEqual([
      'f.tsv: line 1: read as a pair ("English", "French"), though it looks like names of columns. If it is, give them: --source-column "English" --target-column "French".',
    ]);
  });

  test('from JSONL, also out of a "translation"', () => {
    const rows = ['{"source":"Go.","target":"Va !","more":[1]}', '', '{"target":"Cours","source":"Run"}'];
    expect(texts(read('a.jsonl', lines(...rows)))).toEqual([
      ['Go.', 'Va !'],
      ['Run', 'Cours'],
    ]);
    const names = { sourceColumn: 'en', targetColumn: 'fr' };
    expect(texts(read('b.jsonl', '{"id":1,"translation":{"en":"Go.","fr":"Va !"}}', names))).toEqual([['Go.', 'Va !']]);
    expect(refusal(() => read('c.jsonl', '{"translation":{"en":"Go.","de":"Los"}}', names))).toContain(
      'c.jsonl: line 1: found no "fr"; it has',
    );
  });

  test('from two files whose lines belong together, with CRLF, a mark of the byte order and blank lines at an end', () => {
    const set = aligned('\ufeffGo.\r\nRun.\r\n', 'Va !\nCours.\n\n\n');
    expect(texts(set)).toEqual([
      ['Go.', 'Va !'],
      ['Run.', 'Cours.'],
    ]);
    expect(said([set.name])).toEqual(['a.en and a.de']);
    expect(texts(aligned('Go.\nRun.', 'Va !\nCours.'))).toHaveLength(2);
  });

  test('every character in one way (NFC), nothing around a text, all that is inside', () => {
    expect(texts(read('g.tsv', lines('  cafe\u0301  au  lait \t\u00a0Kaffee\u2003 ')))).toEqual([
      ['caf\u00e9  au  lait', 'Kaffee'],
    ]);
  });

  test('what is empty or stood before is dropped, counted, and the first line told', () => {
    const set = read('h.tsv', lines('a\tb', ' \tb', 'c\td', 'e\t', 'a\tb', 'a\tB', 'c\td', 'a\tB'));
    expect(set.pairs.map(({ line }) => line)).toEqual([1, 3, 6]);
    expect(said(set.notes).slice(1)).toEqual([
      'h.tsv: 2 pairs without a source or a target were dropped, the first is line 2.',
      'h.tsv: 3 pairs that stand before them were dropped, the first is line 5.',
    ]);
    const kept = read('h.tsv', lines('a\tb', ' \tb', 'a\tb'), { keepRepeated: true });
    expect([kept.pairs.map(({ line }) => line), kept.notes.length]).toEqual([[1, 3], 2]);
    expect(said(aligned('a\n\nb\na\n', 'x\n\ny\nx\n').notes)).toEqual([
      'a.en and a.de: 1 pair without a source or a target was dropped, the first is line 2.',
      'a.en and a.de: 1 pair that stands before it was dropped, the first is line 4.',
    ]);
  });
});

describe('what cannot be is refused in a sentence', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['one column', lines('Go.\tVa !', 'Run.'), 'x.tsv: line 2: found 1 column, expected 2 with tabs between.'],
    ['one column from the first', lines('Go.', 'Run.'), 'x.tsv: line 1: found 1 column, expected 2 with tabs between.'],
    ['a tab too many', lines('Go.\tVa !', 'a\tb\tc'), 'x.tsv: line 2: found 3 columns, expected 2 with tabs between.'],
    ['one name alone', lines('source\tfr', 'a\tb'), 'x.tsv: line 1: found no "target"; it has'],
    ['a name twice', lines('source\ttarget\tsource', 'a\tb\tc'), 'found the column "source" twice'],
    ['no pair', lines('\t', ' \t '), 'x.tsv: found no rows, expected sources with their targets.'],
    ['only empty sides', lines('a\t', '\tb'), 'x.tsv: found no pairs of texts, expected some.'],
    ['nothing', '', 'x.tsv: found an empty file, expected text.'],
    ['a NUL', `${'a\tb\n'.repeat(40_000)}c\0\td\n`, 'x.tsv: line 40001: found a NUL character, expected text.'],
    ['a NUL early', 'a\0\tb\n', 'x.tsv: found binary data (a NUL byte at byte 1), expected text.'],
    ['UTF-16', Uint8Array.of(0xff, 0xfe, 0x61, 0), 'x.tsv: found UTF-16 text'],
    ['Latin-1', Uint8Array.from([...Buffer.from('a\tb\nc\t'), 0xe9, 10]), '(line 2: E9 0A), expected UTF-8.'],
  ])('%s', (_, content, message) => expect(refusal(() => read('x.tsv', content))).toContain(message));

  test('columns', () => {
    const table = lines('en\tfr', 'Go.\tVa !');
    const refused = (columns: PairFiles, content = table) => refusal(() => read('y.tsv', content, columns));
    expect(refused({ sourceColumn: 'en', targetColumn: 'frr' })).toBe(
      'y.tsv: line 1: found no "frr"; it has "fr", is that it? Name the column with --target-column.',
    );
    expect(refused({ sourceColumn: '1', targetColumn: '3' })).toContain('y.tsv: line 1: found no "1"; it has');
    expect(refused({ sourceColumn: 'target' })).toContain(
      '--target-column: found "target", which is the source column too, expected another. Name both.',
    );
    expect(refused({ sourceColumn: 'en' })).toContain('found no "target"');
    expect(refusal(() => read('y.jsonl', '{"source":"a","target":1}'))).toContain(
      'y.jsonl: line 1: "target": found number 1, expected text. Name another field with --target-column.',
    );
    expect(refusal(() => read('y.jsonl', '{"source":"a","targt":"b"}'))).toContain('it has "targt", is that it?');
    expect(refusal(() => read('y.jsonl', '{"source":"a","target":"b"}\n{"source":"a","tar'))).toContain('line 2');
  });

  test('files: none, both kinds, one side, the same, another format', () => {
    expect(refusal(() => readPairs({}))).toContain('--data: found nothing, expected a file of pairs.');
    expect(refusal(() => readPairs({ data: 'a', source: 'b' }))).toContain('--data: found beside --source');
    expect(refusal(() => readPairs({ source: 'b' }))).toContain('--source: found without --target, expected both');
    expect(refusal(() => readPairs({ target: 'b' }))).toContain('--target: found without --source, expected both');
    const own = written('own', 'a\n');
    expect(refusal(() => readPairs({ source: own, target: own }))).toContain('which is the file of --source too');
    expect(refusal(() => readPairs({ source: own, target: path.join(folder, 'no') }))).toBe(
      'no: found nothing there, expected a text file or a folder of them. Check --target.',
    );
    expect(refusal(() => readPairs({ source: own, target: folder }))).toContain('found a folder, expected one file');
    const other = { data: path.join(folder, 'no'), flagPrefix: 'validation-' };
    expect(refusal(() => readPairs(other))).toContain('Check --validation-data.');
    const again = `${path.dirname(own)}/./${path.basename(own)}`;
    expect(refusal(() => readPairs({ source: own, target: again }))).toContain('which is the file of --source too');
    expect(refusal(() => readPairs({ source: own, target: written('b', 'b'), sourceColumn: '1' }))).toContain(
      '--source-column: found beside --source and --target',
    );
    expect(refusal(() => read('p.parquet', 'PAR1'))).toContain('found a Parquet table, expected TSV, CSV or JSONL.');
    expect(refusal(() => read('p.json', '[\n{"source":"a"}]'))).toContain('found a JSON list');
  });

  test('files of unequal length: both counts, and the first line that has no partner', () => {
    expect(refusal(() => aligned('a\nb\nc\n', 'x\ny\n'))).toBe(
      'a.en and a.de: found 3 and 2 lines, expected as many in both: line 3 of a.en has no partner ("c"). ' +
        'A line may be missing anywhere before it: make both files again from the same pairs.',
    );
    expect(refusal(() => aligned('a\n', 'x\n\n\ny\nz'))).toContain(
      'a.de and a.en: found 5 and 1 lines, expected as many in both: line 4 of a.de has no partner ("y").',
    );
    expect(refusal(() => aligned('a\nb', ' \n'))).toContain('found 2 and 1 lines');
  });
});

describe('what is probably a mistake is told', () => {
  const words = (n: number) => many(n, (i) => `w${i}`).join(' ');
  const lengths = (i: number) => 3 + ((i * 7919) % 23);

  test('sides of very different lengths', () => {
    const rows = many(40, (i) => `${words(lengths(i))} ${i}\t${words(lengths(i))}`);
    expect(read('r.tsv', lines(...rows)).warnings).toEqual([]);
    rows[20] = `short\t${words(100)}`;
    expect(said(read('s.tsv', lines(...rows)).warnings)).toEqual([
      's.tsv: 1 pair has sides of very different lengths, it is line 21 (5 and 389 characters). Look whether they belong together.',
    ]);
  });

  test('a file that is shifted by a line; summaries are no mistake', () => {
    const long = (i: number) => `${words(lengths(i))} ${i}`;
    expect(aligned(lines(...many(200, long)), lines(...many(200, long))).warnings).toEqual([]);
    const shifted = aligned(lines(...many(200, long)), lines(...many(200, (i) => long(i + 1))));
    expect(said(shifted.warnings).join()).toMatch(/have nothing to do with each other \(correlation -?0\.\d\d\)/);
    const summaries = many(200, (i) => `${words(30 * lengths(i))} ${i}\t${words(5)}`);
    expect(read('t.tsv', lines(...summaries)).warnings).toEqual([]);
  });
});

describe('damaged files', () => {
  const table = lines('source\ttarget', ...many(6, (i) => `text, "number" ${i} é\tText 😀${i}\r`));
  const csv = lines('target,source', ...many(6, (i) => `Text${i},"text, ""number"" ${i}\nof é😀"`));
  const object = { source: 'a b c', target: 'd', translation: { en: 'x', other: [null] } };

  /** Pairs, or the sentence. */
  function outcome(make: () => { pairs: readonly Pair[] }): void {
    try {
      const { pairs } = make();
      expect(pairs.length).toBeGreaterThan(0);
      const seen = new Set(pairs.map(({ source, target }) => JSON.stringify([source, target])));
      expect(seen.size).toBe(pairs.length);
      for (const { source, target } of pairs)
        for (const text of [source, target]) {
          expect(text).toMatch(/^\S(?:[\s\S]*\S)?$/);
          expect(text.normalize('NFC')).toBe(text);
        }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.message.length).toBeLessThan(2000);
    }
  }

  const split = (text: string) => text.split('\n').map((each) => (each.endsWith('\r') ? each.slice(0, -1) : each));
  const mutant = (form: TableForm, text: string) => outcome(() => pairsOfTable('x', form, () => split(text)));

  test.each([
    ['tsv', table],
    ['csv', csv],
  ] as const)('%s: every mutant gives pairs or a sentence', (form, text) => {
    const bytes = new TextEncoder().encode(text);
    fc.assert(
      fc.property(damages(), (list) => mutant(form, new TextDecoder().decode(damaged(bytes, list)))),
      { numRuns: 500 },
    );
  });

  test('jsonl: every mutant gives pairs or a sentence', () => {
    fc.assert(
      fc.property(jsonMutants(object), (text) =>
        mutant('jsonl', `${JSON.stringify({ ...object, source: 'q' })}\n${text}`),
      ),
      { numRuns: 300 },
    );
  });

  test('two files, their bytes damaged', () => {
    const bytes = new TextEncoder().encode(lines(...many(8, (i) => `text ${i} é😀\r`)));
    fc.assert(
      fc.property(damages(), damages(), (a, b) => outcome(() => aligned(damaged(bytes, a), damaged(bytes, b)))),
      { numRuns: 100 },
    );
  });
});

test('lines of any number are read one at a time', () => {
  let ahead = 0;
  function* file(by: number): Generator<string> {
    for (let i = 0; i < 2000; i++) {
      ahead += by;
      expect(Math.abs(ahead)).toBeLessThanOrEqual(1);
      yield `line ${i}`;
    }
  }
  let count = 0;
  for (const { line } of alignedLines({ file: 'a', lines: file(1) }, { file: 'b', lines: file(-1) })) count = line;
  expect(count).toBe(2000);
});

describe('pairs are dealt out', () => {
  const pairs = many(1000, (i) => ({ source: `source ${i % 700}`, target: `target ${i}`, line: i + 1 }));
  const options = { validationPart: 0.1, testPart: 0.05, seed: 7, name: 'x' };

  test('all of one source to one part, in the order of the file, shares as asked for', () => {
    const parts = splitPairs(pairs, options);
    const sources = [parts.train, parts.validation, parts.test].map((part) => new Set(part.map((pair) => pair.source)));
    expect(new Set(sources.flatMap((set) => [...set])).size).toBe(sources.reduce((sum, set) => sum + set.size, 0));
    expect([parts.validation.length, parts.test.length]).toEqual([100, 50]);
    expect(parts.train.length).toBe(850);
    for (const part of [parts.train, parts.validation, parts.test])
      expect(part.map(({ line }) => line)).toEqual(part.map(({ line }) => line).sort((a, b) => a - b));
  });

  test('the same from a seed, others from another, whatever the order of the file', () => {
    const test = (rows: typeof pairs, seed = 7) =>
      new Set(splitPairs(rows, { ...options, seed }).test.map(({ source }) => source));
    expect(test([...pairs])).toEqual(test(pairs));
    expect(test(pairs, 8)).not.toEqual(test(pairs));
    const single = pairs.slice(0, 700);
    expect(test([...single].reverse())).toEqual(test(single));
  });

  test('none for a part of 0; a part that would be empty is refused', () => {
    const { train, validation, test } = splitPairs(pairs, { ...options, validationPart: 0, testPart: 0 });
    expect([train.length, validation, test]).toEqual([1000, [], []]);
    const few = (n: number, more = {}) => refusal(() => splitPairs(pairs.slice(0, n), { ...options, ...more }));
    expect(few(5)).toBe(
      'x: found 5 pairs of 5 different sources, of which none is left to validate on at a validation part of 0.1 and a test part of 0.05. Use more pairs or other parts.',
    );
    expect(few(10)).toContain('none is left to test');
    expect(few(1, { validationPart: 0, testPart: 0 })).toBe('accepted');
    expect(few(10, { validationPart: 0.9, testPart: 0.1 })).toContain(
      'expected numbers from 0 that add up to less than 1',
    );
    const same = many(10, (i) => ({ source: 'a', target: `${i}`, line: i }));
    expect(refusal(() => splitPairs(same, options))).toContain('found 10 pairs of 1 different source, of which none');
  });
});

describe('pairs become ids', () => {
  const bytes = new ByteTokenizer();
  const options = { source: bytes, target: bytes, blockSize: 8, long: 'drop', name: 'x' } as const;
  const pairs = [
    { source: 'abc', target: 'defg', line: 1 },
    { source: '1234567', target: 'b', line: 2 },
    { source: 'a', target: '12345678', line: 3 },
    { source: '123456789', target: '1234567890', line: 4 },
  ];
  const ids = (text: string) => [...bytes.encode(text)];

  test('with room for an end: longer ones are dropped and told', () => {
    const { rows, counts, notes } = encodePairs(pairs, options);
    expect(rows.map(({ source, target, line }) => [[...source], [...target], line])).toEqual([
      [ids('abc'), ids('defg'), 1],
      [ids('1234567'), ids('b'), 2],
    ]);
    expect(counts).toMatchObject({ pairs: 4, long: { count: 2, line: 3 }, empty: { count: 0 } });
    expect([counts.source.tokens, counts.target.tokens, counts.source.longest]).toEqual([10, 5, 9]);
    expect(notes).toEqual([
      {
        sentence:
          'x: 2 pairs of 4 with a side longer than the context of 8 (a text and its end), dropped: the first is line 3; the longest side has 10 tokens.',
        warn: true,
      },
    ]);
  });

  test('or cut', () => {
    const { rows, notes } = encodePairs(pairs, { ...options, long: 'cut' });
    expect(rows.map(({ source, target }) => [source.length, target.length])).toEqual([
      [3, 4],
      [7, 1],
      [1, 7],
      [7, 7],
    ]);
    expect(notes.map(({ sentence }) => sentence)).toEqual([
      'x: 1 source of 4 longer than the context of 8 (a text and its end), cut: line 4; the longest has 9 tokens.',
      'x: 2 targets of 4 longer than the context of 8 (a text and its end), cut: the first is line 3; they are learned to end there.',
    ]);
  });

  test('unknown characters are refused with their line, unknown words counted', () => {
    const char = CharTokenizer.fromText('abcdefg1234567890');
    expect(
      refusal(() => encodePairs([{ source: 'ab', target: 'aéb', line: 7 }], { ...options, target: char })),
    ).toContain('x: line 7: target: text: character 2: found "é" (U+00E9)');
    const word = trainWords(['a b a b']);
    const { counts, notes } = encodePairs(
      [
        { source: 'a b', target: 'a', line: 1 },
        { source: 'a c d', target: 'b', line: 2 },
        { source: '  ', target: 'b', line: 3 },
      ],
      { ...options, source: word },
    );
    expect(counts.source.unknown).toEqual({ count: 2, line: 2 });
    expect(notes.map(({ sentence }) => sentence)).toEqual([
      'x: 1 pair with a side without a token, dropped: line 3.',
      'x: 40.0 % of the words of sources (2 of 5) are not in the vocabulary, the first on line 2: each is the same unknown token.',
    ]);
  });

  test('nothing left is refused', () => {
    expect(refusal(() => encodePairs(pairs, { ...options, blockSize: 3 }))).toBe(
      'x: found 4 of 4 pairs longer than the context of 3, and no other, expected one to learn from at least. Use a longer --context, or shorter texts.',
    );
    expect(refusal(() => encodePairs(pairs, { ...options, blockSize: 1 }))).toBe(
      'x: found a context of 1, which the end of a text fills, expected 2 or more. Use a longer --context.',
    );
    const blank = [{ source: ' ', target: 'b', line: 3 }];
    expect(refusal(() => encodePairs(blank, { ...options, source: trainWords(['a a']) }))).toContain(
      'x: found 1 pair, with a side without a token',
    );
  });

  test('in few arrays, which keep them apart', () => {
    const all = many(8000, (i) => ({ source: `${i}`, target: `${2 * i}`, line: i + 1 }));
    const { rows } = encodePairs(all, options);
    expect(new Set(rows.flatMap(({ source, target }) => [source.buffer, target.buffer])).size).toBeLessThan(5);
    for (const i of [0, 1, 4321, 7999]) expect([...rows[i]!.target]).toEqual(ids(`${2 * i}`));
  });
});

describe('a vocabulary of both sides', () => {
  const both = many(300, (i) => [`the house number ${i}`, `das Haus Nummer ${i}`]).flat();
  const special = ['<|pad|>', '<|endoftext|>'];

  test('holds what occurs in each, and the special tokens last', () => {
    const made = trainPairTokenizer(both, 300, special);
    expect([made.vocabSize, made.eosId, made.specialTokens]).toEqual([300, 299, special]);
    for (const text of [...both.slice(0, 10), 'ganz anders ✓']) expect(made.decode(made.encode(text))).toBe(text);
    expect(made.encode('the house').length).toBeLessThan(6);
    expect(made.encode('das Haus').length).toBeLessThan(6);
    expect(trainPairTokenizer([...both].reverse(), 300, special).files()).toEqual(made.files());
  });

  test('is smaller where the texts give no more, and never without the bytes', () => {
    expect(trainPairTokenizer(['ab ab'], 1000, special).vocabSize).toBe(256 + 2 + 1);
    expect(trainPairTokenizer(both, 258, special).merges).toEqual([]);
    expect(refusal(() => trainPairTokenizer(both, 257, special))).toBe(
      'vocabulary: found 257 tokens, expected at least 258: 256 bytes and 2 special tokens.',
    );
  });

  test('is what `tokenizer train` learns from the table, and from two files', async () => {
    const rows = many(300, (i) => `the house number ${i}\tdas Haus Nummer ${i}\tCC-BY zzz`);
    const train = async (name: string, ...words: string[]) => {
      const out = path.join(folder, name);
      const { code, stderr } = await shaderformer(
        ['tokenizer', 'train', ...words, '--vocab-size', '300', '--out', out],
        [tokenizer],
      );
      expect([code, stderr.includes('error')]).toEqual([0, false]);
      return { stderr, vocabulary: fs.readFileSync(path.join(out, 'tokenizer.json'), 'utf8') };
    };
    const expected = trainPairTokenizer(both, 300, ['<|endoftext|>']).files().get('tokenizer.json')!;
    const table = await train('t1', '--data', written('t.tsv', lines(...rows)));
    expect(JSON.parse(table.vocabulary)).toEqual(JSON.parse(expected));
    expect(table.stderr.replace(/\s+/g, ' ')).toContain('column 3 is not read.');
    const sides = [0, 1].map((side) => written(`t.${side}`, rows.map((row) => row.split('\t')[side]!).join('\n'))) as [
      string,
      string,
    ];
    const two = await train('t2', '--data', sides[0], '--data', sides[1]);
    expect(JSON.parse(two.vocabulary)).toEqual(JSON.parse(expected));
    const objects = written('t.jsonl', lines(...both.map((text) => JSON.stringify({ en: text, de: '' }))));
    const named = await train('t3', '--data', objects, '--source-column', 'en', '--target-column', 'de');
    expect(JSON.parse(named.vocabulary)).toEqual(JSON.parse(expected));
    const list = await train('t4', '--data', written('list.csv', both.join('\n')));
    expect(JSON.parse(list.vocabulary)).toEqual(JSON.parse(expected));
  });

  test('`tokenizer train` refuses names of columns where there are none', async () => {
    const plain = written('plain.txt', 'text');
    const run = async (...words: string[]) => {
      const all = ['tokenizer', 'train', '--vocab-size', '300', '--out', path.join(folder, 'no'), ...words];
      const { code, stderr } = await shaderformer(all, [tokenizer]);
      return [code, stderr.replaceAll(`${folder}/`, '').replace(/\s+/g, ' ')];
    };
    expect(await run('--data', plain, '--target-column', 'de')).toEqual([
      2,
      expect.stringContaining(
        '--target-column: found beside plain.txt, expected .tsv, .csv or .jsonl with two columns.',
      ),
    ]);
    expect(await run('--data', plain, '--source-column', 'de', '--text-field', 'x')).toEqual([
      2,
      expect.stringContaining('--text-field: found beside --source-column, expected one of them'),
    ]);
  });
});

const multi30k = '../shared/data/translate/multi30k-val';
testWith(`${multi30k}.de`, 'captions in two languages: nothing is dropped, nothing looks shifted', () => {
  const { pairs, notes, warnings } = readPairs({ source: `${multi30k}.de`, target: `${multi30k}.en` });
  expect([pairs.length, notes, warnings]).toEqual([1014, [], []]);
  const made = trainPairTokenizer(
    pairs.flatMap(({ source, target }) => [source, target]),
    1000,
    ['<|endoftext|>'],
  );
  const { rows, counts } = encodePairs(pairs, { source: made, target: made, blockSize: 128, long: 'drop', name: 'x' });
  expect([made.vocabSize, rows.length]).toEqual([1000, 1014]);
  expect(counts.source.tokens / rows.length).toBeLessThan(30);
});
