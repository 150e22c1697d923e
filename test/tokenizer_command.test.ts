// `tokenizer encode` and `decode` with every kind of tokenizer, and what they refuse.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tokenizer } from '../src/cli/tokenizer.ts';
import { BpeTokenizer } from '../src/data/bpe.ts';
import { CharTokenizer } from '../src/data/tokenizer.ts';
import { shaderformer } from './cli_home.ts';
import { hubFiles } from './harness/hub_files.ts';

const place = fs.mkdtempSync(path.join(os.tmpdir(), 'tokenizer-command-'));
afterAll(() => fs.rmSync(place, { recursive: true }));

function folder(name: string, files: ReadonlyMap<string, string>): string {
  const dir = path.join(place, name);
  fs.mkdirSync(dir, { recursive: true });
  for (const [file, text] of files) fs.writeFileSync(path.join(dir, file), text);
  return dir;
}

const run = (...words: string[]) => shaderformer(['tokenizer', ...words], [tokenizer]);

const text = 'the low é';
const kinds = [
  ['characters', folder('char', CharTokenizer.fromText(text).files())],
  ['a BPE of ours', folder('bpe', BpeTokenizer.fromMerges([['l', 'o']]).files())],
  ['bytes', 'byte'],
  ['GPT-2', 'gpt2'],
  ['Llama 3', folder('llama3', hubFiles('llama3'))],
  ['SmolLM2', folder('smollm2', hubFiles('smollm2'))],
  ['TinyLlama', folder('tinyllama', hubFiles('tinyllama'))],
] as const;

describe.each(kinds)('by %s', (_, name) => {
  test('a text becomes ids, and they become the text', async () => {
    const encoded = await run('encode', '--tokenizer', name, '--text', text, '--json');
    const { ids } = JSON.parse(encoded.stdout) as { ids: number[] };
    expect([encoded.code, ids.every(Number.isInteger)]).toEqual([0, true]);
    const plain = await run('encode', '--tokenizer', name, '--text', text);
    expect(plain.stdout).toBe(`${ids.join(' ')}\n`);
    const decoded = await run('decode', '--tokenizer', name, '--ids', ids.join(','), '--json');
    expect(JSON.parse(decoded.stdout)).toEqual({ text });
  });

  test('ids out of range are refused', async () => {
    const { code, stderr } = await run('decode', '--tokenizer', name, '--ids', '0 60000');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /--ids: found "?60000"?, expected whole numbers from 0 to \d+ with spaces or commas between\./,
    );
  });
});

test('control tokens become ids with --allow-special alone; --model takes a folder too', async () => {
  const llama3 = path.join(place, 'llama3');
  const special = (words: string[]) => run('encode', '--model', llama3, '--text', '<|eot_id|>', ...words);
  expect((await special(['--allow-special'])).stdout).toBe('293\n');
  expect((await special([])).stdout).not.toMatch(/\b293\b/);
});

test('a broken folder is refused with its file', async () => {
  const broken = folder(
    'broken',
    hubFiles('qwen', {}, ({ model }) => void (model.merges = ['q z'])),
  );
  const { code, stderr } = await run('encode', '--tokenizer', broken, '--text', 'a');
  expect(code).toBe(2);
  expect(stderr.replace(/\s+/g, ' ')).toContain(
    'tokenizer.json: model.merges: merge 1: found "qz", which is not in the vocabulary.',
  );
});

test.each(['tokenizer.json', 'tokenizer_config.json'])(
  '%s of more bytes than any tokenizer has is not read',
  async (name) => {
    const dir = folder(`large-${name}`, CharTokenizer.fromText(text).files());
    fs.truncateSync(path.join(dir, name), 2 ** 33);
    const { code, stderr } = await run('encode', '--model', dir, '--text', text);
    expect(stderr).toBe(
      `error: ${path.join(dir, name)}: found 8589934592 bytes, expected a file of at most 67108864 bytes. Check the folder.\n`,
    );
    expect(code).toBe(2);
  },
);
