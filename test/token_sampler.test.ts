// Batches of a budget of tokens: every row once an epoch, little padded, few shapes; the same again from a seed and from a saved cursor.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pairWidth, pairWidths } from '../src/data/bucket.ts';
import { TokenSampler, type TokenSettings } from '../src/data/token_sampler.ts';
import { InputError } from '../src/errors.ts';
import { pairRows } from '../src/tasks/translate_rows.ts';

const all = (n: number) => Array.from({ length: n }, (_, i) => i);
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
const take = (sampler: TokenSampler, batches: number) => Array.from({ length: batches }, () => sampler.next());
const epoch = (sampler: TokenSampler) => take(sampler, sampler.batchesPerEpoch);
const timesOf = (rows: number, batches: readonly (readonly number[])[]) => {
  const times = new Array<number>(rows).fill(0);
  for (const row of batches.flat()) times[row]!++;
  return times;
};

/** Lengths as captions have them: most of about 15 tokens, some of 60. */
const captions = (n: number) => all(n).map((i) => 5 + ((i * 7919) % 13) + ((((i * 104_729) % 97) ** 2) >> 8));

describe('widths', () => {
  test('hold what they are for, four an octave, two above 128, multiples of 4', () => {
    const widths = all(1024).map((i) => pairWidth(i + 1));
    widths.forEach((width, i) => {
      expect(width).toBeGreaterThan(i);
      expect(width % 4).toBe(0);
      if (i >= 16) expect(width / (i + 1)).toBeLessThanOrEqual(i < 128 ? 1.25 : 1.5);
    });
    expect([...new Set(widths)].slice(0, 14)).toEqual([4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96]);
    expect([...new Set(widths)].slice(14)).toEqual([112, 128, 192, 256, 384, 512, 768, 1024]);
    expect([...new Set(widths)].map(pairWidth)).toEqual([...new Set(widths)]);
  });

  test('of two sides: the narrower is a half, a quarter, ... of the wider', () => {
    expect(pairWidths(20, 17)).toEqual([20, 20]);
    expect(pairWidths(9, 20)).toEqual([12, 20]);
    expect(pairWidths(24, 12)).toEqual([24, 12]);
    expect(pairWidths(500, 50)).toEqual([512, 64]);
    expect(pairWidths(1, 1)).toEqual([4, 4]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1100 }), fc.integer({ min: 1, max: 1100 }), (a, b) => {
        const [s, t] = pairWidths(a, b);
        expect(s >= a && t >= b).toBe(true);
        expect(Math.max(s, t)).toBe(pairWidth(Math.max(a, b)));
      }),
    );
  });
});

describe('token sampler', () => {
  test('every row once an epoch, in another order each time; batches hold their budget', () => {
    const lengths = captions(3000);
    const sampler = new TokenSampler({ lengths, budget: 1000, seed: 5 });
    const epochs = all(3).map(() => epoch(sampler));
    for (const batches of epochs) {
      const times = timesOf(3000, batches);
      expect(Math.min(...times)).toBe(1);
      expect(sum(times) - 3000).toBeLessThan(sampler.shapes.at(-1)!.batches);
      for (const batch of batches) {
        expect(batch.length * pairWidth(Math.max(...batch.map((row) => lengths[row]!)))).toBeLessThanOrEqual(1000);
        expect(new Set(batch).size).toBe(batch.length);
      }
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[0]!.map((batch) => [...batch].sort())).not.toEqual(epochs[1]!.map((batch) => [...batch].sort()));
    // In no order of length.
    const means = epochs[0]!.map((batch) => sum(batch.map((row) => lengths[row]!)) / batch.length);
    expect(means).not.toEqual([...means].sort((a, b) => a - b));
    const first = means.slice(0, means.length >> 1);
    expect(Math.abs(sum(first) / first.length - sum(means) / means.length)).toBeLessThan(3);
  });

  test('little is padded, and a width always has as many rows: few shapes, whatever the epoch', () => {
    const lengths = captions(3000);
    const sampler = new TokenSampler({ lengths, budget: 1000, seed: 1 });
    const shapes = new Set<string>();
    let [used, wide] = [0, 0];
    for (const batch of all(5).flatMap(() => epoch(sampler))) {
      const own = batch.map((row) => lengths[row]!);
      const width = pairWidth(Math.max(...own));
      used += sum(own);
      wide += batch.length * width;
      shapes.add(`${batch.length} of ${width}`);
    }
    expect(used / wide).toBeGreaterThan(0.85);
    expect([...shapes].sort()).toEqual(sampler.shapes.map(({ rows, width }) => `${rows} of ${width}`).sort());
    expect(shapes.size).toBeLessThanOrEqual(11);
    expect(sum(sampler.shapes.map(({ batches }) => batches))).toBe(sampler.batchesPerEpoch);
  });

  test('what fills no batch of its width comes with the next wider one, and the widest takes what is left', () => {
    const shapesOf = (lengths: number[], budget: number) =>
      new TokenSampler({ lengths, budget, seed: 0 }).shapes.map(({ width, rows, batches }) => [width, rows, batches]);
    expect(shapesOf([8, 8, 8, 8, 8, 16], 16)).toEqual([
      [8, 2, 2],
      [16, 1, 2],
    ]);
    expect(shapesOf([3, 20, 5], 1024)).toEqual([[20, 3, 1]]);
    // 7 rows at 3 a batch are three batches of 3, two rows twice; 2 batches of 4 would be over the budget.
    expect(shapesOf(new Array(7).fill(8), 24)).toEqual([[8, 3, 3]]);
    // 5 rows at 4 a batch are two batches of 3, one row twice.
    expect(shapesOf(new Array(5).fill(8), 32)).toEqual([[8, 3, 2]]);
    // What is wider than the budget comes alone.
    expect(shapesOf([100, 100], 50)).toEqual([[112, 1, 2]]);
  });

  test('a cursor goes on as the unbroken one, from anywhere', () => {
    const settings = { lengths: captions(500), budget: 300, seed: 11 };
    const unbroken = new TokenSampler(settings);
    const batches = take(unbroken, 3 * unbroken.batchesPerEpoch);
    for (const at of [
      0,
      1,
      17,
      unbroken.batchesPerEpoch - 1,
      unbroken.batchesPerEpoch,
      2 * unbroken.batchesPerEpoch + 3,
    ]) {
      const before = new TokenSampler(settings);
      take(before, at);
      const resumed = new TokenSampler(settings);
      resumed.restore(JSON.parse(JSON.stringify(before.state())));
      expect(take(resumed, 9)).toEqual(batches.slice(at, at + 9));
      expect(resumed.state()).toEqual({ ...before.state(), step: at + 9 });
    }
    expect(take(new TokenSampler({ ...settings, seed: 12 }), 9)).not.toEqual(batches.slice(0, 9));
    for (const value of Object.values(unbroken.state())) expect(value).toBeTypeOf('number');
    // A batch is the caller's own.
    const [mine, again] = [new TokenSampler(settings), new TokenSampler(settings)];
    mine.next().fill(-1);
    expect(mine.next()).toEqual(take(again, 2)[1]);
  });

  test('whatever the lengths: complete epochs, within the budget, as many batches as were told', () => {
    const settings: fc.Arbitrary<TokenSettings> = fc.record({
      lengths: fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 700 })), {
        minLength: 1,
        maxLength: 120,
      }),
      budget: fc.integer({ min: 1, max: 900 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(settings, (each) => {
        const sampler = new TokenSampler(each);
        const { lengths, budget } = each;
        for (const batches of [epoch(sampler), epoch(sampler)]) {
          const times = timesOf(lengths.length, batches);
          expect([Math.min(...times), Math.max(...times) <= 2]).toEqual([1, true]);
          const widest = sampler.shapes.at(-1)!;
          expect(sum(times) - lengths.length).toBeLessThan(Math.min(widest.batches, widest.rows));
          for (const batch of batches) {
            const width = pairWidth(Math.max(...batch.map((row) => lengths[row]!)));
            expect(batch.length === 1 || batch.length * width <= budget).toBe(true);
            expect(new Set(batch).size).toBe(batch.length);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test('steps of epochs', () => {
    const sampler = new TokenSampler({ lengths: new Array(10).fill(8), budget: 16, seed: 0 });
    expect([sampler.batchesPerEpoch, sampler.stepsOf(2), sampler.stepsOf(0.5)]).toEqual([5, 10, 3]);
  });

  test('what cannot be is refused in a sentence', () => {
    const settings = { lengths: all(10), budget: 64, seed: 0 };
    const refuse = (more: object) => () => new TokenSampler({ ...settings, ...more });
    expect(refuse({ lengths: [] })).toThrow('rows: rows: found 0, expected a whole number from 1.');
    expect(refuse({ budget: 1.5 })).toThrow('rows: budget: found 1.5, expected a whole number from 1.');
    expect(refuse({ seed: -1 })).toThrow('rows: seed: found -1, expected a whole number from 0 below 2^32.');
    const sampler = new TokenSampler(settings);
    const restore = (more: object) => () => sampler.restore({ ...sampler.state(), ...more });
    expect(restore({ budget: 32 })).toThrow('data cursor: budget: found 64, expected 32 as in the saved run.');
    expect(restore({ lengths: 5 })).toThrow('data cursor: lengths: found');
    expect(restore({ rows: 11 })).toThrow(InputError);
    expect(restore({ step: 0.5 })).toThrow('data cursor: step: found 0.5');
  });
});

test('batches of pairs are as wide as the sampler counts, and no wider than the context', () => {
  const rows = captions(300).map((length, i) => ({
    source: new Array<number>(Math.min(49, length)).fill(3),
    target: new Array<number>(Math.min(49, length) - (i % 5)).fill(4),
  }));
  const pairs = pairRows(rows, { blockSize: 50, padId: 0, bosId: 1, eosId: 2 });
  const lengths = all(pairs.length).map((i) => pairs.lengthOf(i));
  const sampler = new TokenSampler({ lengths, budget: 400, seed: 2 });
  const shapes = new Set<string>();
  for (const batch of epoch(sampler)) {
    const { source, inputs } = pairs.batch(batch);
    const [[B, S], [, T]] = [source!.shape, inputs!.shape] as [number[], number[]];
    expect(Math.max(S!, T!)).toBe(Math.min(50, pairWidth(Math.max(...batch.map((row) => lengths[row]!)))));
    shapes.add([B, S, T].join());
  }
  expect(shapes.size).toBe(sampler.shapes.length);
});
