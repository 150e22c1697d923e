// The order in which a model is asked about many rows.
import { expect, test } from 'vitest';
import { rowBatches } from '../src/train/row_batches.ts';

test('every row once, those of one width together, as many as a power of two', () => {
  const widths = Array.from({ length: 300 }, (_, i) => [16, 512, 16, 8192][i % 4]!);
  const batches = [...rowBatches(widths.length, (i) => widths[i]!)];
  const meant = batches.flatMap(({ numbers, some }) => numbers.slice(0, some));
  expect(meant.toSorted((a, b) => a - b)).toEqual([...widths.keys()]);
  expect(meant.map((i) => widths[i]!)).toEqual(widths.toSorted((a, b) => a - b));
  for (const { numbers, some } of batches) {
    expect(Math.log2(numbers.length) % 1).toBe(0);
    expect(new Set(numbers.map((i) => widths[i]))).toHaveProperty('size', 1);
    // What it is filled up with is one of its own.
    expect(numbers.slice(0, some)).toEqual(expect.arrayContaining([...new Set(numbers)]));
  }
  const shapes = new Set(batches.map(({ numbers }) => `${numbers.length} of ${widths[numbers[0]!]}`));
  expect([...shapes]).toEqual(['256 of 16', '8 of 512', '4 of 512', '1 of 8192']);
});

test('no rows, no batches', () => {
  expect([...rowBatches(0, () => 16)]).toEqual([]);
});
