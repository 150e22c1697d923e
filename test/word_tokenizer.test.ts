// The tokenizer of whole words: what it learns, and that Hugging Face's libraries give the same ids from its files.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Tokenizer as Library } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { tokenizer as command } from '../src/cli/tokenizer.ts';
import { PieceCounter } from '../src/data/bpe_count.ts';
import { chunkEncoder } from '../src/data/chunks.ts';
import { tokenizerFromFiles, WordTokenizer } from '../src/data/tokenizer.ts';
import { trainWords, wordPieces, wordTokenizer } from '../src/data/word_train.ts';
import { lowercase, wordsOf } from '../src/data/words.ts';
import { InputError } from '../src/errors.ts';
import { shaderformer } from './cli_home.ts';
import { jsonMutants } from './harness/mutants.ts';

const texts = ['Free entry! Free call, call now', "I don't know. Call me: free?", 'once upon'];
const words = trainWords(texts);

describe('words', () => {
  test('are cut as Whitespace of the Rust library tokenizers 0.23.2 cuts them', () => {
    const text = "Hello, don't größer 2½ a_b-c e\u0301x \u200dz ·x °²³ 漢字かな ②Ⅷ 😀👍🏽 \u0085x\ufeffy a\u00a0b ٣٤";
    expect(wordsOf(text)).toEqual(
      // biome-ignore format: as printed there
      ['Hello', ',', 'don', "'", 't', 'größer', '2', '½', 'a_b', '-', 'c', 'e\u0301x', '\u200dz', '·', 'x', '°²³', '漢字かな', '②', 'Ⅷ', '😀👍🏽', 'x', '\ufeff', 'y', 'a', 'b', '٣٤'],
    );
    expect(lowercase("ΑΣ ΑΣ'Α İSTANBUL ẞ")).toBe("ασ ασ'α i\u0307stanbul ß");
  });

  test('the most frequent first, of equally frequent ones by their bytes; one that occurs once is none', () => {
    expect(words.parts.tokens).toEqual(['[PAD]', '[UNK]', '<|endoftext|>', 'call', 'free']);
    expect(trainWords([...texts].reverse()).files()).toEqual(words.files());
    expect(trainWords(['é e z z é e 😀 \uff5e \uff5e 😀']).parts.tokens.slice(3)).toEqual([
      'e',
      'z',
      'é',
      '\uff5e',
      '😀',
    ]);
    expect(trainWords(texts, { vocabSize: 4 }).parts.tokens.slice(3)).toEqual(['call']);
    expect(trainWords(texts, { lowercase: false }).parts.tokens.slice(3)).toEqual(['Free', 'call']);
  });

  test('counted in chunks of any size they are those of the whole text', () => {
    const text = 'One two, two ΑΣ\nthree [UNK] three\u2003three <|endoftext|> end'.repeat(20);
    const whole = new PieceCounter(['[UNK]', '<|endoftext|>'], wordPieces(true));
    whole.add(text);
    whole.endDocument();
    for (const size of [1, 3, 7, 100]) {
      const parts = new PieceCounter(['[UNK]', '<|endoftext|>'], wordPieces(true));
      for (let at = 0; at < text.length; at += size) parts.add(text.slice(at, at + size));
      parts.endDocument();
      expect(new Map([...parts.counts].sort())).toEqual(new Map([...whole.counts].sort()));
    }
    expect(whole.counts.get('three')).toBe(60);
    expect(whole.counts.has('unk')).toBe(false);
  });
});

describe('the tokenizer', () => {
  test('gives a word its id and all others that of [UNK]', () => {
    expect(words.encode('FREE call, friend')).toEqual([4, 3, 1, 1]);
    expect(words.encode('')).toEqual([]);
    expect([words.eosId, words.vocabSize, words.kind]).toEqual([2, 5, 'word']);
  });

  test('special tokens in a text are text, unless they are allowed', () => {
    expect(words.encode('free<|endoftext|>call [PAD]')).toEqual([4, 1, 1, 1, 3, 1, 1, 1]);
    expect(words.encode('free<|endoftext|>call [PAD]', { allowSpecial: true })).toEqual([4, 2, 3, 0]);
    const odd = wordTokenizer(new Map([['free', 5]]), { special: ['free'] });
    expect(odd.encode('free')).toEqual([1]);
    expect(odd.encode('free', { allowSpecial: true })).toEqual([2]);
    expect(odd.eosId).toBeNull();
  });

  test('decodes to the words with a space between, all at once and one by one', () => {
    expect(words.decode([4, 3, 1, 2])).toBe('free call [UNK] <|endoftext|>');
    const decoder = words.decoder([4]);
    expect([decoder.push(3), decoder.push(1), decoder.end()]).toEqual([' call', ' [UNK]', '']);
    expect(words.decoder().push(3)).toBe('call');
    expect(() => words.decode([5])).toThrow(InputError);
  });

  test('a text in chunks has the ids of the whole', () => {
    const text = 'Free call ΑΣ free,call\ncall\u2003free '.repeat(50);
    for (const size of [1, 5, 64]) {
      const encoder = chunkEncoder(words, {});
      const ids: number[] = [];
      for (let at = 0; at < text.length; at += size) ids.push(...encoder.push(text.slice(at, at + size)));
      expect([...ids, ...encoder.end()]).toEqual(words.encode(text));
    }
  });

  test("is read back from its files, and Hugging Face's library reads them", async () => {
    for (const inSmall of [true, false]) {
      const made = trainWords([...texts, 'constructor __proto__ 2005 12 constructor __proto__ 2005 12'], {
        lowercase: inSmall,
      });
      const read = await tokenizerFromFiles(made.files());
      expect(read).toBeInstanceOf(WordTokenizer);
      expect((read as WordTokenizer).parts).toEqual(made.parts);
      expect(read.files()).toEqual(made.files());
      const [json, config] = [...made.files().values()].map((text) => JSON.parse(text));
      const library = new Library(json, config);
      for (const text of [...texts, 'Call_me 2005 now!? __proto__ constructor toString', ''])
        expect(read.encode(text)).toEqual(library.encode(text, { add_special_tokens: false }).ids);
    }
  });

  test('files that would give other ids are refused by name', async () => {
    const good = JSON.parse(words.files().get('tokenizer.json')!);
    const refusal = async (change: object) => {
      const files = new Map([['tokenizer.json', JSON.stringify({ ...good, ...change })]]);
      const error = await tokenizerFromFiles(files).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message;
    };
    expect(await refusal({ normalizer: { type: 'BertNormalizer' } })).toBe(
      'tokenizer.json: normalizer: found text "BertNormalizer", expected none, or Lowercase. Take a tokenizer of words as `tokenizer train --kind word` writes it.',
    );
    expect(await refusal({ pre_tokenizer: null })).toContain('pre_tokenizer: found null, expected Whitespace.');
    expect(await refusal({ pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' } } })).toContain(
      'pre_tokenizer: found text "Split", expected Whitespace.',
    );
    expect(await refusal({ decoder: { type: 'WordPiece' } })).toContain(
      'decoder: found text "WordPiece", expected none.',
    );
    expect(await refusal({ model: { ...good.model, unk_token: 'nobody' } })).toContain(
      'model.unk_token: found text "nobody", expected one of the 5 tokens.',
    );
    const added = [{ ...good.added_tokens[0], lstrip: true }];
    expect(await refusal({ added_tokens: added })).toContain(
      'added token "[PAD]": lstrip: found true, expected false.',
    );
  });

  test('every mutant of its file is a tokenizer or a sentence', async () => {
    const good = JSON.parse(words.files().get('tokenizer.json')!);
    await fc.assert(
      fc.asyncProperty(jsonMutants(good), async (text) => {
        try {
          const read = await tokenizerFromFiles(new Map([['tokenizer.json', text]]));
          for (const id of read.encode('free <|endoftext|> zzz 12', { allowSpecial: true })) read.decode([id]);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('tokenizer train --kind word', () => {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'words-'));
  afterAll(() => fs.rmSync(place, { recursive: true }));
  const data = path.join(place, 'texts.txt');
  fs.writeFileSync(data, texts.join('\n'));
  const run = (...flags: string[]) => shaderformer(['tokenizer', ...flags], [command]);
  const train = (...flags: string[]) => run('train', '--kind', 'word', '--data', data, ...flags);

  test('writes a folder that encodes and decodes, and says what share of words it does not know', async () => {
    const out = path.join(place, 'small');
    const { code, stdout } = await train('--vocab-size', '5', '--out', out, '--json');
    expect(code).toBe(0);
    const line = JSON.parse(stdout);
    expect(line).toMatchObject({ out, vocabSize: 5, words: 2, special: ['<|endoftext|>'] });
    expect(line.unknownShare).toBeCloseTo(15 / 21, 4);
    const encoded = await run('encode', '--tokenizer', out, '--text', 'Free call zzz', '--json');
    expect(JSON.parse(encoded.stdout).ids).toEqual([4, 3, 1]);
    const decoded = await run('decode', '--tokenizer', out, '--ids', '4,3,1', '--json');
    expect(JSON.parse(decoded.stdout)).toEqual({ text: 'free call [UNK]' });
  });

  test('says where a text has fewer words than were asked for', async () => {
    const out = path.join(place, 'large');
    const { stderr } = await train('--vocab-size', '1000', '--keep-case', '--out', out);
    expect(stderr.replace(/\s+/g, ' ')).toMatch(
      /--vocab-size: found 1,000, reached \d+: \d+ words? of this text occurs? twice or more\. A longer text gives more\./,
    );
  });

  test('refuses what cannot be', async () => {
    const out = path.join(place, 'none');
    const said = async (...flags: string[]) => (await train(...flags)).stderr.replace(/\s+/g, ' ');
    expect(await said('--vocab-size', '3', '--out', out)).toContain(
      '--vocab-size: found 3, expected at least 4: [PAD], [UNK], a word and 1 special token. For example: --vocab-size 4000',
    );
    expect(await said('--vocab-size', '9', '--special', '[UNK]', '--out', out)).toContain(
      '--special: found "[UNK]", which a vocabulary of words has. Leave it out.',
    );
    const bpe = await run('train', '--keep-case', '--data', data, '--vocab-size', '300', '--out', out);
    expect(bpe.stderr.replace(/\s+/g, ' ')).toContain('--keep-case: found without --kind word');
    expect(fs.existsSync(out)).toBe(false);
  });
});
