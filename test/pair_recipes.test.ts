// The recipes that learn from pairs of texts: summaries of reports by the command line, and the compiler's messages as a small model.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepFiles, pairLines } from '../scripts/recipes/kept_files.ts';
import { messagePairs } from '../scripts/recipes/message_pairs.ts';
import { messagesReadme } from '../scripts/recipes/messages_readme.ts';
import { makeReports } from '../scripts/recipes/reports.ts';
import { writtenBy } from '../scripts/recipes/written_by.ts';
import { readPairs } from '../src/data/pairs/read_pairs.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { corpusBleu } from '../src/scores/bleu.ts';
import { listing, scratchFolder, start } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());

describe('files that a recipe keeps', () => {
  test('are written once, are the same again, and never replace others', async () => {
    const folder = place.at('kept/inner');
    await keepFiles(folder, { a: '1\n', b: '2\n' });
    await keepFiles(folder, { a: '1\n', b: '2\n', c: '3\n' });
    expect(fs.readFileSync(`${folder}/c`, 'utf8')).toBe('3\n');
    const before = listing(folder);
    await expect(keepFiles(folder, { d: '4\n', a: '5\n' })).rejects.toThrow(
      `${folder}/a: found what other settings made`,
    );
    expect(listing(folder)).toEqual(before);
  });

  test('are pairs as finetune reads them', async () => {
    const pairs = makeReports(20, 3).map(({ text, summary }) => ({ source: text, target: summary }));
    await keepFiles(place.at('pairs'), { 'pairs.tsv': pairLines(pairs) });
    const read = readPairs({ data: place.at('pairs/pairs.tsv') });
    expect(read.pairs.map(({ source, target }) => ({ source, target }))).toEqual(pairs);
    expect(read.warnings).toEqual([]);
  });

  test('say what hinders them', async () => {
    await expect(keepFiles(place.at('text.txt/folder'), { a: '1\n' })).rejects.toThrow('could not be written');
  });
});

describe('summarize', () => {
  const folder = place.at('summaries');
  const words = [folder, '--seed', '3', '--reports', '40'];

  test('writes pairs, learns and judges, and does no part of it twice', async () => {
    const first = await start('recipes/summarize', words);
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('finetune --task summarize')]);
    expect(first.lines.at(-1)).toMatchObject({ event: 'summaries', reports: 4 });
    const parts = ['train', 'validation', 'test'].map((name) => readPairs({ data: `${folder}/${name}.tsv` }).pairs);
    expect(parts.map(({ length }) => length)).toEqual([40, 4, 4]);
    expect(new Set(parts.flat().map(({ target }) => target)).size).toBe(48);
    const before = listing(folder);
    const again = await start('recipes/summarize', words);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('finetune --resume')]);
    expect(again.lines.at(-1)).toEqual(first.lines.at(-1));
    expect(listing(folder)).toEqual(before);
  }, 180_000);

  test.each([
    [[], 'summarize: found 0 folders, expected one'],
    [['a', 'b'], 'summarize: found 2 folders, expected one'],
    [['a', '--reports', '0'], '--reports: found "0", expected a whole number from 1.'],
  ])('refuses %j', async (bad, sentence) => {
    const { code, stderr } = await start('recipes/summarize', bad);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});

describe('messages', () => {
  test('come in both languages, none of them twice, none longer than asked for', () => {
    const { pairs, version } = messagePairs(8);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(pairs.length).toBeGreaterThan(800);
    expect(pairs).toContainEqual({ source: 'Unterminated string literal.', target: 'Littéral de chaîne inachevé.' });
    expect(new Set(pairs.map(({ source }) => source)).size).toBe(pairs.length);
    for (const { source, target } of pairs) {
      expect(source.split(' ').length).toBeLessThanOrEqual(8);
      expect(target.trim()).not.toBe('');
    }
    expect(messagePairs(3).pairs.length).toBeLessThan(200);
  });

  test('become a model folder that says what it is, and never in place of another', async () => {
    const folder = place.at('messages');
    const words = [folder, '--words', '3', '--epochs', '1', '--seed', '2'];
    const { code, lines } = await start('recipes/messages', words);
    expect(code).toBe(0);
    expect(lines[0]).toMatchObject({ seed: 2, epochs: 1, train: expect.any(Number), test: expect.any(Number) });
    expect(lines.at(-1)).toMatchObject({
      model: folder,
      train: { exact: expect.any(Number) },
      baselines: { copy: expect.any(Number) },
    });
    const names = ['README.md', 'config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
    expect(fs.readdirSync(folder).sort()).toEqual(names);
    expect(JSON.parse(fs.readFileSync(`${folder}/config.json`, 'utf8'))).toMatchObject({ torch_dtype: 'float16' });
    const before = listing(folder);
    const again = await start('recipes/messages', words);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('nothing is overwritten')]);
    expect(listing(folder)).toEqual(before);
  }, 180_000);

  test.each([
    [[], 'messages: found 0 folders, expected the new one'],
    [['a', '--epochs', 'x'], '--epochs: found "x", expected a whole number from 1.'],
    [['a', '--words', '1'], '--words: found "1", expected a whole number from 2.'],
  ])('refuse %j', async (bad, sentence) => {
    const { code, stderr } = await start('recipes/messages', bad);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});

describe('the model that the project brings', () => {
  const folder = 'demo/models/messages-en-fr';
  let device: Device;
  beforeAll(async () => {
    const wanted = process.env.SHADERFORMER_ADAPTER;
    device = await openDevice(wanted ? { adapter: wanted } : {});
  });
  afterAll(() => device.close());

  test('is under a megabyte', () => {
    const bytes = fs.readdirSync(folder).map((name) => fs.statSync(`${folder}/${name}`).size);
    expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(1e6);
  });

  test('translates messages that it has learned', async () => {
    const pairs = messagePairs(8).pairs.slice(0, 32);
    const texts = await writtenBy(
      device,
      folder,
      pairs.map(({ source }) => source),
    );
    expect(corpusBleu(texts, [pairs.map(({ target }) => target)]).score).toBeGreaterThan(70);
  });

  test('has a page that says how it was made', () => {
    const text = fs.readFileSync(`${folder}/README.md`, 'utf8');
    const part = { bleu: 0, exact: 0, example: { source: '', target: '', text: '' } };
    const baselines = { wordByWord: 0, copy: 0 };
    const made = { version: '', words: '', seed: 0, epochs: 0, train: 0, test: 0, parameters: 0, baselines };
    const [heading] = messagesReadme({ ...made, figures: { train: part, test: part } }).split('\n');
    expect(text.startsWith(`${heading}\n`)).toBe(true);
    expect(text).toContain('scripts/recipes/messages.ts');
    expect(text).toContain('Apache License 2.0');
  });
});
