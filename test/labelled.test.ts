import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readLabelled } from '../src/data/labelled.ts';
import { type LabelledOptions, labelledRows } from '../src/data/labelled_rows.ts';
import { csvRows } from '../src/data/table.ts';
import type { TableForm } from '../src/data/table_columns.ts';
import { InputError } from '../src/errors.ts';
import { damaged, damages, jsonMutants } from './harness/mutants.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'labelled-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** The file of this name with this content, read. */
function read(name: string, content: string | Uint8Array, options?: LabelledOptions) {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return readLabelled(file, options);
}

/** Class and text of each row. */
function pairs(set: ReturnType<typeof readLabelled>): string[][] {
  return set.rows.map(({ label, text }) => [set.classes[label]!, text]);
}

/** What is said, without the folder. */
function refusal(name: string, content: string | Uint8Array, options?: LabelledOptions): string {
  try {
    read(name, content, options);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message.replaceAll(`${folder}/`, '');
  }
  return 'accepted';
}

const lines = (...rows: string[]) => `${rows.join('\n')}\n`;
const many = (n: number, row: (i: number) => string) => Array.from({ length: n }, (_, i) => row(i));

describe('rows of labelled texts', () => {
  test('TSV without names: the column with fewer values is the label, and that is told', () => {
    const set = read('a.tsv', lines('ham\tOk lar', 'spam\tFree "entry', 'ham\tOk\u00a0then'));
    expect(pairs(set)).toEqual([
      ['ham', 'Ok lar'],
      ['spam', 'Free "entry'],
      ['ham', 'Ok\u00a0then'],
    ]);
    expect(set.classes).toEqual(['ham', 'spam']);
    expect(set.rows.map(({ line }) => line)).toEqual([1, 2, 3]);
    expect(set.notes.join()).toContain(
      'line 1: no names of columns; column 1 has fewer different values (2 in the first 3 rows): it is the label, column 2 the text.',
    );
    expect(pairs(read('b.tsv', lines('Ok lar\tham', 'Free\tspam', 'Yes\tham')))).toEqual([
      ['ham', 'Ok lar'],
      ['spam', 'Free'],
      ['ham', 'Yes'],
    ]);
  });

  test('a first line of names that nobody named is not read as a row', () => {
    const set = read('c.tsv', lines('Category\tMessage', ...many(30, (i) => `${i % 2 ? 'ham' : 'spam'}\ttext ${i}`)));
    expect(set.rows).toHaveLength(30);
    expect(set.classes).toEqual(['ham', 'spam']);
    expect(set.notes.join()).toContain('read as the names of the columns, since no other row has the label "Category"');
  });

  test('CSV: quotes, commas, two quotes for one, and line breaks inside quotes', () => {
    const set = read(
      'a.csv',
      'id,text,label\r\n1,"Hello, ""you""\r\nthere",ham\r\n\r\n2,it\'s 5" long,spam\r\n3,"",spam\r\n4,"x",ham',
    );
    expect(pairs(set)).toEqual([
      ['ham', 'Hello, "you"\nthere'],
      ['spam', 'it\'s 5" long'],
      ['ham', 'x'],
    ]);
    expect(set.rows.map(({ line }) => line)).toEqual([2, 5, 7]);
    expect(set.notes.join()).toContain('1 row without text was dropped, the first is line 6.');
  });

  test('every table of cells written as CSV is read back', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'é', '😀'), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
        const text = rows.map((row) => row.map((each) => `"${each.replaceAll('"', '""')}"`).join(',')).join('\n');
        expect([...csvRows(text.split('\n'), 'x.csv')].map(({ cells }) => cells)).toEqual(rows);
      }),
    );
  });

  test('JSONL: named fields, whole numbers and true as labels', () => {
    const rows = ['{"body":"a","stars":5}', '', '{"body":"b\\u00e9","stars":1}', '{"body":null,"stars":1}'];
    const set = read('a.jsonl', lines(...rows), { textColumn: 'body', labelColumn: 'stars' });
    expect(pairs(set)).toEqual([
      ['5', 'a'],
      ['1', 'bé'],
    ]);
    expect(set.rows.map(({ line }) => line)).toEqual([1, 3]);
    expect(pairs(read('b.jsonl', lines('{"text":"a","label":true}', '{"text":"b","label":false}')))).toEqual([
      ['true', 'a'],
      ['false', 'b'],
    ]);
  });

  test('a byte order mark, CRLF, emoji and right-to-left text', () => {
    const set = read('d.tsv', '\ufefflabel\ttext\r\nham\tשלום 😀\r\nspam\tx\r\n');
    expect(pairs(set)).toEqual([
      ['ham', 'שלום 😀'],
      ['spam', 'x'],
    ]);
  });

  test('the form is told by the first line where the ending says nothing', () => {
    expect(read('SMSSpamCollection', lines('ham\ta, b', 'spam\tc')).rows).toHaveLength(2);
    expect(read('data.txt', lines('{"text":"a","label":"x"}', '{"text":"b","label":"y"}')).rows).toHaveLength(2);
    expect(read('data.dat', lines('text,label', 'a,x', 'b,y')).rows).toHaveLength(2);
  });

  test('with the classes of a model, numbers are theirs and a file may hold a single class', () => {
    const set = read('e.tsv', lines('spam\ta', 'spam\tb'), { classes: ['spam', 'ham'] });
    expect(set.rows.map(({ label }) => label)).toEqual([0, 0]);
    expect(set.notes.join()).toContain('found no row of "ham", which the model knows too.');
  });
});

describe('rows that cannot be used are refused in a sentence', () => {
  const refusals: [string, string, string | Uint8Array, string, LabelledOptions?][] = [
    ['an empty file', 'x.tsv', '', 'x.tsv: found an empty file, expected text.'],
    ['blank lines', 'x.tsv', '\n \n', 'x.tsv: found no rows, expected texts with their labels. Name another file.'],
    [
      'only names',
      'x.csv',
      'text,label\n',
      'x.csv: found no rows with a text, expected some. Name a file of texts with their labels.',
    ],
    [
      'one class',
      'x.tsv',
      lines(...many(30, (i) => `ham\t${i}`)),
      'x.tsv: found only the label "ham" (in all 30 rows), nothing to learn: expected two classes or more. Is the class in another column? Name it with --label-column.',
    ],
    [
      'a line without a tab',
      'x.tsv',
      lines('ham\ta', 'spam\tb', 'ham c'),
      'x.tsv: line 3: found 1 column, expected 2 with tabs between. Put a tab between the columns, and none inside a text.',
    ],
    [
      'a comma outside quotes',
      'x.csv',
      lines('label,text', 'ham,a', 'spam,b, c'),
      'x.csv: line 3: found 3 columns, expected 2 with commas between. Write texts with a comma, a quote or a line break in quotes.',
    ],
    [
      'JSON in a table',
      'x.tsv',
      lines('ham\ta', '{"text":"b","label":"ham"}'),
      'x.tsv: line 2: found 1 column, expected 2 with tabs between. It looks like JSON: name such a file .jsonl.',
    ],
    [
      'a table in JSONL',
      'x.jsonl',
      lines('{"text":"b","label":"ham"}', 'ham\ta'),
      'x.jsonl: line 2: not JSON at byte 0: found ham, expected a value. The file is cut or damaged: copy or write it again.',
    ],
    [
      'a column that is not there',
      'x.csv',
      lines('txet,label', 'a,ham'),
      'x.csv: line 1: found no "text"; it has "txet", is that it? Name the column with --text-column.',
    ],
    [
      'a label column that is not there',
      'x.csv',
      lines('v1,v2,v3', 'ham,a,'),
      'x.csv: line 1: found no "kind"; it has "v1", "v2", "v3". Name the column with --label-column.',
      { textColumn: 'v2', labelColumn: 'kind' },
    ],
    [
      'one column for both',
      'x.csv',
      lines('a,b', 'ham,a'),
      '--label-column: found "a", which is the text column too, expected another. Name both.',
      { textColumn: 'a', labelColumn: 'a' },
    ],
    [
      'a field that is not there',
      'x.jsonl',
      lines('{"text":"a","label":"x"}', '{"text":"a","lable":"x"}'),
      'x.jsonl: line 2: found no "label"; it has "lable", is that it? Name the field with --label-column.',
    ],
    [
      'a list for a row',
      'x.jsonl',
      lines('["a","x"]'),
      'x.jsonl: line 1: found a list, expected an object with a text in it. Write the line again.',
    ],
    [
      'a number for a text',
      'x.jsonl',
      lines('{"text":5,"label":"x"}'),
      'x.jsonl: line 1: "text": found number 5, expected text. Name another field with --text-column.',
    ],
    [
      'null for a label',
      'x.jsonl',
      lines('{"text":"a","label":null}'),
      'x.jsonl: line 1: "label": found null, expected a text or a whole number. Name another field with --label-column.',
    ],
    [
      'JSON that ends early',
      'x.jsonl',
      lines('{"text":"a","label":"x"}', '{"text":"a"'),
      'x.jsonl: line 2: not JSON at byte 11: found the end, expected "," or "}". The file is cut or damaged: copy or write it again.',
    ],
    [
      'half a surrogate pair',
      'x.jsonl',
      lines('{"text":"\\ud83d","label":"x"}'),
      'x.jsonl: line 1: "text": found half of a surrogate pair, expected whole characters. Write the line again.',
    ],
    [
      'no label',
      'x.tsv',
      lines('label\ttext', 'ham\ta', ' \tb'),
      'x.tsv: line 3: found no label, expected one. Write it, or leave the row out.',
    ],
    [
      'a label that the model does not know',
      'x.tsv',
      lines('ham\ta', 'spma\tb'),
      'x.tsv: line 2: found the label "spma", expected one of "ham", "spam". Is it "spam"? Correct the line.',
      { classes: ['ham', 'spam'] },
    ],
    [
      'a quote that is never closed',
      'x.csv',
      lines('label,text', 'ham,a', 'spam,"b', 'ham,c'),
      'x.csv: line 3: found a quote that is not closed at the end of the file, expected another. Close it, or write a quote inside a text as two.',
    ],
    [
      'text behind a closing quote',
      'x.csv',
      lines('label,text', 'ham,"a" b'),
      'x.csv: line 2: found " b" after a closing quote, expected a comma. Write a quote inside a text as two.',
    ],
    [
      'bytes that are not UTF-8',
      'x.tsv',
      Uint8Array.from([...new TextEncoder().encode('ham\ta\nspam\t'), 0xc3, 0x28, 0x0a]),
      'x.tsv: found bytes that are not UTF-8 at byte 11 (line 2: C3 28), expected UTF-8. Repair it, or convert it: iconv -f LATIN1 -t UTF-8.',
    ],
    [
      'a NUL far into the file',
      'x.tsv',
      lines(...many(9000, (i) => `${i % 2 ? 'ham' : 'spam'}\ttext ${i}`), 'ham\ta\0b'),
      'x.tsv: line 9001: found a NUL character, expected text. Repair the line.',
    ],
    [
      'texts for labels',
      'x.tsv',
      lines('label\ttext', ...many(1001, (i) => `kind ${i}\ta`)),
      'x.tsv: line 1002: found 1001 different labels, expected at most 1000 classes. Name the column of the classes with --label-column.',
    ],
    [
      'a JSON list',
      'x.json',
      '[{"text":"a","label":"x"}]',
      'x.json: found a JSON list, expected an object a line. Write it as JSONL first.',
    ],
    ['a picture', 'x.csv', '\x89PNG', 'x.csv: found a PNG picture, expected text. Extract its text first.'],
  ];
  test.each(refusals)('%s', (_, name, content, sentence, options) => {
    expect(
      refusal(
        name,
        typeof content === 'string' && content.startsWith('\x89') ? Buffer.from(content, 'latin1') : content,
        options,
      ),
    ).toBe(sentence);
  });

  test('a folder, and a file that is not there', () => {
    expect(() => readLabelled(folder)).toThrow('found a folder, expected one file of rows');
    expect(() => readLabelled(path.join(folder, 'none.tsv'))).toThrow(InputError);
  });
});

describe('probable mistakes are warned of', () => {
  const rows = [...many(20, (i) => `ham\ta ${i}`), ...many(20, (i) => `spam\tb ${i}`)];

  test('a label that occurs once, with the nearest and its line', () => {
    const { warnings } = read('w.tsv', lines('label\ttext', ...rows, 'spma\tx', 'xyzzy\ty'));
    expect(warnings.map((text) => text.replaceAll(`${folder}/`, ''))).toEqual([
      'w.tsv: line 42: the label "spma" occurs once in the file; the nearest is "spam". Correct it if it is a slip: a class of one row cannot be learned.',
      'w.tsv: line 43: the label "xyzzy" occurs once in the file. Correct it if it is a slip: a class of one row cannot be learned.',
    ]);
  });

  test('none where all is well', () => {
    expect(read('v.tsv', lines(...rows)).warnings).toEqual([]);
  });

  test('a line of 10 MB is cut, and told once', () => {
    const { rows: kept, notes } = read(
      'long.tsv',
      lines(...rows, `ham\t${'😀'.repeat(2_500_000)}`, `ham\tx${'😀'.repeat(600_000)}`),
    );
    expect(kept.at(-2)!.text).toHaveLength(2 ** 20);
    expect(kept.at(-1)!.text).toHaveLength(2 ** 20 - 1); // not inside a surrogate pair
    expect(notes.filter((note) => note.includes('cut to its first'))).toHaveLength(1);
    expect(notes.join()).toContain('line 41: found a text of 5000000 characters, cut to its first 1048576');
  });
});

describe('damaged files', () => {
  const table = lines('label\ttext', ...many(6, (i) => `${i % 2 ? 'ham' : 'spam'}\ttext, "number" ${i} é😀`));
  const csv = lines('label,text', ...many(6, (i) => `${i % 2 ? 'ham' : 'spam'},"text, ""number"" ${i}\nof é😀"`));
  const object = { text: 'a b c', label: 'ham', other: [1, { deep: null }] };

  /** Rows, or the sentence. */
  function outcome(form: TableForm, text: string): void {
    const all = text.split('\n').map((each) => (each.endsWith('\r') ? each.slice(0, -1) : each));
    try {
      const { rows, classes } = labelledRows('x', form, () => all);
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) {
        expect(classes[row.label]).toBeTypeOf('string');
        expect(row.text).toMatch(/\S/);
        expect(row.line).toBeLessThanOrEqual(all.length);
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.message.length).toBeLessThan(2000);
    }
  }

  test.each([
    ['tsv', table],
    ['csv', csv],
  ] as const)('%s: every mutant gives rows or a sentence', (form, text) => {
    const bytes = new TextEncoder().encode(text);
    fc.assert(
      fc.property(damages(), (list) => outcome(form, new TextDecoder().decode(damaged(bytes, list)))),
      { numRuns: 2000 },
    );
  });

  test('jsonl: every mutant gives rows or a sentence', () => {
    fc.assert(
      fc.property(jsonMutants(object), (text) =>
        outcome('jsonl', `${JSON.stringify({ ...object, label: 'x' })}\n${text}`),
      ),
      { numRuns: 1000 },
    );
  });
});

test('half a million rows are read without keeping the file: one object and one text a row', () => {
  function* rows(): Generator<string> {
    for (let i = 0; i < 500_000; i++) yield `${i % 3 ? 'ham' : 'spam'}\tmessage number ${i}`;
  }
  const before = process.memoryUsage().heapUsed;
  const set = labelledRows('x', 'tsv', rows);
  expect(set.rows).toHaveLength(500_000);
  expect((process.memoryUsage().heapUsed - before) / 500_000).toBeLessThan(250);
}, 30_000);
