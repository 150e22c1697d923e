// Timings side by side.
import { describe, expect, test } from 'vitest';
import { type BenchLine, ratioTable, readBenchLines } from '../src/cli/bench/table.ts';

const line = (peer: string, median_ms: number, more: Partial<BenchLine> = {}): BenchLine => ({
  peer,
  adapter: 'llvmpipe',
  workload: 'train',
  config: 'TINY',
  median_ms,
  loss: [4.21495, 3.89643],
  when: '2026-01-02T03:04:05Z',
  ...more,
});
const text = (lines: readonly object[]) => lines.map((l) => JSON.stringify(l)).join('\n');

describe('the table of ratios', () => {
  test('sets the fastest run of each peer against the fastest of ours', () => {
    const table = ratioTable([
      line('shaderformer', 120),
      line('shaderformer', 100),
      line('slow', 900),
      line('slow', 800),
    ]);
    expect(table.split('\n').slice(2)).toEqual([
      '| train TINY | llvmpipe | 100 | slow | the same | 800 | 8.0 |  | 2026-01-02 |',
    ]);
  });

  test('names another adapter, the version, and each way of waiting', () => {
    const table = ratioTable([
      line('shaderformer', 100, { waiting: 'sleeps first' }),
      line('shaderformer', 150, { waiting: 'awaits at once' }),
      line('wasm', 90, { adapter: 'wasm', version: '1.2' }),
    ]);
    expect(table.split('\n').slice(2)).toEqual([
      '| train TINY | llvmpipe | 100 | wasm 1.2 | wasm | 90 | 0.9 | sleeps first | 2026-01-02 |',
      '| train TINY | llvmpipe | 150 | wasm 1.2 | wasm | 90 | 0.6 | awaits at once | 2026-01-02 |',
    ]);
  });

  test('gives no ratio to a peer that computed something else', () => {
    const table = ratioTable([line('shaderformer', 100), line('wrong', 10, { loss: [4.21495, 3.8] })]);
    expect(table).toContain('other losses: no comparison');
  });

  test('refuses lines of which no two can be compared', () => {
    const alone = [line('shaderformer', 1), line('other', 1, { config: 'WIDE' })];
    expect(() => ratioTable(alone)).toThrow(
      /^bench table: found no workload that shaderformer and a peer were both timed on/,
    );
  });
});

describe('the lines of a file', () => {
  test('are read past what else a harness prints', () => {
    expect(readBenchLines(`warming up\n${text([line('a', 1)])}\n\n`, 'f')).toEqual([line('a', 1)]);
  });

  test('of decoding tell tokens a second, which a table has as milliseconds a token', () => {
    const decode = (peer: string, tokens_per_s: number) =>
      JSON.stringify({ peer, adapter: 'llvmpipe', workload: 'decode', config: 'd256', tokens_per_s });
    const lines = readBenchLines(`${decode('shaderformer', 80)}\n${decode('other', 20)}`, 'f');
    expect(ratioTable(lines).split('\n')[2]).toBe(
      '| decode d256 | llvmpipe | 13 | other | the same | 50 | 4.0 |  |  |',
    );
    expect(() => readBenchLines(decode('other', 0), 'f')).toThrow(/^f: line 1: found no tokens_per_s above 0/);
  });

  test.each([
    ['{"peer": "a"', /^f: line 1: found "\{.*, expected a whole JSON object\. Take the line out\.$/],
    ['{"peer":"a","adapter":"b","workload":"train"}', /^f: line 1: found no config, expected/],
    [
      '{"peer":"a","adapter":"b","workload":"train","config":"c","median_ms":0}',
      /^f: line 1: found no median_ms above 0/,
    ],
  ])('are refused by number: %s', (bad, message) => {
    expect(() => readBenchLines(bad, 'f')).toThrow(message);
  });
});
