// A text in memory is the corpus that the command line reads from disk: the same hash, split and ids.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openCorpus } from '../src/data/corpus.ts';
import { textCorpus } from '../src/data/text_corpus.ts';
import { CharTokenizer } from '../src/data/tokenizer.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'text-corpus-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const many = Array.from({ length: 999 }, (_, i) => String.fromCodePoint(0x4e00 + (i % 300))).join('');
const texts = {
  plain: 'Call me Ishmael.\r\nSome years ago - never mind how long.\n'.repeat(9),
  emoji: '🐋 the whale — größer\n'.repeat(31),
  bytes: `${many}🐋`,
};

for (const [name, text] of Object.entries(texts))
  test(`${name}: as from disk`, async () => {
    const mine = textCorpus(name, text);
    const file = path.join(folder, `${name}.txt`);
    writeFileSync(file, text);
    const theirs = await openCorpus({
      data: file,
      tokenizer: mine.tokenizer.kind,
      cacheDir: path.join(folder, 'cache'),
    });
    try {
      expect(mine.tokenizer.files()).toEqual(theirs.tokenizer.files());
      for (const fact of ['bytes', 'characters', 'hash', 'trainLength', 'validationLength'] as const)
        expect(mine[fact], fact).toBe(theirs[fact]);
      expect(mine.train(0, mine.trainLength)).toEqual(theirs.train(0, theirs.trainLength));
      expect(mine.validation(2, 5)).toEqual(theirs.validation(2, 5));
    } finally {
      theirs.close();
    }
  });

test('too many different characters make it bytes', () => {
  expect(textCorpus('a', texts.plain).tokenizer.kind).toBe('char');
  expect(textCorpus('b', texts.bytes).tokenizer.kind).toBe('byte');
});

test('texts that cannot be used are refused in a sentence', () => {
  expect(() => textCorpus('a', '')).toThrow('a: found an empty text, expected characters to learn from.');
  expect(() => textCorpus('a', 'bin\0ary')).toThrow('a: found binary data (a NUL at character 4), expected text.');
  expect(() => textCorpus('a', 'half \ud83d')).toThrow('a: found half a character at position 6');
  const few = CharTokenizer.fromText('abc');
  expect(() => textCorpus('a', 'abcd'.repeat(9), { tokenizer: few })).toThrow('which is not among the 3 characters');
});
