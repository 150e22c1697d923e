// A corpus of several texts: shards with weights, windows that stay inside them and are shuffled across them, token files that
// other runs use again, and a resume that names what changed.
import fs from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { requireContext } from '../src/data/context.ts';
import { type CorpusOptions, openCorpus } from '../src/data/corpus.ts';
import { validationWindows, WindowSampler, type WindowSettings } from '../src/data/windows.ts';
import { spreadBatches } from '../src/train/loss_batches.ts';
import { run } from './harness/inside.ts';
import { type Line, listing, scratchFolder, tiny } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());
const write = (name: string, text: string) => {
  fs.writeFileSync(place.at(name), text);
  return place.at(name);
};
const books = write('books.txt', 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(20));
const code = write(
  'code.jsonl',
  'let x = 1;,return x;,if (x) y();,z++;'.replace(/[^,]+,?/g, (t) => `${JSON.stringify({ text: t })}\n`).repeat(12),
);
const names = write('names.txt', 'Ada\nBo\nCy\n'.repeat(30));

describe('shards', () => {
  let cacheDir = '';
  let count = 0;
  beforeEach(() => {
    cacheDir = place.at(`cache-${count++}`);
  });
  const open = (data: readonly string[], options: Partial<CorpusOptions> = {}) =>
    openCorpus({ tokenizer: 'byte', ...options, data, cacheDir });
  const cached = () => fs.readdirSync(cacheDir).map((name) => `${name} ${fs.statSync(`${cacheDir}/${name}`).mtimeMs}`);

  test('stand one after the other in both parts, each split for itself', async () => {
    const one = await Promise.all([books, code, names].map((data) => open([data])));
    const all = await open([books, code, names]);
    const joined = (of: (corpus: (typeof one)[number]) => Int32Array) => one.flatMap((corpus) => [...of(corpus)]);
    expect([...all.train(0, all.trainLength)]).toEqual(joined((c) => c.train(0, c.trainLength)));
    expect([...all.validation(0, all.validationLength)]).toEqual(joined((c) => c.validation(0, c.validationLength)));
    const end = all.trainEnds[0]!;
    expect([...all.train(end - 2, 4)]).toEqual([...all.train(0, all.trainLength)].slice(end - 2, end + 2));
    expect([...all.train(end, 1)]).toEqual([...one[1]!.train(0, 1)]);
    expect(all.train(all.trainLength, 0)).toHaveLength(0);
    expect(() => all.train(all.trainLength - 1, 2)).toThrow(RangeError);
    const sum = (key: 'bytes' | 'validationBytes' | 'length') => one.reduce((total, corpus) => total + corpus[key], 0);
    for (const key of ['bytes', 'validationBytes', 'length'] as const) expect(all[key]).toBe(sum(key));
    expect(all.name).toBe('books + code + names');
  });

  test('one shard is the text as it always was', async () => {
    const [alone, listed] = [await openCorpus({ tokenizer: 'byte', data: books, cacheDir }), await open([books])];
    expect(listed).toMatchObject({ name: 'books', hash: alone.hash, length: alone.length });
    expect(listed.windowShards()).toBe(undefined);
  });

  test('share a vocabulary of all their characters', async () => {
    const corpus = await open([books, names], { tokenizer: 'char' });
    const text = fs.readFileSync(books, 'utf8') + fs.readFileSync(names, 'utf8');
    expect(corpus.tokenizer.vocabSize).toBe(new Set(text).size);
  });

  test('have token files of their own, which every corpus with them uses again', async () => {
    const encoded = async (...given: Parameters<typeof open>) => {
      const before = new Set(fs.existsSync(cacheDir) ? cached() : []);
      (await open(...given)).close();
      return cached().filter((file) => !before.has(file)).length;
    };
    expect(await encoded([books, code])).toBe(2);
    expect(await encoded([books, code])).toBe(0);
    expect(await encoded([books])).toBe(0);
    expect(await encoded([code, names, books], { weights: [1, 2, 3] })).toBe(1);
    expect(await encoded([books, code], { validationPart: 0.2 })).toBe(2);
    expect(await encoded([books, code], { tokenizer: 'gpt2' })).toBe(2);
    expect(await encoded([books, books])).toBe(0);
  });

  test('their texts, order and weights decide the hash', async () => {
    const hash = async (...given: Parameters<typeof open>) => (await open(...given)).hash;
    const hashes = [
      await hash([books, code]),
      await hash([code, books]),
      await hash([books, code], { weights: [7, 3] }),
      await hash([books, code], { weights: [3, 7] }),
      await hash([books, names]),
      await hash([books]),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(await hash([books, code])).toBe(hashes[0]);
  });

  test('each must hold a context to learn from', async () => {
    const corpus = await open([books, write('short.txt', 'tiny text!'.repeat(3))]);
    expect(() => requireContext(corpus, 64)).toThrow(
      'short: found 27 tokens in the train part, expected at least 65 for a context of 64. Use --context 26, or a longer text.',
    );
  });

  test('a fault names its file, and weights must fit', async () => {
    const bad = write('bad.jsonl', '{"text":"a"}\n{"txet":"b"}\n');
    await expect(open([books, bad])).rejects.toThrow(`${bad}: line 2: found no "text"; it has "txet", is that it?`);
    await expect(open([books, code], { weights: [1] })).rejects.toThrow(
      '--data-weights: found 1 number for 2 --data, expected one for each.',
    );
    await expect(open([books, code], { weights: [1, 0] })).rejects.toThrow('--data-weights: found 0, expected numbers');
    expect(fs.existsSync(cacheDir)).toBe(false);
  });
});

describe('windows across shards', () => {
  const counting = (start: number, n: number) => Int32Array.from({ length: n }, (_, i) => start + i);
  const shards = [
    { length: 100, weight: 7 },
    { length: 400, weight: 2 },
    { length: 20, weight: 1 },
  ];
  const ends = [100, 500, 520];
  const random: WindowSettings = { kind: 'random', length: 520, shards, blockSize: 8, batch: 100, seed: 1337 };
  const strided: WindowSettings = { ...random, kind: 'strided', batch: 4, stride: 4 };
  const sampler = (settings: WindowSettings) => new WindowSampler(settings, counting);
  const shardOf = (start: number) => ends.findIndex((end) => start < end);

  test('of one text are those of a text alone, bit for bit', () => {
    const alone = { kind: 'random', length: 5003, blockSize: 16, batch: 5, seed: 1337 } as const;
    expect(sampler(alone).next().starts).toEqual([2099, 2348, 3043, 4381, 2971]);
    expect(sampler({ ...alone, kind: 'strided', stride: 7 }).next().starts).toEqual([1596, 3878, 4690, 4270, 1876]);
    expect(sampler(alone).state()).toEqual({ ...alone, stride: 16, step: 0 });
  });

  test('random ones come as often as the weights say, anywhere in a shard and never over its end', () => {
    const windows = sampler(random);
    const starts = Array.from({ length: 200 }, () => windows.next().starts).flat();
    const counts = [0, 0, 0];
    for (const start of starts) {
      counts[shardOf(start)]!++;
      expect(start + 8).toBeLessThan(ends[shardOf(start)]!);
    }
    // 20,000 draws: five standard deviations are under 325
    for (const [i, { weight }] of shards.entries()) expect(Math.abs(counts[i]! - 2000 * weight)).toBeLessThan(325);
    expect(new Set(starts.filter((start) => start < 100)).size).toBe(92);
    expect(new Set(starts.filter((start) => start >= 500)).size).toBe(12);
  });

  test('strided ones are every window of every shard once an epoch, shuffled across them', () => {
    const windows = sampler(strided);
    const all = [...Array(23).keys()].map((i) => 4 * i);
    all.push(...[...Array(98).keys()].map((i) => 100 + 4 * i), 500, 504, 508);
    expect(windows.batchesPerEpoch).toBe(31); // 124 windows, 4 a batch
    const epoch = Array.from({ length: 31 }, () => windows.next().starts).flat();
    expect([...epoch].sort((a, b) => a - b)).toEqual(all);
    expect(epoch.slice(0, 20).map(shardOf)).toContain(0);
    expect(epoch.slice(0, 20).map(shardOf)).toContain(1);
  });

  test.each([random, strided])(
    '$kind ones go on exactly from a cursor, and only from one of the same shards',
    (settings) => {
      const first = sampler(settings);
      for (let i = 0; i < 17; i++) first.next();
      const cursor = JSON.parse(JSON.stringify(first.state()));
      expect(Object.values(cursor).every((value) => typeof value !== 'object')).toBe(true); // training.json keeps scalars
      const second = sampler(settings);
      second.restore(cursor);
      expect(second.next()).toEqual(first.next());
      const other = sampler({ ...settings, shards: [shards[1]!, shards[0]!, shards[2]!] });
      expect(() => other.restore(cursor)).toThrow(
        'data cursor: shards: found [[400,2],[100,7],[20,1]], expected [[100,7]',
      );
      expect(() => sampler({ ...settings, shards: undefined }).restore(cursor)).toThrow('data cursor: shards: found');
    },
  );

  test('a shard shorter than a context is refused', () => {
    const short = { ...random, length: 108, shards: [shards[0]!, { length: 8, weight: 1 }] };
    expect(() => sampler(short)).toThrow('found 8 tokens, expected at least 9 for a context of 8');
  });

  test('of validation predict every token of each shard but its first, once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(40), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        (lengths, T, B) => {
          const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b));
          const length = ends.at(-1)!;
          const batches = [...validationWindows(length, T, B, counting, ends)];
          const predicted = batches.flatMap(({ targets }) => [...targets].filter((id) => id >= 0));
          const starts = new Set([0, ...ends]);
          expect(predicted).toEqual([...Array(length).keys()].filter((id) => !starts.has(id)));
          expect(batches.every(({ inputs }) => inputs.length === B * T)).toBe(true);
        },
      ),
    );
  });

  test('of the train part that an evaluation looks at keep inside shards too', () => {
    for (const { inputs, targets } of spreadBatches({ length: 520, read: counting, ends }, 8, 6, 40)) {
      const [seen, next] = [inputs!.data, targets!.data];
      next.forEach((id, i) => {
        if (id !== -100) expect(shardOf(seen[i]!)).toBe(shardOf(id));
      });
    }
  });
});

describe('pretrain and evaluate', () => {
  const data = ['--data', books, '--data', code, '--data-weights', '7,3'];
  const words = [...tiny(), '--eval-every', '4', '--sample-every', '0', '--json'];
  const pretrain = (out: string, ...more: string[]) => run(['pretrain', ...words, '--out', place.at(out), ...more]);
  let trained: Line[];
  beforeAll(async () => {
    const { code, lines, stderr } = await pretrain('run', ...data, '--steps', '8');
    if (code !== 0) throw new Error(stderr);
    trained = lines;
  });
  const end = (lines: Line[]) => lines.at(-1)!;
  const refused = async (...more: string[]) => {
    const before = listing(place.folder);
    const { code, errors, stderr } = await run(['pretrain', '--quiet', ...more]);
    expect({ code, errors: errors.length }, stderr).toEqual({ code: 2, errors: 1 });
    expect(listing(place.folder)).toEqual(before);
    return errors[0]!.replaceAll(`${place.folder}/`, '');
  };
  const resume = (...more: string[]) => refused('--resume', place.at('run'), '--steps', '12', ...more);

  test('the start names shards, tokens and weights, and a person reads them', async () => {
    expect(trained[0]!.dataset).toMatchObject({
      name: 'books + code',
      shards: [
        { name: 'books', tokens: 1170, weight: 0.7 },
        { name: 'code', weight: 0.3 },
      ],
    });
    const { stdout } = await run(['pretrain', ...tiny(), ...data, '--steps', '1', '--out', place.at('shown')]);
    expect(stdout).toContain('; windows: books 70 %, code 30 %');
  });

  test('a run that is gone on with, without a word about its data, ends as one that never stopped', async () => {
    const whole = await pretrain('whole', ...data, '--steps', '12', '--warmup-steps', '0', '--schedule', 'constant');
    const half = await pretrain('half', ...data, '--steps', '6', '--warmup-steps', '0', '--schedule', 'constant');
    expect([whole.code, half.code]).toEqual([0, 0]);
    const { code, lines, stderr } = await run(['pretrain', '--resume', place.at('half'), '--steps', '12', '--json']);
    expect(code, stderr).toBe(0);
    expect(end(lines).parameterHash).toBe(end(whole.lines).parameterHash);
  });

  test('a resume with another text, order, number, weight or field names it', async () => {
    const other = write('other.jsonl', fs.readFileSync(code, 'utf8').replaceAll('let', 'var'));
    const where = 'run/step-000008';
    expect(await resume('--data', books, '--data', other)).toMatch(
      new RegExp(
        `^--data other\\.jsonl: found another text \\(SHA-256 \\w+\\), expected number 2 of the texts with which ${where} began`,
      ),
    );
    expect(await resume('--data', code, '--data', books)).toMatch(
      /^--data code\.jsonl: found the text that was number 2, expected number 1 .* Give the texts in the order/,
    );
    expect(await resume('--data', books)).toBe(
      `--data: found 1 texts, expected 2, with which ${where} began. Give all of them, or leave the flag out.`,
    );
    expect(await resume('--data-weights', '3,7')).toMatch(/^--data-weights: found 3,7, expected 7,3, with which/);
    expect(await resume('--text-field', 'body')).toMatch(/^--text-field: found body, expected text, with which/);
    fs.appendFileSync(code, '{"text":"more"}\n');
    expect(await resume()).toMatch(/^--data code\.jsonl: found another text/);
  });

  test('weights beside a run of one text are looked at on a resume too', async () => {
    expect((await pretrain('alone', '--data', books, '--steps', '1')).code).toBe(0);
    const alone = ['--resume', place.at('alone'), '--steps', '2', '--data-weights'];
    expect(await refused(...alone, '7,3')).toMatch(
      /^--data-weights: found 2 numbers for 1 --data, expected one for each/,
    );
  });

  test('inspect takes several texts, their weights and their field, as pretrain does', async () => {
    const inspect = (...more: string[]) => run(['inspect', ...tiny(), '--json', '--quiet', ...more]);
    const said = await inspect('--data', books, '--data', code, '--data-weights', '7,3');
    expect([said.code, said.lines.length], said.stderr).toEqual([0, 1]);
    const wrong = await inspect('--data', books, '--data', code, '--data-weights', '7');
    expect([wrong.code, wrong.errors[0]]).toEqual([2, expect.stringMatching(/^--data-weights: found 1 number for 2/)]);
    const field = await inspect('--data', code, '--text-field', 'body');
    expect([field.code, field.errors[0]]).toEqual([2, expect.stringContaining('line 1: found no "body"')]);
    const both = await inspect('--data', books, '--vocabulary', '100');
    expect(both.errors[0]).toBe('--data: found together with --vocabulary, expected one of the two.');
  });

  test('weights that are none, do not fit or have nothing to weigh are refused', async () => {
    const start = (...more: string[]) => refused(...tiny(), '--out', place.at('new'), '--data', books, ...more);
    expect(await start('--data-weights', '7,x')).toMatch(
      /^--data-weights: found x in "?7,x"?, expected numbers above 0/,
    );
    expect(await start('--data-weights', '7,-1')).toMatch(/^--data-weights: found -1/);
    expect(await start('--data-weights', '7,3')).toMatch(/^--data-weights: found 2 numbers for 1 --data/);
    expect(await start('--data', names, '--data-weights', '7,3', '--windows', 'strided')).toMatch(
      /^--data-weights: found beside --windows strided, expected random windows/,
    );
  });

  test('evaluate takes rows too, and their field', async () => {
    const rows = write('rows.jsonl', '{"body":"Call me x."}\n{"body":""}\n');
    const text = write('rows.txt', 'Call me x.');
    const measure = (...more: string[]) => run(['evaluate', '--model', place.at('run'), '--json', ...more]);
    const [fromRows, fromText] = [await measure('--data', rows, '--text-field', 'body'), await measure('--data', text)];
    expect(fromRows.stderr).toContain('1 row without text was dropped, the first is line 2.');
    expect(fromRows.lines).toEqual(fromText.lines);
    const { code, errors } = await measure('--data', rows);
    expect([code, errors[0]]).toEqual([2, expect.stringContaining('line 1: found no "text"; it has "body"')]);
  });
});
