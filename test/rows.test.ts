// Texts in rows: JSONL and Parquet files become the same documents, and what is wrong with them is said with line, row and column.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Corpus, type CorpusOptions, openCorpus } from '../src/data/corpus.ts';
import { DOCUMENT_END, readText } from '../src/data/text_reader.ts';
import { findText } from '../src/data/text_source.ts';
import { CharTokenizer } from '../src/data/tokenizer.ts';
import { InputError } from '../src/errors.ts';

const root = mkdtempSync(path.join(tmpdir(), 'rows-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let dir = root;
let count = 0;
beforeEach(() => mkdirSync((dir = path.join(root, `test-${count++}`))));

const file = (name: string, content: string | Uint8Array) => {
  const to = path.join(dir, name);
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(to, content);
  return to;
};
const jsonl = (...rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const table = (columnData: ColumnSource[], options: object = {}) =>
  new Uint8Array(parquetWriteBuffer({ columnData, ...options }));

/** The documents of a path, whole. */
async function documents(data: string, textField?: string): Promise<{ texts: string[]; notes: string[] }> {
  const [texts, notes]: [string[], string[]] = [[''], []];
  for await (const part of readText(findText(data), true, { textField, onNote: (note) => notes.push(note) })) {
    if (part === DOCUMENT_END) texts.push('');
    else texts[texts.length - 1] += part;
  }
  return { texts, notes: notes.map((note) => note.replace(dir, 'DIR')) };
}
const refused = async (data: string, textField?: string) => {
  const error = await documents(data, textField).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).message.replace(dir, 'DIR');
};
const open = (data: string, options: Partial<CorpusOptions> = {}): Promise<Corpus> =>
  openCorpus({ tokenizer: 'char', ...options, data, cacheDir: path.join(dir, 'cache') });
const idsOf = (corpus: Corpus) => [
  ...corpus.train(0, corpus.trainLength),
  ...corpus.validation(0, corpus.validationLength),
];

const poems = ['Call me Ishmael.', 'Some years ago\n', 'never mind how long 😀 precisely'];

describe('JSONL', () => {
  test('rows are documents: an end-of-text token stands between them, or a blank line where there is none', async () => {
    const data = file('a.jsonl', jsonl(...poems.map((text) => ({ id: 1, text }))));
    const gpt2 = await open(data, { tokenizer: 'gpt2', validationPart: 0.3 });
    expect(gpt2.tokenizer.decode(idsOf(gpt2))).toBe(poems.join('<|endoftext|>'));
    expect(idsOf(gpt2).filter((id) => id === 50256)).toHaveLength(2);
    const char = await open(data);
    expect(char.tokenizer.decode(idsOf(char))).toBe(`${poems[0]}\n\n${poems[1]}\n${poems[2]}`);
    expect(char).toMatchObject({ name: 'a', bytes: Buffer.byteLength(poems.join('')) + 3 });
  });

  test('a byte order mark, CRLF, blank lines, other fields and a missing last newline change nothing', async () => {
    const lines = poems.map((text, i) => JSON.stringify({ n: i, body: text, nested: { text: ['no'] } }));
    const data = file('a.ndjson', `\ufeff${lines.join('\r\n\r\n  \r\n')}`);
    expect(await documents(data, 'body')).toEqual({ texts: poems, notes: [] });
  });

  test('rows without text are dropped, and counted in one note', async () => {
    const rows = [{ text: 'a' }, { text: '' }, { text: 'b' }, { text: null }, { text: '' }];
    const heard = await documents(file('a.jsonl', jsonl(...rows)));
    expect(heard.texts).toEqual(['a', 'b']);
    expect(heard.notes).toEqual(['DIR/a.jsonl: 3 rows without text were dropped, the first is line 2.']);
    await expect(open(file('b.jsonl', jsonl({ text: '' })))).rejects.toThrow('b.jsonl: found an empty text');
  });

  test('a line of 10 MB, and characters that lie across the chunks that are read', async () => {
    const long = 'aé😀'.repeat(1_500_000);
    const { texts } = await documents(file('a.jsonl', jsonl({ text: 'short' }, { text: long }, { text: 'end' })));
    expect(texts.map((text) => text.length)).toEqual([5, long.length, 3]);
    expect(texts[1] === long).toBe(true);
  });

  test.each([
    ['{"text":"x"', 'line 2: not JSON at byte 11: found the end, expected "," or "}"'],
    ['{"txet":"x"}', 'line 2: found no "text"; it has "txet", is that it? Name the field with --text-field.'],
    ['{"body":"x","id":1}', 'line 2: found no "text"; it has "body", "id".'],
    ['{}', 'line 2: found no "text"; it has no fields.'],
    ['["x"]', 'line 2: found a list, expected an object with a text in it.'],
    ['null', 'line 2: found null, expected an object'],
    ['{"text":5}', 'line 2: "text": found number 5, expected text. Name another field with --text-field.'],
    ['{"text":{"a":1}}', 'line 2: "text": found an object, expected text.'],
    ['{"text":"\\ud800x"}', 'line 2: "text": found half of a surrogate pair, expected whole characters.'],
    ['{"text":"x"} {"text":"y"}', 'line 2: not JSON at byte 13: found "{", expected the end'],
  ])('%s is refused with its line', async (line, message) => {
    expect(await refused(file('a.jsonl', `{"text":"good"}\n${line}\n`))).toContain(`DIR/a.jsonl: ${message}`);
  });

  test('names of JavaScript itself are fields like others', async () => {
    expect(await refused(file('a.jsonl', jsonl({ text: 'x' })), 'constructor')).toContain('found no "constructor"');
    expect((await documents(file('b.jsonl', '{"__proto__":"x"}\n'), '__proto__')).texts).toEqual(['x']);
  });

  test('bytes that are not UTF-8, near and far, and what is no JSONL at all', async () => {
    for (const lines of [1, 100_000]) {
      const good = Buffer.from('{"text":"abcdefg"}\n'.repeat(lines));
      const data = file('a.jsonl', Buffer.concat([good, Buffer.from('{"text":"\xff"}\n', 'latin1')]));
      expect(await refused(data)).toContain(`not UTF-8 at byte ${good.length + 9} (line ${lines + 1}: FF)`);
    }
    expect(await refused(file('b.jsonl', gzipSync('{"text":"x"}')))).toContain('b.jsonl: found a gzip archive');
    expect(await refused(file('c.jsonl', ''))).toContain('c.jsonl: found an empty file');
  });

  test('a character that a loaded tokenizer does not know is named with its line', async () => {
    const tokenizer = CharTokenizer.fromText('abc\n');
    const data = file('a.jsonl', jsonl({ text: 'a\nb' }, { text: '' }, { text: 'abé' }));
    await expect(open(data, { tokenizer })).rejects.toThrow('a.jsonl: line 3: found "é" (U+00E9), which is not among');
  });
});

describe('Parquet', () => {
  const columns = (data: (string | null)[]): ColumnSource[] => [
    { name: 'id', data: data.map((_, i) => i), type: 'INT32' },
    { name: 'body', data, type: 'STRING' },
  ];

  test.each([
    ['plain', { codec: 'UNCOMPRESSED' }],
    ['Snappy', { codec: 'SNAPPY' }],
    ['several row groups', { rowGroupSize: 2 }],
  ])('rows are the documents that JSONL has: %s', async (_, options) => {
    const texts = [...poems, ...Array.from({ length: 5 }, () => 'the same again'), 'x'.repeat(5000)];
    expect(await documents(file('a.parquet', table(columns(texts), options)), 'body')).toEqual({ texts, notes: [] });
    const rows = await open(file('b.jsonl', jsonl(...texts.map((text) => ({ text })))), { tokenizer: 'gpt2' });
    const other = await open(path.join(dir, 'a.parquet'), { tokenizer: 'gpt2', textField: 'body' });
    expect(other.hash).toBe(rows.hash);
    expect(idsOf(other)).toEqual(idsOf(rows));
  });

  test('is known by its first bytes too; rows without text are dropped and counted', async () => {
    const data = file('train-00000', table(columns(['a', '', null, 'b']), { rowGroupSize: 2 }));
    const heard = await documents(data, 'body');
    expect(heard.texts).toEqual(['a', 'b']);
    expect(heard.notes).toEqual(['DIR/train-00000: 2 rows without text were dropped, the first is row 2.']);
  });

  test('a column that is missing, or is no text', async () => {
    const data = file('a.parquet', table(columns(poems)));
    expect(await refused(data)).toBe(
      'DIR/a.parquet: found no "text"; it has "id", "body". Name the column with --text-field.',
    );
    expect(await refused(data, 'bdoy')).toContain('found no "bdoy"; it has "body", is that it?');
    expect(await refused(data, 'id')).toBe(
      'DIR/a.parquet: column "id": found values of type INT32, expected text. Name another with --text-field: it has "id", "body".',
    );
  });

  test('a compression that nothing here reads is named', async () => {
    const bytes = table(columns(poems), { codec: 'GZIP', compressors: { GZIP: (b: Uint8Array) => gzipSync(b) } });
    expect(await refused(file('a.parquet', bytes), 'body')).toContain(
      'DIR/a.parquet: row group 0: found a column compressed with GZIP, expected SNAPPY or none.',
    );
  });

  test('text that is not UTF-8', async () => {
    const data = [new Uint8Array([0x61, 0xff])];
    expect(await refused(file('a.parquet', table([{ name: 'text', data, type: 'BYTE_ARRAY' }])))).toContain(
      'row group 0: found text that is not UTF-8',
    );
  });

  test('a file that is cut, or is something else', async () => {
    const bytes = table(columns(poems));
    expect(await refused(file('cut.parquet', bytes.subarray(0, bytes.length - 9)), 'body')).toContain(
      'DIR/cut.parquet: found no end of a Parquet table (its last bytes are not PAR1), expected a whole file.',
    );
    expect(await refused(file('empty.parquet', ''))).toContain(
      'empty.parquet: found an empty file, expected a Parquet table.',
    );
    const nothing = file('null.parquet', table(columns([null, ''])));
    await expect(open(nothing, { textField: 'body' })).rejects.toThrow(
      /null\.parquet: found an empty text, expected characters to learn from\. It has no rows, or none with text: name/,
    );
    expect(await refused(file('four.parquet', 'PAR1'), 'body')).toContain('found no end of a Parquet table');
    expect(await refused(file('text.parquet', 'some text'))).toContain('found another format under this name');
  });

  test('a field is refused where no file has rows', async () => {
    const plain = file('plain.txt', 'some text');
    await expect(open(plain, { textField: 'body' })).rejects.toThrow(
      /--text-field: found "body" beside plain text \(.*plain\.txt\), expected \.jsonl or \.parquet/,
    );
  });

  test('damage anywhere ends in a sentence or in text, at once', async () => {
    const good = table(columns([...poems, ...poems, null]), { rowGroupSize: 3 });
    const at = fc.nat(good.length - 1);
    const damage = fc.record({
      changes: fc.array(fc.tuple(at, fc.nat(255)), { maxLength: 3 }),
      cut: at,
      missing: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ changes, cut, missing }) => {
        const bytes = Uint8Array.from(good);
        for (const [place, value] of changes) bytes[place] = value;
        const bad = Buffer.concat([bytes.subarray(0, cut), bytes.subarray(cut + missing)]);
        bad.write('PAR1', 'latin1'); // else it is no Parquet at all
        const since = performance.now();
        const error = await documents(file('a.parquet', bad), 'body').then(
          () => null,
          (e: unknown) => e,
        );
        if (error !== null) expect(error).toBeInstanceOf(InputError);
        expect(performance.now() - since).toBeLessThan(2000);
      }),
      { numRuns: Number(process.env.RUNS ?? 500), seed: 7 },
    );
  });
});

test('a folder may hold texts and tables together', async () => {
  file('all/1.txt', 'one\n');
  file('all/2.jsonl', jsonl({ text: 'two' }, { text: 'three' }));
  file('all/3/3.parquet', table([{ name: 'text', data: ['four', 'five'], type: 'STRING' }]));
  file('all/4.md', 'six');
  file('all/picture.png', Buffer.from('\x89PNG\0', 'latin1'));
  const source = findText(path.join(dir, 'all'));
  expect(source.notes).toEqual([
    `${source.files[0]!.slice(0, -6)}: reading 4 files, skipping 1: picture.png (found a PNG picture).`,
  ]);
  expect((await documents(path.join(dir, 'all'))).texts).toEqual(['one\n', 'two', 'three', 'four', 'five', 'six']);
});

test('the library for Parquet is loaded only for Parquet', () => {
  const source = readFileSync('src/data/parquet.ts', 'utf8');
  const imports = [...source.matchAll(/^import (?!type)[^;]*from '([^']+)'/gm)].map(([, from]) => from);
  expect(imports).not.toContain('hyparquet');
});
