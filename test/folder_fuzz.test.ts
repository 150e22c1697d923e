// Damaged files of models end in a model or in one sentence: no other error, nothing endless, nothing read that a file does not have.
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWeights } from '../src/checkpoint/huggingface.ts';
import { openLlama2c } from '../src/checkpoint/llama2c.ts';
import { llama2cTokenizerFiles, parseLlama2cTokenizer } from '../src/checkpoint/llama2c_tokenizer.ts';
import { type ByteSource, collectBytes, writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { dealShards } from '../src/checkpoint/shards.ts';
import { type Weights, weightParts } from '../src/checkpoint/weights.ts';
import { openFolder } from '../src/cli/convert_source.ts';
import { InputError } from '../src/errors.ts';
import { llama2cFile } from './harness/llama2c_model.ts';
import { gpt2Json, llamaJson, randomEntries, tensorsOf, writeModelFolder } from './harness/model_files.ts';
import { damaged, damages, jsonMutants } from './harness/mutants.ts';
import { scratchFolder } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const runs = { numRuns: 300, seed: 20261130 };
/** Cases take a few milliseconds; the rest is for a machine that others use. */
const MOST_MS = 4000;

/** Nothing is asked for beyond the end: no size is believed before it is compared with the file's. */
function guarded(name: string, bytes: Uint8Array): ByteSource {
  const read = (offset: number, length: number) => {
    if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length))
      throw new Error(`read of ${length} bytes at ${offset} of ${bytes.length}`);
    return bytes.subarray(offset, offset + length);
  };
  return { name, size: bytes.length, read };
}

/** Whether it was refused. @throws whatever is no InputError of a few lines */
async function refused(open: () => unknown): Promise<boolean> {
  const since = performance.now();
  try {
    await open();
    return false;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    expect(error.message.length).toBeLessThan(4000);
    return true;
  } finally {
    expect(performance.now() - since).toBeLessThan(MOST_MS);
  }
}

async function readAll(weights: Weights): Promise<void> {
  for await (const { data } of weightParts(weights)) expect(data.every(Number.isFinite)).toBe(true);
}

/** Every case of a property; some must be refused, or nothing was damaged. */
async function everyCase<T>(cases: fc.Arbitrary<T>, open: (value: T) => unknown): Promise<void> {
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(cases, async (value) => {
      if (await refused(() => open(value))) refusals++;
    }),
    runs,
  );
  expect(refusals).toBeGreaterThan(runs.numRuns / 10);
}

test.each([
  ['anywhere', undefined],
  ['in its header', 2000],
])('a safetensors file damaged %s', async (_, head) => {
  const sound = await collectBytes(writeSafetensors(randomEntries(gpt2Json, 'F16')));
  await everyCase(damages(), async (list) =>
    readAll(await openWeights([guarded('model.safetensors', damaged(sound, list, head))], tensorsOf(gpt2Json))),
  );
});

test('a header whose JSON is another', async () => {
  const sound = await collectBytes(writeSafetensors(randomEntries(gpt2Json)));
  const length = Number(new DataView(sound.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(sound.subarray(8, 8 + length)));
  const data = sound.subarray(8 + length);
  await everyCase(jsonMutants(header), async (text) => {
    const json = new TextEncoder().encode(text);
    const bytes = new Uint8Array(8 + json.length + data.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    bytes.set(data, 8 + json.length);
    await readAll(await openWeights([guarded('model.safetensors', bytes)], tensorsOf(gpt2Json)));
  });
});

test('a llama2.c model', async () => {
  const vocab = 12;
  const sound = llama2cFile({ dim: 8, hidden: 6, layers: 2, heads: 2, kvHeads: 1, vocab, context: 4, tied: true });
  const open = async (bytes: Uint8Array) => readAll((await openLlama2c(guarded('model.bin', bytes))).weights);
  await everyCase(damages(), (list) => open(damaged(sound, list)));
  await everyCase(damages(), (list) => open(damaged(sound, list, 28)));
});

test('its tokenizer', async () => {
  const pieces = ['<unk>', '\n<s>\n', '\n</s>\n', ' a', 'b', ' ab'];
  const sound = Uint8Array.from([
    ...[4, 0, 0, 0],
    ...pieces.flatMap((text) => {
      const bytes = new TextEncoder().encode(text);
      return [0, 0, 128, 191, bytes.length, 0, 0, 0, ...bytes];
    }),
  ]);
  await everyCase(damages(), (list) =>
    llama2cTokenizerFiles(parseLlama2cTokenizer(damaged(sound, list), pieces.length, 't.bin'), 16),
  );
});

const tokenizer = {
  added_tokens: [{ id: 47, content: '</s>', special: true }],
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] },
};
const generation = { bos_token_id: 1, eos_token_id: [2, 3], pad_token_id: 0, temperature: 0.5 };
const { shards, index } = dealShards(randomEntries(llamaJson), 9000);

let folder: string;
beforeAll(async () => {
  folder = await writeModelFolder(place.at('model'), llamaJson, []);
  fs.rmSync(path.join(folder, 'model.safetensors'));
  for (const { name, entries } of shards)
    fs.writeFileSync(path.join(folder, name), await collectBytes(writeSafetensors(entries)));
});

/** A folder is opened as convert does it, one of its files another each time. */
test.each([
  ['config.json', llamaJson],
  ['generation_config.json', generation],
  ['tokenizer.json', tokenizer],
  ['model.safetensors.index.json', JSON.parse(index!)],
])('a folder with another %s', async (name, value) => {
  const sound = new Map<string, string>([
    ['config.json', JSON.stringify(llamaJson)],
    ['generation_config.json', JSON.stringify(generation)],
    ['tokenizer.json', JSON.stringify(tokenizer)],
    ['model.safetensors.index.json', index!],
  ]);
  const open = async () => {
    const source = await openFolder(folder, false, () => {});
    source.close();
  };
  for (const [file, text] of sound) fs.writeFileSync(path.join(folder, file), text);
  await open();
  const handles = () => (process.platform === 'linux' ? fs.readdirSync('/proc/self/fd').length : 0);
  const before = handles();
  await everyCase(jsonMutants(value), async (text) => {
    fs.writeFileSync(path.join(folder, name), text);
    await open();
  });
  expect(handles()).toBeLessThanOrEqual(before);
});
