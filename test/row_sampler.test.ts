// Which rows come when: every row once an epoch, whatever the batch; the same again from a seed and from a saved cursor.
import { describe, expect, test } from 'vitest';
import { RowSampler } from '../src/data/row_sampler.ts';
import { InputError } from '../src/errors.ts';

function take(sampler: RowSampler, batches: number): number[][] {
  return Array.from({ length: batches }, () => sampler.next());
}

const sorted = (rows: readonly number[]) => [...rows].sort((a, b) => a - b);
const all = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('row sampler', () => {
  test.each([
    [10, 5],
    [10, 3],
    [7, 16],
    [1, 4],
    [257, 8],
  ])('%i rows in batches of %i: each epoch has every row once, and another order', (rows, batch) => {
    const stream = take(new RowSampler({ rows, batch, seed: 5 }), Math.ceil((3 * rows) / batch)).flat();
    const epochs = [0, 1, 2].map((e) => stream.slice(e * rows, (e + 1) * rows));
    for (const epoch of epochs) expect(sorted(epoch)).toEqual(all(rows));
    if (rows > 5) expect(epochs[0]).not.toEqual(epochs[1]);
  });

  test('grouped by length: every row comes as often, and little is padded', () => {
    const rows = 1003;
    const batch = 8;
    const lengths = all(rows).map((i) => 5 + ((i * 7919) % 97));
    const sampler = new RowSampler({ rows, batch, seed: 1, lengths });
    const batches = take(sampler, rows); // `batch` epochs
    const times = new Array<number>(rows).fill(0);
    for (const row of batches.flat()) times[row]!++;
    // A group of 50 batches may end inside an epoch, so that rows are one epoch ahead.
    expect(Math.min(...times)).toBeGreaterThanOrEqual(batch - 1);
    expect(Math.max(...times)).toBeLessThanOrEqual(batch + 1);
    const padding = (list: number[][]) => {
      const [used, wide] = [0, 1].map((kind) =>
        list.reduce((sum, each) => {
          const own = each.map((row) => lengths[row]!);
          return sum + (kind === 0 ? own.reduce((a, b) => a + b) : batch * Math.max(...own));
        }, 0),
      );
      return 1 - used! / wide!;
    };
    expect(padding(batches)).toBeLessThan(0.06);
    expect(padding(take(new RowSampler({ rows, batch, seed: 1 }), rows))).toBeGreaterThan(0.3);
    for (const each of batches) expect(each).toHaveLength(batch);
    // In no order of length.
    const means = batches.slice(0, 50).map((each) => each.reduce((sum, row) => sum + lengths[row]!, 0));
    expect(means).not.toEqual(sorted(means));
    const twice = batches.filter((each) => new Set(each).size < batch).length;
    expect(twice).toBeLessThan(batches.length / 50);
  });

  test('balanced: every class comes equally often in a batch, every row of it as often as any other', () => {
    const classes = all(100).map((i) => (i < 90 ? 0 : i < 96 ? 1 : 7));
    const batches = take(new RowSampler({ rows: 100, batch: 6, seed: 3, classes }), 90);
    for (const batch of batches)
      for (const label of [0, 1, 7]) expect(batch.filter((row) => classes[row] === label)).toHaveLength(2);
    const times = new Map<number, number>();
    for (const row of batches.flat()) times.set(row, (times.get(row) ?? 0) + 1);
    expect(all(100).map((row) => times.get(row))).toEqual(
      classes.map((label) => (label === 0 ? 2 : label === 1 ? 30 : 45)),
    );
  });

  test.each([
    ['plain', {}],
    ['grouped', { lengths: all(50).map((i) => i % 9) }],
    ['balanced', { classes: all(50).map((i) => i % 2) }],
  ])('%s: a cursor goes on as the unbroken one', (_, more) => {
    const settings = { rows: 50, batch: 4, seed: 11, ...more };
    const unbroken = new RowSampler(settings);
    const first = take(unbroken, 17);
    const cursor = JSON.parse(JSON.stringify(unbroken.state()));
    const resumed = new RowSampler(settings);
    resumed.restore(cursor);
    expect(take(resumed, 30)).toEqual(take(unbroken, 30));
    expect(take(new RowSampler(settings), 17)).toEqual(first);
    expect(take(new RowSampler({ ...settings, seed: 12 }), 17)).not.toEqual(first);
    for (const value of Object.values(cursor)) expect(value).toBeTypeOf('number');
  });

  test('steps of epochs', () => {
    const sampler = new RowSampler({ rows: 10, batch: 4, seed: 0 });
    expect(sampler.stepsOf(2)).toBe(5);
    expect(sampler.stepsOf(0.5)).toBe(2);
  });

  test('what cannot be is refused in a sentence', () => {
    const settings = { rows: 10, batch: 4, seed: 0 };
    const refuse = (more: object) => () => new RowSampler({ ...settings, ...more });
    expect(refuse({ rows: 0 })).toThrow('rows: rows: found 0, expected a whole number from 1.');
    expect(refuse({ batch: 1.5 })).toThrow('rows: batch: found 1.5, expected a whole number from 1.');
    expect(refuse({ seed: -1 })).toThrow('rows: seed: found -1, expected a whole number from 0 below 2^32.');
    expect(refuse({ lengths: [1] })).toThrow('rows: lengths: found 1, expected one for each of 10 rows.');
    expect(refuse({ lengths: all(10), classes: all(10) })).toThrow(InputError);
    const sampler = new RowSampler({ ...settings, lengths: all(10) });
    const restore = (more: object) => () => sampler.restore({ ...sampler.state(), ...more });
    expect(restore({ rows: 11 })).toThrow('data cursor: rows: found 10, expected 11 as in the saved run.');
    expect(restore({ lengths: 5 })).toThrow('data cursor: lengths: found');
    expect(restore({ classes: 5 })).toThrow('data cursor: classes: found undefined, expected 5');
    expect(restore({ step: 0.5 })).toThrow('data cursor: step: found 0.5');
  });
});
