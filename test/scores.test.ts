// Scores of written texts against sacreBLEU's numbers, and what must hold of any texts.
import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { corpusBleu, sentenceBleu } from '../src/scores/bleu.ts';
import { chrf } from '../src/scores/chrf.ts';
import { leadSentence } from '../src/scores/lead.ts';
import { exactMatch, rougeL, rougeWords } from '../src/scores/rouge.ts';
import { SACREBLEU_VERSION } from '../src/scores/signature.ts';
import { translationLines, translationScores } from '../src/scores/text_scores.ts';
import { tokenize13a } from '../src/scores/tokenizer_13a.ts';
import { wordByWord } from '../src/scores/word_by_word.ts';

interface Case {
  name: string;
  hypotheses: string[];
  references: string[][];
  bleu: number;
  precisions: number[];
  brevity_penalty: number;
  hyp_len: number;
  ref_len: number;
  counts: number[];
  totals: number[];
  bleu_lowercase: number;
  chrf2: number;
  'chrf2++': number;
  sentence_bleu_effective_order: number[];
  signature: string;
  chrf_signature: string;
}

const casesOf = (file: string): Case[] =>
  JSON.parse(fs.readFileSync(new URL(`golden/text/${file}`, import.meta.url), 'utf8')).cases;
const withoutVersion = (signature: string) => signature.replace(/version:.*$/, '');
const near = (found: number, expected: number) => expect(Math.abs(found - expected)).toBeLessThan(1e-9);

for (const file of ['metrics.json', 'awkward.json'])
  describe(`sacreBLEU's numbers in ${file}`, () => {
    for (const golden of casesOf(file))
      test(golden.name, () => {
        const { hypotheses, references } = golden;
        const bleu = corpusBleu(hypotheses, references);
        near(bleu.score, golden.bleu);
        near(bleu.brevityPenalty, golden.brevity_penalty);
        for (const [i, precision] of bleu.precisions.entries()) near(precision, golden.precisions[i]!);
        const { counts, totals, hypLength, refLength } = bleu;
        expect({ counts, totals, hypLength, refLength }).toEqual({
          counts: golden.counts,
          totals: golden.totals,
          hypLength: golden.hyp_len,
          refLength: golden.ref_len,
        });
        near(corpusBleu(hypotheses, references, { lowercase: true }).score, golden.bleu_lowercase);
        hypotheses.forEach((hypothesis, i) => {
          const own = references.map((list) => list[i]!);
          near(sentenceBleu(hypothesis, own), golden.sentence_bleu_effective_order[i]!);
        });
        near(chrf(hypotheses, references).score, golden.chrf2);
        near(chrf(hypotheses, references, { wordOrder: 2 }).score, golden['chrf2++']);
        const told = [bleu.signature, chrf(hypotheses, references).signature];
        const expected = [golden.signature, golden.chrf_signature];
        // The numbers of both releases are the same, and the signature names the first.
        if (file === 'metrics.json') expect(told).toEqual(expected);
        else expect(told.map(withoutVersion)).toEqual(expected.map(withoutVersion));
      });
  });

describe('tokens', () => {
  test.each([
    ['Hello, world.', 'Hello , world .'],
    ['1,000.5 costs $5', '1,000.5 costs $ 5'],
    ['a,b 1,b a,1', 'a , b 1 , b a , 1'],
    ['10-year-old a-5', '10 - year-old a-5'],
    ['&quot;A&amp;B&quot; &lt;b&gt; &amp;lt;', '" A & B " < b > <'],
    ['<skipped>it goes- \n on', 'it goes- on'],
    ['it goes-\non and\non', 'it goeson and on'],
    ['ends with-\n', 'ends with-'],
    ["it's (so) [x] {y} a/b:c;d", "it's ( so ) [ x ] { y } a / b : c ; d"],
    ['“Größe”，日本語。', '“Größe”，日本語。'],
    ['a\u00a0b\tc\u3000d\x1ce\ufefff', 'a b c d e\ufefff'],
    [' 😀.😀 ', '😀 . 😀'],
    ['', ''],
    [' \t ', ''],
  ])('of %j', (line, tokens) => expect(tokenize13a(line).join(' ')).toBe(tokens));
});

/** Texts of a few words, so that many runs are shared. */
const word = fc.constantFrom('the', 'cat', 'sat', 'Mat', 'größe', '😀', '1,5', 'a-b', '.', 'on,', "it's");
const sentence = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
const corpus = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 })).chain(([rows, sets]) =>
  fc.record({
    hypotheses: fc.array(sentence, { minLength: rows, maxLength: rows }),
    references: fc.array(fc.array(sentence, { minLength: rows, maxLength: rows }), {
      minLength: sets,
      maxLength: sets,
    }),
    order: fc.shuffledSubarray(
      Array.from({ length: rows }, (_, i) => i),
      { minLength: rows, maxLength: rows },
    ),
  }),
);

/** Runs of one length that a text shares with its references, found by crossing them out one by one. */
function plainMatches(said: readonly string[], references: readonly (readonly string[])[], n: number): number {
  const runs = (words: readonly string[]) =>
    words.flatMap((_, i) => (i + n <= words.length ? [JSON.stringify(words.slice(i, i + n))] : []));
  let found = 0;
  const all = runs(said);
  for (const run of new Set(all)) {
    const times = (list: readonly string[]) => list.filter((each) => each === run).length;
    found += Math.min(times(all), Math.max(...references.map((words) => times(runs(words)))));
  }
  return found;
}

describe('of any texts', () => {
  test('runs are counted as a plain count finds them', () => {
    fc.assert(
      fc.property(corpus, ({ hypotheses, references }) => {
        const { counts, totals, refLength } = corpusBleu(hypotheses, references);
        let length = 0;
        const plain = [1, 2, 3, 4].map((n) =>
          hypotheses.reduce((sum, text, row) => {
            const own = references.map((list) => tokenize13a(list[row]!));
            const tokens = tokenize13a(text).length;
            if (n === 1)
              length += own
                .map((each) => each.length)
                .sort((a, b) => Math.abs(a - tokens) - Math.abs(b - tokens) || a - b)[0]!;
            return sum + plainMatches(tokenize13a(text), own, n);
          }, 0),
        );
        expect(counts).toEqual(plain);
        expect(refLength).toBe(length);
        for (const [i, count] of counts.entries()) expect(count).toBeLessThanOrEqual(totals[i]!);
      }),
      { numRuns: 60 },
    );
  });

  test('scores are of the corpus: the order of its texts and of its references does not matter', () => {
    fc.assert(
      fc.property(corpus, ({ hypotheses, references, order }) => {
        const said = order.map((i) => hypotheses[i]!);
        const others = references.map((list) => order.map((i) => list[i]!)).reverse();
        const [one, two] = [translationScores(hypotheses, references), translationScores(said, others)];
        expect(two.bleu).toBeCloseTo(one.bleu, 9);
        expect(two.counts).toEqual(one.counts);
        // Of references that give the same score chrF takes the first.
        const first = references.slice(0, 1);
        const alone = chrf(hypotheses, first, { wordOrder: 2 }).score;
        expect(chrf(said, [order.map((i) => first[0]![i]!)], { wordOrder: 2 }).score).toBeCloseTo(alone, 9);
      }),
      { numRuns: 60 },
    );
  });

  test('scores lie between 0 and 100, and a text is its own best translation', () => {
    fc.assert(
      fc.property(corpus, ({ hypotheses, references }) => {
        const scores = translationScores(hypotheses, references);
        for (const score of [scores.bleu, scores.chrf, scores.chrfPlusPlus]) {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(100 + 1e-9);
        }
        expect(scores.brevityPenalty).toBeLessThanOrEqual(1);
        const own = translationScores(hypotheses, [hypotheses]);
        if (own.totals[3]! > 0) expect(own.bleu).toBeCloseTo(100, 9);
        if (hypotheses.some((text) => text.trim() !== '')) expect(own.chrf).toBeCloseTo(100, 9);
        expect(own.exactMatch).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  test('ROUGE-L is symmetric, 1 for the same words, and at most the share of words that are in both', () => {
    fc.assert(
      fc.property(sentence, sentence, (one, two) => {
        const score = rougeL([one], [[two]]);
        expect(score).toBeCloseTo(rougeL([two], [[one]]), 12);
        expect(rougeL([one], [[one]])).toBe(rougeWords(one).length > 0 ? 1 : 0);
        const [words, others] = [rougeWords(one), rougeWords(two)];
        const both = plainMatches(words, [others], 1);
        if (words.length > 0) expect(score).toBeLessThanOrEqual((2 * both) / (words.length + others.length) + 1e-12);
      }),
      { numRuns: 100 },
    );
  });
});

test('lists that do not fit each other are refused', () => {
  expect(() => corpusBleu([], [[]])).toThrow('hypotheses: found none, expected at least one text.');
  expect(() => chrf(['a'], [])).toThrow('references: found no list, expected at least one.');
  expect(() => rougeL(['a'], [['a'], ['a', 'b']])).toThrow(
    'references 2: found 2 texts, expected 1, one for each hypothesis.',
  );
});

test('ROUGE-L by hand', () => {
  // The example of Lin 2004, section 3.1.
  expect(rougeL(['police kill the gunman'], [['Police killed the gunman.']])).toBeCloseTo(3 / 4, 12);
  expect(rougeL(['the gunman kill police'], [['Police killed the gunman.']])).toBeCloseTo(2 / 4, 12);
  expect(rougeWords("It's 3.5 km, Straße-1")).toEqual(['it', 's', '3', '5', 'km', 'stra', 'e', '1']);
  expect(
    rougeL(
      ['a b', 'x'],
      [
        ['a b c d', 'x y z'],
        ['q', 'x'],
      ],
    ),
  ).toBeCloseTo((4 / 6 + 1) / 2, 12);
  expect([rougeL(['да'], [['да']]), exactMatch([' да'], [['да']])]).toEqual([0, 1]);
});

test('lines are those of sacreBLEU', () => {
  const scores = translationScores(['the cat sat on a mat', ''], [['the cat sat on the mat', 'no']]);
  const version = `version:${SACREBLEU_VERSION}`;
  expect(translationLines(scores)).toEqual([
    `BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|${version} = 45.48 83.3/60.0/50.0/33.3 (BP = 0.846 ratio = 0.857 hyp_len = 6 ref_len = 7)`,
    `chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|${version} = 64.12`,
    `chrF2++|nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|${version} = 64.82`,
  ]);
});

describe('what needs no network', () => {
  test('a dictionary is learned from pairs, and knows nothing else', () => {
    const write = wordByWord([
      { source: 'the house', target: 'das Haus' },
      { source: 'the book', target: 'das Buch' },
      { source: 'a book', target: 'ein Buch' },
      { source: 'a green house', target: 'ein grünes Haus' },
    ]);
    expect(write('the book, a house.')).toBe('das Buch, ein Haus.');
    expect(write('The  green book-shelf 😀 constructor')).toBe('The  grünes book-shelf 😀 constructor');
    expect(write('')).toBe('');
    expect(wordByWord([])('as it is')).toBe('as it is');
  });

  test('a longer text in which every word has one translation is learned whole', () => {
    const words = Array.from({ length: 40 }, (_, i) => `w${i}`);
    let state = 1;
    const draw = () => words[(state = (state * 48271) % 2147483647) % words.length]!;
    const pairs = Array.from({ length: 400 }, () => {
      const source = Array.from({ length: 6 }, draw);
      return {
        source: source.join(' '),
        target: source
          .map((each) => each.toUpperCase())
          .reverse()
          .join(' '),
      };
    });
    const write = wordByWord(pairs);
    expect(write(words.join(' '))).toBe(words.join(' ').toUpperCase());
  });

  test.each([
    ['It rained. It stopped.', 'It rained.'],
    ['About 3.5 km away! And more', 'About 3.5 km away!'],
    ['He said "no." She left.', 'He said "no."'],
    ['A headline\nA sentence.', 'A headline'],
    ['  no end ', 'no end'],
    ['今日は。明日', '今日は。'],
    ['', ''],
  ])('the first sentence of %j', (document, lead) => expect(leadSentence(document)).toBe(lead));
});
