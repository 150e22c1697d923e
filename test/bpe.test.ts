// Byte-level BPE trained here: the merges by hand, against a slow reference, against the library that others read the files with.
import { readFileSync } from 'node:fs';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BpeTokenizer, GPT2_BYTES, type MergePair } from '../src/data/bpe.ts';
import { PieceCounter } from '../src/data/bpe_count.ts';
import { learnMerges } from '../src/data/bpe_train.ts';
import { byteString, visible } from '../src/data/byte_level.ts';
import { chunkEncoder } from '../src/data/chunks.ts';
import { Gpt2Tokenizer, type Tokenizer, tokenizerFromFiles } from '../src/data/tokenizer.ts';
import { InputError } from '../src/errors.ts';
import { testWith } from './harness/shared.ts';

const shared = '../shared/data/text/tinyshakespeare.txt';

/** All merges of a text or of counted pieces, at most `most`. */
function merges(from: string | Record<string, number>, most = Number.POSITIVE_INFINITY): MergePair[] {
  const counts = typeof from === 'string' ? countsOf([from]) : new Map(Object.entries(from));
  const pairs: MergePair[] = [];
  for (const { pair } of learnMerges(counts)) {
    if (pairs.length === most) break;
    pairs.push(pair);
  }
  return pairs;
}

function countsOf(chunks: readonly string[], special: readonly string[] = []): Map<string, number> {
  const counter = new PieceCounter(special);
  for (const chunk of chunks) counter.add(chunk);
  counter.endDocument();
  return counter.counts;
}

const joined = (pairs: readonly MergePair[]) => pairs.map((pair) => pair.join(' '));

/** The slow way: every pair counted anew for every merge, then every piece rewritten from the left. */
function slowMerges(counts: ReadonlyMap<string, number>): MergePair[] {
  let words = [...counts].map(([piece, count]) => ({ tokens: [...byteString(piece)], count }));
  const learned: MergePair[] = [];
  for (;;) {
    const pairs = new Map<string, { pair: MergePair; count: number }>();
    for (const { tokens, count } of words)
      for (let i = 1; i < tokens.length; i++) {
        const pair = [tokens[i - 1]!, tokens[i]!] as const;
        const key = JSON.stringify(pair);
        pairs.set(key, { pair, count: (pairs.get(key)?.count ?? 0) + count });
      }
    const greater = (a: MergePair, b: MergePair) => (a[0] === b[0] ? a[1] > b[1] : a[0] > b[0]);
    const [best] = [...pairs.values()].sort((a, b) => b.count - a.count || (greater(a.pair, b.pair) ? -1 : 1));
    if (!best || best.count < 2) return learned;
    const [left, right] = best.pair;
    learned.push(best.pair);
    words = words.map(({ tokens, count }) => {
      const out: string[] = [];
      for (let i = 0; i < tokens.length; i++)
        out.push(tokens[i] === left && tokens[i + 1] === right ? left + tokens[++i]! : tokens[i]!);
      return { tokens: out, count };
    });
  }
}

/** Text of few letters, so that pairs repeat, overlap and tie. */
const fewLetters = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', '1', ' ', '\n', '.'), maxLength: 120 });
const anyText = fc.string({ unit: 'binary', maxLength: 60 });
const trickyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ' ',
        '   ',
        '\n\n',
        '\t',
        '\u00a0',
        "'s",
        "'ll",
        'the',
        ' whale',
        'é',
        '中文',
        '𝒳',
        '😀',
        '12',
        '½',
      ),
      fc.constantFrom('.', '!?', '_', '<|', '<|endoftext|>', '<|user|>', '|>', '\u0301', '\r\n', '\ud83d', '\udc00'),
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''));

function holds<T>(values: fc.Arbitrary<T>, statement: (value: T) => void, numRuns = 200): void {
  fc.assert(
    fc.property(values, (value) => {
      statement(value);
    }),
    { numRuns },
  );
}

const text = 'The whale, the white whale! 白鯨 the whale’s 😀😀 whiteness, 12 12 121.\n\n  the end\n'.repeat(3);
const special = ['<|endoftext|>', '<|user|>'];
const bpe = BpeTokenizer.fromMerges(merges(text), special);
/** What text becomes: half surrogate pairs have no bytes. */
const wellFormed = (t: string) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(t));

describe('merges', () => {
  test('of a small corpus are those worked out by hand', () => {
    // abab 3 times, ab once, bcb 4 times, cb 3 times.
    //   a b: 2*3 + 1 = 7   b a: 3   b c: 4   c b: 4 + 3 = 7.     a b and c b tie, c is greater:   c b
    // Now b cb (4), cb (3).       a b: 7   b a: 3   b cb: 4.     The most frequent:               a b
    // Now ab ab (3), ab (1).      ab ab: 3   b cb: 4.                                             b cb
    // Now bcb (4).                ab ab: 3.                                                       ab ab
    // Every piece is one token.
    const counts = { abab: 3, ab: 1, bcb: 4, cb: 3 };
    expect(joined(merges(counts))).toEqual(['c b', 'a b', 'b cb', 'ab ab']);
    expect([...learnMerges(new Map(Object.entries(counts)))].map(({ count }) => count)).toEqual([7, 7, 4, 3]);
  });

  test('of the example of the paper, ties to the greater pair', () => {
    // Sennrich et al. 2016, section 3.2. st and es tie at 9, and so on; lowe r comes last of all.
    const counts = { low: 5, lower: 2, newest: 6, widest: 3 };
    expect(joined(merges(counts))).toEqual(
      's t|e st|o w|l ow|w est|n e|ne west|w i|wi d|wid est|low e|lowe r'.split('|'),
    );
  });

  test('tie by bytes, first the left token, then the right one', () => {
    expect(joined(merges({ xy: 2, xz: 2 }))).toEqual(['x z', 'x y']);
    expect(joined(merges({ xz: 2, yx: 2 }))).toEqual(['y x', 'x z']);
    // A token is greater than its own beginning: after a b, ab c and a d tie.
    expect(joined(merges({ abc: 2, ab: 1, ad: 2 }))).toEqual(['a b', 'ab c', 'a d']);
    // Not by GPT-2's numbers, where a line end (198) comes after z (89), nor by UTF-16, where U+FFxx comes after surrogates.
    expect(merges({ '\n\t': 2, zz: 2 })[0]).toEqual(['z', 'z']);
    expect(visible(merges({ '！': 2, '😀': 2 })[0]!.join(''))).toBe(visible('\u00f0\u009f'));
  });

  test('of a run of one letter are made from the left', () => {
    // aaaaa: a a (4 pairs); then aa aa a: aa aa and aa a tie at 2, aa is greater; then aaaa a.
    expect(joined(merges({ aaaaa: 2 }))).toEqual(['a a', 'aa aa', 'aaaa a']);
  });

  test('equal those of the slow way on any text', () => {
    for (const texts of [fewLetters, trickyText])
      holds(texts, (t) => {
        const counts = countsOf([t]);
        const fast = [...learnMerges(counts)].map(({ pair }) => pair);
        expect(fast).toEqual(slowMerges(counts));
        expect(new Set(fast.map(([left, right]) => left + right)).size).toBe(fast.length);
      });
  });

  test('depend on counts alone, not on the order of the pieces', () => {
    holds(fewLetters, (t) => {
      const counts = [...countsOf([t])];
      expect(merges(Object.fromEntries(counts.reverse()))).toEqual(merges(t));
    });
  });

  test('end where no pair occurs twice', () => {
    expect([merges(''), merges('a'), merges('abc'), merges('abab cd', 1)]).toEqual([[], [], [], [['a', 'b']]]);
  });

  test('stay inside pieces of the pattern', () => {
    const learned = merges("it's 12, it's 12, it's 12,").map(([left, right]) => left + right);
    expect(learned).toContain("'s");
    expect(learned).toContain(' 12');
    for (const token of learned) expect(token).toMatch(/^( ?[a-z]+| ?\d+|'s|,)$/);
  });
});

describe('counting', () => {
  test('is the same for any chunks', () => {
    holds(fc.tuple(trickyText, fc.array(fc.nat(60), { maxLength: 6 })), ([raw, cuts]) => {
      const characters = [...wellFormed(raw)];
      const ends = [...cuts.map((cut) => Math.min(cut, characters.length)), characters.length].sort((a, b) => a - b);
      const chunks = ends.map((end, i) => characters.slice(ends[i - 1] ?? 0, end).join(''));
      for (const tokens of [special, ['aXa', '\n\n', ' ', 'e<|'], []])
        expect(countsOf(chunks, tokens)).toEqual(countsOf([characters.join('')], tokens));
    });
  });

  test('stops at special tokens and leaves them out; the longest of several wins', () => {
    expect(Object.fromEntries(countsOf(['ab<|user|>ab  <|endoftext|>'], special))).toEqual({ ab: 2, '  ': 1 });
    expect(Object.fromEntries(countsOf(['a<x>b<x>>c'], ['<x>', '<x>>']))).toEqual({ a: 1, b: 1, c: 1 });
    expect(Object.fromEntries(countsOf(['(a)[b]*'], ['(a)', '[b]*']))).toEqual({});
  });

  test('nothing reaches over the end of a document', () => {
    const counter = new PieceCounter();
    for (const document of ['whale', 's ']) {
      counter.add(document);
      counter.endDocument();
    }
    expect(Object.fromEntries(counter.counts)).toEqual({ whale: 1, s: 1, ' ': 1 });
  });
});

describe('the tokenizer', () => {
  test('numbers bytes as GPT-2 does, then merges, then special tokens', async () => {
    const gpt2 = await Gpt2Tokenizer.load();
    expect(GPT2_BYTES.map(visible)).toEqual(gpt2.visibleTokens().slice(0, 256));
    const small = BpeTokenizer.fromMerges([['t', 'h'], ['th', 'e']], special); // biome-ignore format: a pair each
    expect(small.encode('the th\n')).toEqual([257, 220, 256, 198]);
    expect(small).toMatchObject({ kind: 'bpe', vocabSize: 260, eosId: 258, specialTokens: special });
    expect(small.encode('<|user|>the<|endoftext|>', { allowSpecial: true })).toEqual([259, 257, 258]);
    expect(small.encode('<|user|>')).toHaveLength(8);
    expect(small.decode([259, 257, 258])).toBe('<|user|>the<|endoftext|>');
    expect(BpeTokenizer.fromMerges([], []).eosId).toBe(null);
    for (const id of [-1, 1.5, 260])
      expect(() => small.decode([id])).toThrow(`found id ${id}, expected a whole number`);
  });

  test('decode undoes encode on any text, and half characters become U+FFFD', () => {
    for (const texts of [anyText, trickyText])
      for (const allowSpecial of [false, true])
        holds(texts, (t) => expect(bpe.decode(bpe.encode(t, { allowSpecial }))).toBe(wellFormed(t)));
  });

  test('each byte is a token of its own', () => {
    const all = GPT2_BYTES.map((_, id) => bpe.decode([id]));
    expect(all.filter((t) => t !== '\ufffd')).toHaveLength(128);
  });

  test('streaming gives the same text for any ids, and never splits a character', () => {
    const streamed = (ids: readonly number[]) => {
      const decoder = bpe.decoder();
      return [...ids.map((id) => decoder.push(id)), decoder.end()];
    };
    holds(fc.array(fc.nat(bpe.vocabSize - 1), { maxLength: 40 }), (ids) =>
      expect(streamed(ids).join('')).toBe(bpe.decode(ids)),
    );
    holds(trickyText.map(wellFormed), (t) => {
      for (const part of streamed(bpe.encode(t))) expect(part).toBe(wellFormed(part));
      expect(streamed(bpe.encode(t)).join('')).toBe(t);
    });
  });

  test('a text in chunks gives the ids of the whole text', () => {
    holds(fc.tuple(trickyText.map(wellFormed), fc.nat(60)), ([t, at]) => {
      const characters = [...t];
      for (const allowSpecial of [false, true]) {
        const encoder = chunkEncoder(bpe, { allowSpecial });
        const ids = [characters.slice(0, at), characters.slice(at)].flatMap((part) => encoder.push(part.join('')));
        expect([...ids, ...encoder.end()]).toEqual(bpe.encode(t, { allowSpecial }));
      }
    });
  });
});

/** Ids as the library that reads our files gives them. It always finds special tokens. */
function libraryOf(files: ReadonlyMap<string, string>): (text: string) => number[] {
  const [json, config] = ['tokenizer.json', 'tokenizer_config.json'].map(
    (name) => JSON.parse(files.get(name)!) as object,
  );
  const library = new LibraryTokenizer(json!, config!);
  return (t) => library.encode(t, { add_special_tokens: false }).ids;
}
const known = (tokenizer: Tokenizer) => (t: string) => tokenizer.encode(t, { allowSpecial: true });
/** Where JavaScript's \s is Unicode's white space. */
const sameSpace = (t: string) => !/[\u0085\ufeff]/.test(t);

describe('files', () => {
  test('give the same ids in the library, and its text back', () => {
    const library = libraryOf(bpe.files());
    for (const texts of [anyText, trickyText, fewLetters])
      holds(texts.filter(sameSpace), (t) => expect(library(t)).toEqual(known(bpe)(t)), 300);
    const json = JSON.parse(bpe.files().get('tokenizer.json')!);
    const whole = new LibraryTokenizer(json, JSON.parse(bpe.files().get('tokenizer_config.json')!));
    expect(whole.decode(bpe.encode(text), { skip_special_tokens: false })).toBe(text);
  });

  test('come back as the same tokenizer, with its config or without, and are written as they were', async () => {
    for (const tokenizer of [bpe, BpeTokenizer.fromMerges([], []), BpeTokenizer.fromMerges(merges(text), ['<s>'])]) {
      const files = tokenizer.files();
      for (const given of [files, new Map([...files].slice(0, 1))]) {
        const read = await tokenizerFromFiles(given);
        const { kind, vocabSize, eosId } = tokenizer;
        expect(read).toMatchObject({ kind, vocabSize, eosId, specialTokens: tokenizer.specialTokens });
        expect(read.files()).toEqual(files);
        for (const t of [text, special.join(' ')]) expect(known(read)(t)).toEqual(known(tokenizer)(t));
      }
    }
  });

  test('say what Hugging Face’s readers look for', () => {
    const json = JSON.parse(bpe.files().get('tokenizer.json')!);
    expect(json.model).toMatchObject({ type: 'BPE', vocab: { '!': 0, Ġ: 220, '<|user|>': bpe.vocabSize - 1 } });
    expect(json.model.merges).toHaveLength(bpe.vocabSize - 258);
    expect(json.pre_tokenizer).toMatchObject({ type: 'ByteLevel', add_prefix_space: false, use_regex: true });
    expect(json.decoder).toMatchObject({ type: 'ByteLevel' });
    expect(json.added_tokens.map(({ content, special: is }: Record<string, unknown>) => [content, is])).toEqual([
      ['<|endoftext|>', true],
      ['<|user|>', true],
    ]);
    expect(JSON.parse(bpe.files().get('tokenizer_config.json')!)).toMatchObject({
      tokenizer_class: 'PreTrainedTokenizerFast',
      eos_token: '<|endoftext|>',
    });
  });

  test('a vocabulary as large as GPT-2’s is told from GPT-2', async () => {
    const many = Array.from({ length: 50_257 - 257 }, (_, i) =>
      byteString(String.fromCodePoint(0x4e00 + (i % 20_000), 0x61 + i)),
    );
    const pairs = new Map<string, MergePair>();
    for (const token of many)
      for (let end = 2; end <= token.length && pairs.size < 50_000; end++)
        pairs.set(token.slice(0, end), [token.slice(0, end - 1), token[end - 1]!]);
    const large = BpeTokenizer.fromMerges([...pairs.values()]);
    expect(large.vocabSize).toBe(50_257);
    const read = await tokenizerFromFiles(large.files());
    expect([read.kind, read.encode(text)]).toEqual(['bpe', large.encode(text)]);
  });

  test('with special tokens first, as Hugging Face’s trainer numbers them, are read too', async () => {
    const json = JSON.parse(bpe.files().get('tokenizer.json')!);
    const { vocabSize } = bpe;
    const moved = (id: number) => (id >= vocabSize - 2 ? id - (vocabSize - 2) : id + 2);
    for (const token of Object.keys(json.model.vocab)) json.model.vocab[token] = moved(json.model.vocab[token]);
    for (const token of json.added_tokens) token.id = moved(token.id);
    const files = new Map([...bpe.files(), ['tokenizer.json', JSON.stringify(json)]]);
    const read = await tokenizerFromFiles(files);
    expect([read.vocabSize, read.eosId]).toEqual([vocabSize, 0]);
    const library = libraryOf(files);
    holds(trickyText, (t) => {
      expect(known(read)(t)).toEqual(library(t));
      expect(known(read)(t)).toEqual(known(bpe)(t).map(moved));
      expect(read.decode(read.encode(t))).toBe(wellFormed(t));
    });
    expect(JSON.parse((await tokenizerFromFiles(read.files())).files().get('tokenizer.json')!)).toEqual({
      ...json,
      added_tokens: json.added_tokens,
    });
  });

  test('eos_token of the configuration ends documents, if it is a special token', async () => {
    const named = async (eos: unknown) => {
      const config = { ...JSON.parse(bpe.files().get('tokenizer_config.json')!), eos_token: eos };
      return (await tokenizerFromFiles(new Map([...bpe.files(), ['tokenizer_config.json', JSON.stringify(config)]])))
        .eosId;
    };
    const [end, user] = [bpe.vocabSize - 2, bpe.vocabSize - 1];
    expect([await named('<|user|>'), await named({ content: '<|user|>' }), await named(null)]).toEqual([
      user,
      user,
      end,
    ]);
    expect(await named('e')).toBe(null);
  });
});

describe('files that are not quite of this kind', () => {
  type Json = { model: Record<string, unknown>; pre_tokenizer: object; added_tokens: Record<string, unknown>[] };
  const good = (): Json & Record<string, unknown> =>
    JSON.parse(BpeTokenizer.fromMerges([['a', 'b'], ['ab', 'c'], ['d', 'e']]).files().get('tokenizer.json')!); // biome-ignore format: a pair each
  const opened = async (change: (json: ReturnType<typeof good>) => void) => {
    const json = good();
    change(json);
    return tokenizerFromFiles(new Map([['tokenizer.json', JSON.stringify(json)]]));
  };
  const set = (key: string, value: unknown) => (json: Json) => void (json.model[key] = value);
  const [ab, abc] = [256, 257];

  test.each<[string, (json: Json & Record<string, unknown>) => void]>([
    ['pieces that are tokens stay whole', set('ignore_merges', true)],
    ['an added token is plain', (json) => void (json.added_tokens[0]!.special = false)],
    ['merges are in an order that no text teaches', set('merges', ['ab c', 'a b', 'd e'])],
    [
      'two merges make one token',
      (json) => {
        json.model.vocab = { ...(json.model.vocab as object), bc: 260 };
        json.model.merges = ['b c', 'a bc', 'a b', 'ab c', 'd e'];
      },
    ],
    [
      'a token is put before every text',
      (json) => {
        const special_tokens = { '<|endoftext|>': { id: '<|endoftext|>', ids: [259], tokens: ['<|endoftext|>'] } };
        const single = [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
        json.post_processor = { type: 'TemplateProcessing', single, special_tokens };
      },
    ],
  ])('go to the library where %s', async (_, change) => {
    const tokenizer = await opened(change);
    expect(tokenizer.kind).toBe('huggingface');
    expect(tokenizer.encode('abc ab')).toEqual([abc, 220, ab]);
  });

  test('are refused with a sentence where ids would differ', async () => {
    const refused = async (change: Parameters<typeof opened>[0]) => {
      const error = await opened(change).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(InputError);
      return (error as InputError).message;
    };
    expect(await refused(set('byte_fallback', true))).toContain('model.byte_fallback: found true, expected false.');
    expect(await refused(set('dropout', 0.1))).toContain('tokenizer.json: model.dropout: found 0.1, expected 0.');
    expect(await refused(set('end_of_word_suffix', '</w>'))).toContain('model.end_of_word_suffix: found text "</w>"');
    expect(await refused(set('merges', ['a b', 'd e', 'a bc']))).toContain(
      'found "bc", which is not in the vocabulary',
    );
    const pre = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
    expect(await refused((json) => void (json.pre_tokenizer = pre))).toContain('expected a pattern that cuts texts');
    const post = { type: 'TemplateProcessing', single: [] };
    expect(await refused((json) => void (json.post_processor = post))).toContain(
      'post_processor: found {"type":"TemplateProcessing","single":[]}, expected a template that holds the text.',
    );
    expect(await refused((json) => void (json.added_tokens[0]!.lstrip = true))).toContain(
      'added token "<|endoftext|>": lstrip: found true, expected false.',
    );
  });

  test('lack a byte: texts with it are refused, others are not', async () => {
    for (const name of ['漢', 'zzzz']) {
      const tokenizer = await opened(({ model }) => {
        const vocab = model.vocab as Record<string, number>;
        vocab[name] = vocab['!']!;
        delete vocab['!'];
      });
      expect(tokenizer.encode('ab')).toEqual([ab]);
      expect(() => tokenizer.encode('ab!')).toThrow(
        'text: character 3: found "!" (U+0021), whose bytes are not all in the vocabulary',
      );
    }
  });
});

test('1 MB at 500 tokens is learned in under 5 s', () => {
  const letters = 'etaoinshrdlu';
  let state = 1;
  const next = (n: number) => {
    state = (state * 48271) % 2147483647;
    return state % n;
  };
  const words = Array.from({ length: 20_000 }, () =>
    Array.from({ length: 2 + next(9) }, () => letters[next(letters.length)]).join(''),
  );
  let long = '';
  while (long.length < 1e6) long += `${words[Math.floor((next(1000) * next(20_000)) / 1000)]} `;
  const since = performance.now();
  const learned = merges(long, 500 - 257);
  expect(performance.now() - since).toBeLessThan(5000);
  expect(learned).toHaveLength(243);
});

testWith(shared, 'a play at 500 tokens: its commonest merges, and the library agrees on all of it', () => {
  const play = readFileSync(shared, 'utf8');
  const learned = merges(play, 500 - 257);
  expect(learned.slice(0, 4)).toEqual([[' ', 't'], ['h', 'e'], [' ', 'a'], ['o', 'u']]); // biome-ignore format: a pair each
  const tokenizer = BpeTokenizer.fromMerges(learned);
  const ids = tokenizer.encode(play);
  expect(tokenizer.decode(ids)).toBe(play);
  expect(libraryOf(tokenizer.files())(play.slice(0, 100_000))).toEqual(tokenizer.encode(play.slice(0, 100_000)));
});
