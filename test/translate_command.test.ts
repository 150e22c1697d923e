// translate as a command: a line for each line, objects, alignments as a table, and what is refused.
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { alignmentLines } from '../src/cli/alignment_table.ts';
import { sourceTokenizerFiles } from '../src/cli/source_tokenizer.ts';
import { headChoice } from '../src/cli/translate_flags.ts';
import { CharTokenizer } from '../src/data/char.ts';
import { fakeHome } from './cli_home.ts';
import { run } from './harness/inside.ts';
import { gpt2Json, randomEntries, writeModelFolder } from './harness/model_files.ts';
import { scratchFolder } from './harness/program.ts';

const golden = fileURLToPath(new URL('golden/traces/encdec', import.meta.url));
const place = scratchFolder();
const folder = place.at('model');
/** It has learned to turn letters round. */
const tokenizer = new CharTokenizer([...'<^$abcdefghijklmnopq']);
const config = JSON.parse(fs.readFileSync(`${golden}/config.json`, 'utf8')) as object;

/** The golden transformer as a folder, with some of its files changed; null takes one away. */
function modelFolder(name: string, files: Record<string, string | Uint8Array | null> = {}): string {
  const dir = place.at(name);
  fs.mkdirSync(dir);
  const all = {
    'config.json': JSON.stringify(config),
    'model.safetensors': fs.readFileSync(`${golden}/trained.safetensors`),
    ...Object.fromEntries(tokenizer.files()),
    ...files,
  };
  for (const [file, content] of Object.entries(all))
    if (content !== null) fs.writeFileSync(path.join(dir, file), content);
  return dir;
}

beforeAll(() => void modelFolder('model'));
afterAll(() => place.remove());

const stdin = Object.getOwnPropertyDescriptor(process, 'stdin')!;
afterEach(() => void Object.defineProperty(process, 'stdin', stdin));
function input(...chunks: (string | Buffer)[]): void {
  Object.defineProperty(process, 'stdin', { value: Readable.from(chunks), configurable: true });
}

const translated = (words: string[] = [], dir = folder) => run(['translate', '--model', dir, ...words]);

describe('translate', () => {
  test('answers line for line, and blank with blank', async () => {
    input('abcde\n\nqpon', 'mlkjih\n   \nfg hij\n'.replace(' h', 'h'));
    const { code, stdout, stderr } = await translated();
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('edcba\n\nhijklmnopq\n\njihgf\n');
  });

  test('with --json an object a line; beams, one or many, and a file say the same', async () => {
    const file = place.at('texts.tsv');
    fs.writeFileSync(file, 'source\ttarget\nabcde\tx\nqponmlk\ty\n');
    const words = ['--data', file, '--text-column', 'source', '--json'];
    const greedy = await translated([...words, '--beams', '1']);
    expect(greedy.code, greedy.stderr).toBe(0);
    expect(greedy.lines).toEqual([
      { text: 'edcba', ids: [7, 6, 5, 4, 3], score: expect.any(Number), ended: true, sourceIds: [3, 4, 5, 6, 7] },
      expect.objectContaining({ text: 'klmnopq' }),
    ]);
    const beams = await translated([...words, '--beams', '3', '--length-penalty', '0']);
    expect(beams.lines.map(({ text }) => text)).toEqual(['edcba', 'klmnopq']);
    const [one, other] = [greedy.lines[0]!.score as number, beams.lines[0]!.score as number];
    // A mean over six tokens beside a sum.
    expect(other).toBeCloseTo(6 * one, 3);
    const short = await translated([...words, '--max-new-tokens', '2']);
    expect(short.lines.map(({ ids, ended }) => [(ids as number[]).length, ended])).toEqual([
      [2, false],
      [2, false],
    ]);
    expect(short.stderr).toContain('2 of 2 texts had not ended after as many tokens as were allowed');
  });

  test('an alignment is a table, and in an object all heads', async () => {
    input('abcdeqponm\n');
    const { code, stdout, stderr } = await translated(['--alignment-head', '1.2']);
    expect(code, stderr).toBe(0);
    const [text, first, ...others] = stdout.split('\n');
    expect(text).toBe('mnopqedcba');
    expect(first).toMatch(/^m {5}▏ {9}█ ▕ m \d\d % n \d\d? %$/);
    expect(others.slice(-4).map((line) => line.trim().split(' ')[0])).toEqual(['a', '(end)', '', '']);
    input('abcde\n');
    const { lines } = await translated(['--alignment', '--json']);
    const { alignment } = lines[0] as unknown as {
      alignment: { source: string[]; target: string[]; mean: number[][]; layers: number[][][][] };
    };
    expect([alignment.source, alignment.target]).toEqual([[...'abcde$'], [...'edcba$']]);
    const { mean, layers } = alignment;
    expect([layers.length, layers[0]!.length, mean.length]).toEqual([2, 4, 6]);
    for (const row of [...mean, ...layers.flat(2)]) {
      expect(row).toHaveLength(6);
      expect(row.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 4);
    }
  });

  test('a text is read as in training: composed, without the spaces around it', async () => {
    const dir = modelFolder('accents', Object.fromEntries(new CharTokenizer([...'<^$àbcdefghijklmnopq']).files()));
    input('  a\u0300bcde \r\n');
    const { code, stdout, stderr } = await translated([], dir);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('edcbà\n');
  });

  test('two sides may have tokenizers of their own', async () => {
    const source = new CharTokenizer([...'<^$ABCDEFGHIJKLMNOPQ']);
    const dir = modelFolder('two', Object.fromEntries(sourceTokenizerFiles(source)));
    input('ABCDE\n');
    expect((await translated([], dir)).stdout).toBe('edcba\n');
  });

  test('what is longer than the context is cut, which is told once', async () => {
    const dir = modelFolder('short', { 'config.json': JSON.stringify({ ...config, max_position_embeddings: 6 }) });
    input('abcdefgh\nbcdef\nabcdeqpo\n');
    const { code, stdout, stderr } = await translated([], dir);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('edcba\nfedcb\nedcba\n');
    expect(stderr).toContain(
      '2 of 3 texts are longer than the 5 tokens that the model reads: their beginnings are translated',
    );
  });

  test('a reader that goes away ends it, and a signal', async () => {
    input('abc\n', 'cde\n');
    const home = fakeHome();
    home.stdout.break('EPIPE');
    const closed = await run(['translate', '--model', folder], home);
    expect([closed.code, closed.errors]).toEqual([0, []]);
    const stream = new Readable({ read() {} });
    Object.defineProperty(process, 'stdin', { value: stream, configurable: true });
    const stopped = fakeHome();
    const running = run(['translate', '--model', folder], stopped);
    stream.push('abcde\n');
    const waiting = setInterval(() => {
      if (stopped.stdout.text !== '') stopped.signals.emit('SIGINT');
    }, 20);
    expect([(await running).code, stopped.stdout.text]).toEqual([130, 'edcba\n']);
    clearInterval(waiting);
  });
});

describe('it refuses', () => {
  const refused = async (words: string[], dir: string, sentence: string | RegExp) => {
    const { code, errors } = await translated(words, dir);
    expect(code).toBe(2);
    expect(errors.join()).toMatch(sentence);
  };

  test('flags that mean nothing', async () => {
    await refused(['--beams', '0'], folder, /--beams: found 0, expected a whole number/);
    await refused(['--beams', 'many'], folder, /--beams: found many/);
    await refused(['--text-column', 'a'], folder, '--text-column: found without --data, expected them together.');
    input('abc\n');
    await refused(
      ['--alignment-head', '2.0'],
      folder,
      /--alignment-head: found "2.0", expected LAYER.HEAD with a layer from 0 to 1/,
    );
    expect(headChoice('1.3', { decoderLayers: 2, nHead: 4 })).toEqual({ layer: 1, head: 3 });
    for (const text of ['1', '1.4', '-1.0', '1.', 'a.b', ''])
      expect(() => headChoice(text, { decoderLayers: 2, nHead: 4 })).toThrow('expected LAYER.HEAD');
  });

  test('texts that cannot be read, naming the line', async () => {
    input('abc\nab c\n');
    await refused([], folder, /^standard input: line 2: character 3: found " " \(U\+0020\), which is not among the 20/);
    input('abc\n', Buffer.from([0x61, 0xff, 10]));
    await refused([], folder, /standard input: line 2: found bytes that are not UTF-8/);
    await refused(['--data', place.at('none.txt')], folder, /none\.txt: /);
  });

  test('folders that hold something else', async () => {
    await refused(['--weights', 'ema'], folder, /found no model_ema|expected averaged weights/);
    const gpt2 = place.at('gpt2');
    await writeModelFolder(gpt2, gpt2Json, await randomEntries(gpt2Json));
    await refused([], gpt2, /found a model of type (")?gpt2\1?, expected an encoder-decoder/);
    const adapter = place.at('adapter');
    fs.mkdirSync(adapter);
    fs.writeFileSync(`${adapter}/adapter_config.json`, '{}');
    await refused([], adapter, /found a LoRA adapter, expected a whole encoder-decoder/);
    const bare = modelFolder('bare', Object.fromEntries([...tokenizer.files().keys()].map((name) => [name, null])));
    await refused([], bare, /found no tokenizer\.json, expected one/);
    const larger = new CharTokenizer([...'<^$abcdefghijklmnopqr']).files();
    await refused(
      [],
      modelFolder('larger', Object.fromEntries(larger)),
      /vocab_size: found 20, but the tokenizer has 21/,
    );
    const weights = fs.readFileSync(`${golden}/trained.safetensors`);
    await refused(
      [],
      modelFolder('broken', { 'model.safetensors': weights.subarray(0, 5000) }),
      /model\.safetensors: /,
    );
    await refused([], place.at('nowhere'), /nowhere: found nothing, expected a run folder or a model folder/);
  });
});

describe('the table of an alignment', () => {
  const table = { source: ['the', ' whale', '(end)'], target: ['le', 'wal'], weights: [0.9, 0.06, 0.04, 0, 1, 0] };

  test('has a shade for each token of the source, and names those that were looked at', () => {
    expect(alignmentLines(table, { width: 60, unicode: true })).toEqual([
      'le  ▏█  ▕ the 90 % whale 6 %',
      'wal ▏ █ ▕ whale 100 %',
    ]);
    expect(alignmentLines(table, { width: 60, unicode: false })[0]).toBe('le  |#  | the 90 % whale 6 %');
  });

  test('stays within its width, whatever tokens are called', () => {
    const source = Array.from({ length: 90 }, (_, i) => (i % 2 ? '\u001b[31m' : 'word'.repeat(9)));
    const weights = source.map((_, i) => (i === 3 ? 1 : 0));
    const lines = alignmentLines({ source, target: [' '], weights }, { width: 70, unicode: true });
    expect(lines).toHaveLength(1);
    expect([...lines[0]!].length).toBeLessThanOrEqual(70);
    expect(lines[0]).toContain('␛[31m 100 %');
    expect(lines[0]!.startsWith('␠ ')).toBe(true);
  });
});
