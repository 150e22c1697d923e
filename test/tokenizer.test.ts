// Tokenizers: text to ids and back, ids as others have them, and the files that other tools read.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { encode as gptTokenizer } from 'gpt-tokenizer/encoding/r50k_base';
import { describe, expect, test } from 'vitest';
import { chunkEncoder, lastCut } from '../src/data/chunks.ts';
import {
  ByteTokenizer,
  CharTokenizer,
  Gpt2Tokenizer,
  loadTokenizer,
  type Tokenizer,
  tokenizerFromFiles,
} from '../src/data/tokenizer.ts';
import { InputError } from '../src/errors.ts';
import { testWith } from './harness/shared.ts';

const shared = '../shared/data';

const gpt2 = await Gpt2Tokenizer.load();
const byte = new ByteTokenizer();
const char = CharTokenizer.fromText('to be, or not to be\n');

const anyText = fc.string({ unit: 'binary', maxLength: 60 });
/** Text of what GPT-2's pattern distinguishes: contractions, runs of spaces, classes side by side, astral letters. */
const trickyText = fc
  .array(
    fc.constantFrom(
      ...[
        ' ',
        '  ',
        '\n',
        '\t',
        '\u00a0',
        '\u2003',
        "'",
        "'s",
        "'ll",
        're',
        'a',
        'word',
        'é',
        '中文',
        'ไ',
        '𝒳',
        '😀',
        '1',
        '٣',
      ],
      ...['½', '.', '!?', '_', '|', '<|', '<|endoftext|>', '|>', '\u0301', '\r\n'],
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''));

/** The statement holds for any value, tried on `numRuns` of them. */
function holds<T>(values: fc.Arbitrary<T>, statement: (value: T) => void, numRuns = 100): void {
  fc.assert(
    fc.property(values, (value) => {
      statement(value);
    }),
    { numRuns },
  );
}

const streamed = (tokenizer: Tokenizer, ids: number[]) => {
  const decoder = tokenizer.decoder();
  return ids.map((id) => decoder.push(id)).join('') + decoder.end();
};

describe('characters', () => {
  test('ids follow code point order, astral characters are one token', () => {
    const tokenizer = CharTokenizer.fromText('b😀aé\n');
    expect(tokenizer.characters).toEqual(['\n', 'a', 'b', 'é', '😀']);
    expect(tokenizer.encode('a😀b')).toEqual([1, 4, 2]);
    expect(tokenizer.decode([4, 3])).toBe('😀é');
    expect(streamed(tokenizer, [4, 3])).toBe('😀é');
    expect(tokenizer).toMatchObject({ kind: 'char', vocabSize: 5, eosId: null });
  });

  test('an unknown character is named with code point and position', () => {
    expect(() => char.encode('to é')).toThrow(
      'text: character 4: found "é" (U+00E9), which is not among the 9 characters that this tokenizer knows.',
    );
    expect(() => char.encode('😀')).toThrow('character 1: found "😀" (U+1F600)');
    expect(() => char.decode([9])).toThrow('found id 9, expected a whole number from 0 to 8');
    expect(() => char.decode([-1])).toThrow(InputError);
  });

  test('a vocabulary is of whole, different characters', () => {
    expect(() => new CharTokenizer([])).toThrow('found none');
    expect(() => new CharTokenizer(['a', 'ab'])).toThrow('found "ab", expected one whole character');
    expect(() => new CharTokenizer(['a', ''])).toThrow('expected one whole character');
    expect(() => new CharTokenizer(['\ud83d'])).toThrow('expected one whole character');
    expect(() => new CharTokenizer(['a', 'b', 'a'])).toThrow('ids 0 and 2 are both "a" (U+0061)');
  });
});

describe.each([
  ['byte', byte],
  ['gpt2', gpt2],
] as const)('%s', (_, tokenizer) => {
  test('decode undoes encode on any text', () => {
    for (const text of [anyText, trickyText]) holds(text, (t) => expect(tokenizer.decode(tokenizer.encode(t))).toBe(t));
    expect(tokenizer.decode(tokenizer.encode('\ufeffa'))).toBe('\ufeffa');
  });

  test('streaming gives the same text, for any ids', () => {
    const ids = fc.array(fc.oneof(fc.nat(255), fc.nat(tokenizer.vocabSize - 1)), { maxLength: 40 });
    holds(ids, (list) => expect(streamed(tokenizer, list)).toBe(tokenizer.decode(list)));
  });

  test('streaming holds an unfinished character back', () => {
    const ids = tokenizer.encode('😀');
    const decoder = tokenizer.decoder();
    expect(ids.map((id) => decoder.push(id))).toEqual([...ids.slice(1).map(() => ''), '😀']);
    expect(decoder.end()).toBe('');
    decoder.push(ids[0]!);
    expect(decoder.end()).toBe('\ufffd');
  });

  test('decoding keeps nothing for the next call, and refuses foreign ids', () => {
    tokenizer.decode(tokenizer.encode('é').slice(0, 1));
    expect(tokenizer.decode(tokenizer.encode('abc'))).toBe('abc');
    for (const id of [-1, 1.5, tokenizer.vocabSize])
      expect(() => tokenizer.decode([id])).toThrow(`found id ${id}, expected`);
  });
});

describe('GPT-2', () => {
  test('gives the ids of gpt-tokenizer', () => {
    const theirs = (text: string) => gptTokenizer(text, { disallowedSpecial: new Set() });
    const sameSpace = (text: string) => !/[\u0085\ufeff]/.test(text); // where JavaScript's \s is not Unicode's white space
    for (const text of [anyText, trickyText]) {
      holds(text.filter(sameSpace), (t) => expect(gpt2.encode(t)).toEqual(theirs(t)), 300);
    }
  });

  test('U+0085 is white space and U+FEFF is not, as for the tokenizers of Hugging Face', () => {
    // Ids of the Python package tokenizers 0.23.2 with GPT-2's files.
    expect(gpt2.encode('a \u0085\ufeff b')).toEqual([64, 220, 126, 227, 171, 119, 123, 275]);
  });

  test('<|endoftext|> is text unless the caller says so', () => {
    const text = 'Hello, do you like tea? <|endoftext|> In the sunlit terraces of someunknownPlace.';
    const published = '15496 11 466 345 588 8887 30 220 50256 554 262 4252 18250 8812 2114 286 617 34680 27271 13';
    expect(gpt2.encode(text, { allowSpecial: true }).join(' ')).toBe(published);
    expect(gpt2.encode(text)).not.toContain(gpt2.eosId);
    expect(gpt2.decode(gpt2.encode(text))).toBe(text);
    expect(gpt2.encode('<|endoftext|><|endoftext|>', { allowSpecial: true })).toEqual([50256, 50256]);
    expect(gpt2.decode([50256])).toBe('<|endoftext|>');
  });

  test('a run of 200,000 letters takes no longer than a text of that size', () => {
    const started = performance.now();
    expect(gpt2.decode(gpt2.encode('xyz'.repeat(66_667)))).toHaveLength(200_001);
    expect(performance.now() - started).toBeLessThan(3000);
  });

  testWith(shared, 'tokens of the published texts', () => {
    const tokens = (name: string) => gpt2.encode(readFileSync(`${shared}/text/${name}.txt`, 'utf8')).length;
    expect(tokens('the-verdict')).toBe(5145);
    expect(tokens('tinyshakespeare')).toBe(338_025);
    expect(tokens('tinystories-sample')).toBe(235_420);
    expect(tokens('wikitext2-valid')).toBe(258_659);
  });
});

describe('chunks', () => {
  const cutAnywhere = fc.tuple(trickyText, fc.array(fc.nat(60), { maxLength: 6 }));
  test.each([true, false])('a text in chunks gives the ids of the whole text (control tokens: %s)', (allowSpecial) => {
    for (const tokenizer of [gpt2, byte]) {
      holds(
        cutAnywhere,
        ([text, cuts]) => {
          const characters = [...text];
          const ends = [...cuts.map((cut) => Math.min(cut, characters.length)), characters.length].sort(
            (a, b) => a - b,
          );
          const encoder = chunkEncoder(tokenizer, { allowSpecial });
          const ids = ends.flatMap((end, i) => encoder.push(characters.slice(ends[i - 1] ?? 0, end).join('')));
          expect([...ids, ...encoder.end()]).toEqual(tokenizer.encode(text, { allowSpecial }));
        },
        1000,
      );
    }
  });

  test('little is held back, also where there are no spaces', () => {
    expect('the whale '.slice(lastCut('the whale ', 0))).toBe(' ');
    expect('the whale'.slice(lastCut('the whale', 0))).toBe(' whale');
    expect('白鯨。海は、広い'.slice(lastCut('白鯨。海は、広い', 0))).toBe('、広い');
    expect(lastCut("'s", 0)).toBe(0);
    expect(lastCut('\n\nword', 0)).toBe(0);
    expect(lastCut('<|endoftext|>', 0)).toBe(0);
  });

  test('a run that never breaks is refused before it fills the memory', () => {
    const encoder = chunkEncoder(gpt2, {}, 100);
    encoder.push('words and then '.repeat(100) + 'a'.repeat(90));
    expect(() => encoder.push('a'.repeat(20))).toThrow('found a run of 111 characters without a break, expected words');
  });
});

describe('files', () => {
  test.each([
    ['char', CharTokenizer.fromText('a0 \n"\\é😀')],
    ['byte', byte],
    ['gpt2', gpt2],
  ] as const)('%s comes back from its two files, or from tokenizer.json alone', async (kind, tokenizer) => {
    const files = tokenizer.files();
    expect([...files.keys()]).toEqual(['tokenizer.json', 'tokenizer_config.json']);
    for (const read of [
      await tokenizerFromFiles(files),
      await loadTokenizer(async (name) => files.get(name)),
      await tokenizerFromFiles(new Map([['tokenizer.json', files.get('tokenizer.json')!]])),
    ]) {
      expect(read).toMatchObject({ kind, vocabSize: tokenizer.vocabSize, eosId: tokenizer.eosId });
      expect(read.encode('a0 \n"')).toEqual(tokenizer.encode('a0 \n"'));
      expect(read.files()).toEqual(files);
    }
  });

  test('GPT-2 has its 50,000 merges in rank order, its control token last, and the map of its bytes', () => {
    const json = JSON.parse(gpt2.files().get('tokenizer.json')!);
    expect(json.model.merges.slice(0, 3)).toEqual(['Ġ t', 'Ġ a', 'h e']);
    expect(json.model.merges.length).toBe(50_000);
    expect(json.model.vocab).toMatchObject({ '!': 0, Ġthe: 262, Hello: 15496, '<|endoftext|>': 50256 });
    expect(json.added_tokens).toMatchObject([{ id: 50256, content: '<|endoftext|>', special: true }]);
    expect(JSON.parse(byte.files().get('tokenizer.json')!).model.vocab).toMatchObject({ Ā: 0, Ġ: 32, '!': 33, ÿ: 255 });
  });

  testWith(shared, 'vocabulary and merges are those that OpenAI published, and load from its files', async () => {
    const json = JSON.parse(gpt2.files().get('tokenizer.json')!);
    const vocab = readFileSync(`${shared}/tokenizers/gpt2-encoder.json`, 'utf8');
    const merges = readFileSync(`${shared}/tokenizers/gpt2-vocab.bpe`, 'utf8');
    expect(json.model.vocab).toEqual(JSON.parse(vocab));
    expect(json.model.merges).toEqual(merges.trimEnd().split('\n').slice(1));
    const files = new Map([
      ['vocab.json', vocab],
      ['merges.txt', merges],
    ]);
    expect((await tokenizerFromFiles(files)).kind).toBe('gpt2');
  });
});

describe('malformed files are refused with a sentence', () => {
  const good = JSON.parse(char.files().get('tokenizer.json')!);
  const refused = async (text: string) => {
    const error = await tokenizerFromFiles(new Map([['tokenizer.json', text]])).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  };
  const withModel = (model: object, rest: object = {}) => refused(JSON.stringify({ ...good, ...rest, model }));

  test.each<[string, string, string]>([
    ['empty', '', 'found an empty file'],
    ['null', 'null', 'found null, expected an object'],
    ['a list', '[]', 'found a list, expected an object'],
    ['a web page', '<!DOCTYPE html><html>', 'found a web page, expected JSON. The download was redirected'],
    ['cut short', '{"model": {"type"', 'not JSON at byte 17: found the end, expected ":"'],
    ['no model', '{}', 'model: found nothing, expected an object'],
    [
      'an inexact id',
      '{"model": {"vocab": {"x": 9007199254740993}}}',
      'model.vocab: "x": found id 9007199254740993, expected a whole number',
    ],
    ['a repeated key', '{"model": {"a": 1, "\\u0061": 2}}', '"a" appears twice (again at byte 19), expected once'],
    ['nested 100,000 deep', `{"pre_tokenizer": ${'['.repeat(100_000)}`, 'nesting over 64 levels'],
  ])('%s', async (_, text, message) => {
    expect((await refused(text)).slice(0, 200)).toContain(`tokenizer.json: ${message}`);
  });

  test('ids must be 0 to V-1, once each', async () => {
    const vocab = (v: unknown) => withModel({ type: 'BPE', vocab: v, merges: [] });
    expect(await vocab({ a: 0, b: 0 })).toContain('id 0 is "a" and "b", expected one token an id');
    expect(await vocab({ a: 0, b: 2 })).toContain('id 1 is missing, expected ids 0 to 1 once each');
    expect(await vocab({ a: 0, b: -1 })).toContain('"b": found id -1, expected a whole number');
    expect(await vocab({ a: 0, b: 1.5 })).toContain('"b": found id 1.5');
    expect(await vocab({ a: 0, b: '1' })).toContain('"b": found id text "1"');
    expect(await vocab({ '': 0 })).toContain('found an empty token');
    expect(await vocab({})).toContain('found no tokens');
    expect(await vocab(null)).toContain('model.vocab: found null');
    expect(await withModel(good.model, { added_tokens: [{ id: 10, content: '' }] })).toContain(
      'added token 1: found an empty token',
    );
    expect(await withModel(good.model, { added_tokens: [{ id: 5, content: 'a b' }] })).toContain(
      'id 5 is "n" and "a b"',
    );
    expect(await withModel(good.model, { added_tokens: 7 })).toContain('added_tokens: found 7, expected a list');
  });

  test('merges must be pairs of known tokens, once each', async () => {
    const merges = (list: unknown) => withModel({ type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: list });
    expect(await merges(['a b c'])).toContain('merge 1: found text "a b c" (3 parts), expected two tokens');
    expect(await merges(['a b', 'b b'])).toContain('merge 2: found "bb", which is not in the vocabulary');
    expect(await merges(['a b', ['a', 'b']])).toContain('merge 2: found "a b" again');
    expect(await merges('a b')).toContain('model.merges: found text "a b", expected a list');
    expect(await merges(['a b'])).toContain('decoder: found {"type":"Fuse"}, expected ByteLevel.');
  });

  test('nothing from a file is run', async () => {
    const started = performance.now();
    const normalizer = { type: 'Replace', pattern: { Regex: '(a+)+$' }, content: 'a' };
    expect(await withModel(good.model, { normalizer })).toContain(
      'normalizer: found {"type":"Replace","pattern":{"Regex":"(a+)+$"}',
    );
    const pre = { type: 'Split', pattern: { Regex: '(a+)+$' } };
    expect(await withModel(good.model, { pre_tokenizer: pre })).toContain(
      'Patterns and rules from files are never run',
    );
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('other tokenizers, and almost GPT-2, are told from it', async () => {
    expect(await withModel({ type: 'WordPiece', vocab: {} })).toContain(
      'model.type: found text "WordPiece", expected "BPE" or "WordLevel". Models of the GPT-2',
    );
    const json = JSON.parse(gpt2.files().get('tokenizer.json')!);
    const swap = (o: Record<string, number>, a: string, b: string) => ({ ...o, [a]: o[b], [b]: o[a] });
    const swapped = { ...json, model: { ...json.model, vocab: swap(json.model.vocab, 'Hello', 'Ġthe') } };
    expect(await refused(JSON.stringify(swapped))).toContain('found id 262 as "Hello", expected "Ġthe" as in GPT-2');
    json.model.merges.reverse();
    expect(await refused(JSON.stringify(json))).toContain(
      'found merge 1 as "Ġg azed", expected the 50000 merges of GPT-2',
    );
  });

  test('the two files must agree, and one must be there', async () => {
    const files = new Map([...char.files(), ['tokenizer_config.json', byte.files().get('tokenizer_config.json')!]]);
    await expect(tokenizerFromFiles(files)).rejects.toThrow(
      'tokenizer_config.json: shaderformer_tokenizer: found text "byte", expected "char"',
    );
    await expect(tokenizerFromFiles(new Map())).rejects.toThrow('found no tokenizer.json');
    await expect(tokenizerFromFiles(new Map([['vocab.json', '{}']]))).rejects.toThrow('or vocab.json with merges.txt');
  });
});
