// Models of llama2.c: they compute here what their own program computes, and a damaged file is refused with a sentence.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openLlama2c } from '../src/checkpoint/llama2c.ts';
import { llama2cTokenizerFiles, parseLlama2cTokenizer } from '../src/checkpoint/llama2c_tokenizer.ts';
import { parseModelConfig } from '../src/checkpoint/model_config.ts';
import { openModelFolder } from '../src/checkpoint/model_folder.ts';
import { bytesSource } from '../src/checkpoint/safetensors.ts';
import { InputError } from '../src/errors.ts';
import { makeModel } from '../src/nn/families.ts';
import { Twin } from '../src/reference/twin.ts';
import { loadModel } from '../src/train/snapshot.ts';
import { run } from './harness/inside.ts';
import { type Llama2cSizes, llama2cFile, llama2cLogits } from './harness/llama2c_model.ts';
import { hashOfFolder } from './harness/model_files.ts';
import { scratchFolder } from './harness/program.ts';
import { testWith } from './harness/shared.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const sizes: Llama2cSizes = {
  dim: 24,
  hidden: 20,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  vocab: 33,
  context: 16,
  tied: true,
};

/** Logits of the twin behind the last id. */
async function logitsOf(folder: string, ids: readonly number[]): Promise<Float64Array> {
  const opened = openModelFolder(folder);
  const model = makeModel(parseModelConfig(opened.config, opened.configName).config, { seed: 0 });
  const twin = new Twin();
  await loadModel(twin, model, opened);
  opened.close();
  const logits = twin.compile((t) => ({ logits: model.head(model.hidden(t.ids!)) }));
  const { exact } = (await logits({ ids: { shape: [1, ids.length], data: Int32Array.from(ids) } })).logits!;
  return (exact as Float64Array).slice(-model.vocabSize);
}

async function converted(name: string, file: string, ...words: string[]): Promise<string> {
  const { code, stderr } = await run(['convert', '--model', file, '--out', place.at(name), ...words]);
  expect(code, stderr).toBe(0);
  return place.at(name);
}

test.each([true, false])('a random model gives the logits of the C program; tied: %s', async (tied) => {
  const own = { ...sizes, tied };
  const bytes = llama2cFile(own);
  fs.writeFileSync(place.at(`model-${tied}.bin`), bytes);
  const ids = [1, 7, 32, 0, 7, 19, 4];
  const logits = await logitsOf(await converted(`model-${tied}`, place.at(`model-${tied}.bin`)), ids);
  const expected = llama2cLogits(bytes, own, ids);
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - logits[i]!)));
  // Float64 on both sides, but the twin's cosines and sines are stored as float32: some 1e-8 each.
  expect(worst).toBeLessThan(1e-7 * Math.max(...expected.map(Math.abs)));
});

test('ranges of a turned matrix are those of the whole, wherever they begin', async () => {
  const { weights } = await openLlama2c(bytesSource('m.bin', llama2cFile(sizes)));
  const name = 'model.layers.1.self_attn.k_proj.weight';
  const whole = await weights.read(name, 0, 288);
  for (const [from, to] of [
    [0, 1],
    [5, 150],
    [143, 145],
    [144, 288],
    [287, 288],
  ] as const)
    expect(await weights.read(name, from, to)).toEqual(whole.slice(from, to));
});

const shared = '../shared/models/stories260K';
testWith(shared, 'stories260K: its file and its folder are one model, to the byte, with one tokenizer', async () => {
  const [fromFile, fromFolder] = [
    await converted('stories', `${shared}/stories260K.bin`),
    await converted('hf', `${shared}/hf`),
  ];
  const read = (dir: string, name: string) => fs.readFileSync(path.join(dir, name));
  expect(read(fromFile, 'model.safetensors').equals(read(fromFolder, 'model.safetensors'))).toBe(true);
  expect(await hashOfFolder(fromFile)).toBe(await hashOfFolder(`${shared}/hf`));
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    expect(JSON.parse(read(fromFile, name).toString())).toEqual(JSON.parse(read(`${shared}/hf`, name).toString()));
  const [config, known] = [fromFile, `${shared}/hf`].map((dir) => JSON.parse(read(dir, 'config.json').toString()));
  for (const [key, value] of Object.entries(config)) if (key in known) expect([key, value]).toEqual([key, known[key]]);
  const ids = [1, 403, 407, 261, 378];
  const logits = await logitsOf(fromFile, ids);
  expect(logits).toEqual(await logitsOf(`${shared}/hf`, ids));
  const own = { dim: 64, hidden: 172, layers: 5, heads: 8, kvHeads: 4, vocab: 512, context: 512, tied: true };
  const expected = llama2cLogits(new Uint8Array(fs.readFileSync(`${shared}/stories260K.bin`)), own, ids);
  const largest = Math.max(...expected.map(Math.abs));
  logits.forEach((value, i) => void expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-6 * largest));
});

test('files that are none, or damaged, are refused', async () => {
  const sound = llama2cFile(sizes);
  const withInt = (at: number, value: number) => {
    const bytes = sound.slice();
    new DataView(bytes.buffer).setInt32(4 * at, value, true);
    return bytes;
  };
  const poisoned = sound.slice();
  new DataView(poisoned.buffer).setFloat32(28 + 4 * 5, Number.NaN, true);
  const refused: [Uint8Array, string][] = [
    [new Uint8Array(0), 'found 0 bytes, expected at least 28'],
    [sound.slice(0, 27), 'found 27 bytes'],
    [sound.slice(0, -4), `found ${sound.length - 4} bytes, expected ${sound.length} for dim 24`],
    [withInt(0, 0), 'dim: found 0, expected 1 or more'],
    [withInt(0, 25), 'n_heads: found 4, but dim 25 is not divisible by 4'],
    [withInt(0, 20), 'heads of 5, expected an even size'],
    [withInt(4, 3), 'n_kv_heads: found 3, but n_heads 4 is not divisible by 3'],
    [withInt(2, 2 ** 31 - 1), 'n_layers: found 2147483647, expected at most 10000'],
    [withInt(5, 2 ** 31 - 1), 'The file is cut or damaged'],
    [withInt(5, -(2 ** 31)), 'The file is cut or damaged'],
    [withInt(0, 0x616b3432), 'found a llama2.c model of version 1 or 2'],
    [new TextEncoder().encode('PK\x03\x04 and a pickle behind it, of some length'), 'found a PyTorch pickle'],
    [new TextEncoder().encode('<!DOCTYPE html><html>log in, please</html>'), 'found a web page'],
    [new TextEncoder().encode('GGUF                            '), 'found a GGUF file'],
  ];
  for (const [bytes, sentence] of refused) {
    const opened = openLlama2c(bytesSource('m.bin', bytes));
    await expect(opened).rejects.toThrow(InputError);
    await expect(openLlama2c(bytesSource('m.bin', bytes))).rejects.toThrow(sentence);
  }
  const { weights } = await openLlama2c(bytesSource('m.bin', poisoned));
  await expect(weights.read('model.embed_tokens.weight', 0, 10)).rejects.toThrow('holds NaN (at 5), expected finite');
});

/** A tokenizer file of these pieces. */
function tokenizerFile(pieces: readonly (readonly [score: number, text: string | Uint8Array])[]): Uint8Array {
  const parts = pieces.map(([score, text]) => {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    const part = new Uint8Array(8 + bytes.length);
    new DataView(part.buffer).setFloat32(0, score, true);
    new DataView(part.buffer).setInt32(4, bytes.length, true);
    part.set(bytes, 8);
    return part;
  });
  return Uint8Array.from([7, 0, 0, 0, ...parts.flatMap((part) => [...part])]);
}

const pieces = [
  [0, '<unk>'],
  [0, '\n<s>\n'],
  [0, '\n</s>\n'],
  [0, '<0x41>'],
  [-1, ' a'],
  [-2, 'ab'],
  [-3, ' ab'],
  [-4, ' '],
  [-5, 'a'],
  [-6, 'b'],
] as const;

test('scores become merges: the best first, every way to put a piece together', () => {
  const read = parseLlama2cTokenizer(tokenizerFile(pieces), 10, 't.bin');
  const { model, added_tokens: added } = JSON.parse(llama2cTokenizerFiles(read, 16).get('tokenizer.json')!);
  expect(Object.keys(model.vocab)).toEqual(['<unk>', '<s>', '</s>', '<0x41>', '▁a', 'ab', '▁ab', '▁', 'a', 'b']);
  expect(model.merges).toEqual(['▁ a', 'a b', '▁a b', '▁ ab']);
  expect(added.map(({ content }: { content: string }) => content)).toEqual(['<unk>', '<s>', '</s>']);
});

test.each([
  ['cut', tokenizerFile(pieces).slice(0, -1), 'token 9 is not whole'],
  ['of another model', tokenizerFile([...pieces, [-7, 'c']]), 'holds 9 bytes after token 9, expected the 10 tokens'],
  ['of a smaller model', tokenizerFile(pieces.slice(1)), 'token 9 is not whole'],
  ['with a piece twice', tokenizerFile([...pieces.slice(1), [0, 'a']]), 'token 9 is "a" again'],
  ['with an empty piece', tokenizerFile([...pieces.slice(1), [0, '']]), 'token 9 is empty'],
  ['not UTF-8', tokenizerFile([...pieces.slice(1), [0, Uint8Array.of(0xff)]]), 'token 9 is not UTF-8'],
  ['of nothing', new Uint8Array(0), 'token 0 is not whole'],
])('a tokenizer %s is refused', (_, bytes, sentence) => {
  expect(() => parseLlama2cTokenizer(bytes, 10, 't.bin')).toThrow(InputError);
  expect(() => parseLlama2cTokenizer(bytes, 10, 't.bin')).toThrow(sentence);
});

test('a tokenizer beside the model is found by its name, and one can be named', async () => {
  const own = { ...sizes, vocab: 10 };
  fs.mkdirSync(place.at('beside'));
  fs.writeFileSync(place.at('beside/m.bin'), llama2cFile(own));
  const without = await run(['convert', '--model', place.at('beside/m.bin'), '--out', place.at('without')]);
  expect([without.code, fs.existsSync(place.at('without/tokenizer.json'))]).toEqual([0, false]);
  expect(without.stderr).toContain('the folder gets no tokenizer');
  fs.writeFileSync(place.at('beside/tok10.bin'), tokenizerFile(pieces));
  const found = await converted('found', place.at('beside/m.bin'));
  fs.writeFileSync(place.at('named.bin'), tokenizerFile(pieces));
  const named = await converted('named', place.at('beside/m.bin'), '--tokenizer', place.at('named.bin'));
  const read = (dir: string) => fs.readFileSync(path.join(dir, 'tokenizer.json'), 'utf8');
  expect(read(found)).toBe(read(named));
});
