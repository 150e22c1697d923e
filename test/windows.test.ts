// Windows of tokens: what a batch holds, that a cursor continues exactly, that validation sees every token once, and what
// counting models reach.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countingBaselines, tokenChunks } from '../src/data/counting.ts';
import { shuffled } from '../src/data/shuffled.ts';
import { readText } from '../src/data/text_reader.ts';
import { mobyDick } from '../src/data/text_source.ts';
import { CharTokenizer, Gpt2Tokenizer } from '../src/data/tokenizer.ts';
import { validationWindows, WindowSampler, type WindowSettings } from '../src/data/windows.ts';
import { InputError } from '../src/errors.ts';
import { testWith } from './harness/shared.ts';

const shared = '../shared/data/text/the-verdict.txt';

/** Tokens that say where they are: token i is i. Reading outside fails. */
const counting = (length: number) => (start: number, n: number) => {
  if (start < 0 || start + n > length) throw new RangeError(`${start}+${n} of ${length}`);
  return Int32Array.from({ length: n }, (_, i) => start + i);
};
const sampler = (settings: WindowSettings) => new WindowSampler(settings, counting(settings.length));
const random: WindowSettings = { kind: 'random', length: 1000, blockSize: 8, batch: 4, seed: 1337 };
const strided: WindowSettings = { kind: 'strided', length: 100, blockSize: 8, batch: 4, stride: 4, seed: 1337 };

describe.each([random, strided])('$kind windows', (settings) => {
  test('targets are the inputs one further on, rows begin at their starts', () => {
    const { inputs, targets, starts } = sampler(settings).next();
    expect(starts).toHaveLength(4);
    expect([...inputs]).toEqual(starts.flatMap((start) => Array.from({ length: 8 }, (_, i) => start + i)));
    expect([...targets]).toEqual([...inputs].map((id) => id + 1));
  });

  test('the seed decides, and nothing else', () => {
    const starts = (seed: number) =>
      Array.from(
        { length: 5 },
        (
          (s) => () =>
            s.next().starts
        )(sampler({ ...settings, seed })),
      );
    expect(starts(1)).toEqual(starts(1));
    expect(starts(1)).not.toEqual(starts(2));
  });

  test('a restored cursor goes on exactly as the unbroken run, from any step', () => {
    const unbroken = sampler(settings);
    const batches = Array.from({ length: 40 }, () => unbroken.next());
    fc.assert(
      fc.property(fc.nat(39), (step) => {
        const first = sampler(settings);
        for (let i = 0; i < step; i++) first.next();
        const second = sampler(settings);
        second.restore(JSON.parse(JSON.stringify(first.state())));
        for (let i = step; i < 40; i++) expect(second.next()).toEqual(batches[i]);
      }),
      { numRuns: 20 },
    );
  });

  test('a cursor of other settings is refused, with both values', () => {
    const cursor = sampler(settings).state();
    for (const [field, value] of Object.entries({
      kind: 'x',
      length: 999,
      blockSize: 9,
      batch: 5,
      stride: 3,
      seed: 7,
    })) {
      const was = cursor[field as keyof WindowSettings];
      expect(() => sampler(settings).restore({ ...cursor, [field]: value } as never)).toThrow(
        `data cursor: ${field}: found ${was}, expected ${value} as in the saved run`,
      );
    }
    expect(() => sampler(settings).restore({ ...cursor, step: -1 })).toThrow('data cursor: step: found -1');
  });

  test('settings out of range are refused', () => {
    expect(() => sampler({ ...settings, length: 8 })).toThrow('found 8 tokens, expected at least 9 for a context of 8');
    expect(() => sampler({ ...settings, batch: 0 })).toThrow('batch: found 0');
    expect(() => sampler({ ...settings, blockSize: 1.5 })).toThrow(InputError);
    expect(() => sampler({ ...settings, seed: -1 })).toThrow('seed: found -1');
    expect(() => sampler({ ...settings, seed: 2 ** 32 })).toThrow('seed: found 4294967296');
  });
});

describe('random windows', () => {
  test('every start is possible and about equally likely', () => {
    const windows = sampler({ ...random, length: 18, batch: 100 });
    const seen = new Array<number>(10).fill(0);
    for (let step = 0; step < 100; step++) for (const start of windows.next().starts) seen[start]!++;
    expect(seen).toHaveLength(10); // starts 0 to 9: the last window ends with the last token as target
    for (const count of seen) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(900)); // 5 standard deviations
  });

  test('one more token than a context is enough', () => {
    expect(sampler({ ...random, length: 9 }).next().starts).toEqual([0, 0, 0, 0]);
  });
});

describe('strided windows', () => {
  test('an epoch visits each window at most once, the incomplete last batch is dropped, epochs differ', () => {
    const windows = sampler(strided);
    expect(windows.batchesPerEpoch).toBe(5); // 23 windows, 4 a batch
    const epoch = () => Array.from({ length: 5 }, () => windows.next().starts).flat();
    const [first, second] = [epoch(), epoch()];
    for (const starts of [first, second]) {
      expect(new Set(starts).size).toBe(20);
      expect(starts.every((start) => start % 4 === 0 && start <= 88)).toBe(true);
    }
    expect(first).not.toEqual(second);
    expect(first).not.toEqual([...first].sort((a, b) => a - b));
  });

  test('fewer windows than a batch are refused', () => {
    expect(() => sampler({ ...strided, stride: 50 })).toThrow(
      'found 2 windows of 8 tokens at stride 50, expected at least one batch',
    );
  });

  test('an order is a permutation, whatever the count', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), fc.nat(1000), fc.nat(50), (n, seed, epoch) => {
        const order = Array.from({ length: n }, (_, i) => shuffled(i, n, seed, epoch));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
      { numRuns: 50 },
    );
    const large = Array.from({ length: 1000 }, (_, i) => shuffled(i, 3_000_000_000, 1, 0));
    expect(new Set(large).size).toBe(1000);
    expect(Math.max(...large)).toBeGreaterThan(2.9e9);
  });

  testWith(shared, 'the book has 9 training batches and 1 for validation', async () => {
    const text = readFileSync(shared, 'utf8');
    const gpt2 = await Gpt2Tokenizer.load();
    const cut = Math.floor(text.length * 0.9);
    const batches = [text.slice(0, cut), text.slice(cut)].map((part) => {
      const length = gpt2.encode(part).length;
      return sampler({ kind: 'strided', length, blockSize: 256, batch: 2, seed: 0 }).batchesPerEpoch;
    });
    expect(batches).toEqual([9, 1]);
  });
});

describe('validation windows', () => {
  test('predict every token but the first exactly once, in batches of one shape', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5 }), (length, T, B) => {
        const predicted: number[] = [];
        let kept = 0;
        for (const batch of validationWindows(length, T, B, counting(length))) {
          expect([batch.inputs.length, batch.targets.length]).toEqual([B * T, B * T]);
          batch.targets.forEach((target, i) => {
            if (target === -100) return;
            expect(batch.inputs[i]).toBe(target - 1);
            predicted.push(target);
          });
          expect(batch.kept).toBeGreaterThan(0);
          kept += batch.kept;
        }
        expect(predicted).toEqual(Array.from({ length: Math.max(length - 1, 0) }, (_, i) => i + 1));
        expect(kept).toBe(predicted.length);
      }),
    );
  });

  test('the last window is shorter, its row padded', () => {
    const [first, second, ...rest] = validationWindows(12, 4, 2, counting(12));
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ starts: [0, 4], kept: 8 });
    expect(second).toMatchObject({ starts: [8], kept: 3 });
    expect([...second!.inputs]).toEqual([8, 9, 10, 0, 0, 0, 0, 0]);
    expect([...second!.targets]).toEqual([9, 10, 11, -100, -100, -100, -100, -100]);
  });
});

describe('counting models', () => {
  test('are the sums written out', () => {
    // Train 0 0 1: counts 2, 1, 0; pairs 00, 01. Validation 0 1 2.
    const { unigram, bigram, tokens } = countingBaselines([[0, 0], [1]], [[0], [1, 2]], 3);
    expect(tokens).toBe(2);
    expect(unigram).toBeCloseTo(-(Math.log(2 / 6) + Math.log(1 / 6)) / 2, 12);
    expect(bigram).toBeCloseTo(-(Math.log(2 / 5) + Math.log(1 / 3)) / 2, 12);
  });

  test('know ln V from nothing, and have no pairs for a large vocabulary', () => {
    expect(countingBaselines([], [[3, 4, 5]], 2000)).toEqual({
      unigram: expect.closeTo(Math.log(2000), 9),
      bigram: null,
      tokens: 2,
    });
    expect(() => countingBaselines([[5]], [[0, 1]], 5)).toThrow('found id 5, expected 0 to 4');
    expect(() => countingBaselines([[0]], [[0]], 5)).toThrow('fewer than 2 validation tokens');
  });

  test('reach 3.08 nats by letters and 2.41 by pairs on the last tenth of Moby-Dick', async () => {
    let text = '';
    for await (const part of readText(mobyDick(), false)) text += String(part);
    const tokenizer = CharTokenizer.fromText(text);
    const ids = Int32Array.from(tokenizer.encode(text));
    const cut = Math.floor(ids.length * 0.9);
    const read = (from: number) => (start: number, n: number) => ids.subarray(from + start, from + start + n);
    const train = tokenChunks(read(0), cut);
    const { unigram, bigram } = countingBaselines(train, tokenChunks(read(cut), ids.length - cut), tokenizer.vocabSize);
    expect(unigram).toBeCloseTo(3.081, 3);
    expect(bigram).toBeCloseTo(2.415, 3);
    // Of the whole text by its own letters it is 3.06.
    expect(countingBaselines([ids], [ids], tokenizer.vocabSize).unigram).toBeCloseTo(3.061, 3);
  });
});
