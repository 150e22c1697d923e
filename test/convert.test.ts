// convert: what is written is what was there, in another form, and nothing is left where it failed.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { diskLayer } from '../src/checkpoint/files.ts';
import type { FileContent } from '../src/checkpoint/manifest.ts';
import { bytesSource, SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { writeFolder, writeNewFile } from '../src/cli/new_folder.ts';
import { float32ToHalves, halvesToFloat32 } from '../src/tensor/halves.ts';
import { fakeHome } from './cli_home.ts';
import { run } from './harness/inside.ts';
import {
  filesOf,
  gpt2Json,
  hashOfFolder,
  llamaJson,
  randomEntries,
  tensorsOf,
  weightsOf,
  writeModelFolder,
} from './harness/model_files.ts';
import { scratchFolder } from './harness/program.ts';
import { testWith } from './harness/shared.ts';

const place = scratchFolder();
afterAll(() => place.remove());

const others = {
  'generation_config.json':
    '{"bos_token_id": 1, "eos_token_id": [2, 3], "pad_token_id": 0, "temperature": 0.6, "top_p": 0.9}\n',
  'special_tokens_map.json': '{"eos_token": "</s>"}',
  'chat_template.jinja': '{% for m in messages %}{{ m.content }}{% endfor %}',
  'tokenizer_config.json': '{"chat_template": "x", "model_max_length": 32}',
};

async function folder(name: string, config: object = llamaJson, dtype: 'F32' | 'F16' | 'BF16' = 'F32') {
  const at = place.at(name);
  return fs.existsSync(at) ? at : writeModelFolder(at, config, randomEntries(config, dtype), others);
}

async function converted(name: string, from: string, ...words: string[]): Promise<string> {
  const { code, stderr } = await run(['convert', '--model', from, '--out', place.at(name), ...words]);
  expect([code, stderr.includes('error')], stderr).toEqual([0, false]);
  return place.at(name);
}

describe('a folder', () => {
  test('comes out with the same tensors, and once more to the same bytes', async () => {
    const from = await folder('llama');
    const once = await converted('once', from);
    const twice = await converted('twice', once);
    expect(filesOf(twice)).toEqual(filesOf(once));
    expect(await hashOfFolder(once)).toBe(await hashOfFolder(from));
    for (const [name, text] of Object.entries(others))
      expect(fs.readFileSync(path.join(once, name), 'utf8')).toBe(text);
    expect(fs.readFileSync(path.join(once, 'config.json'))).toEqual(fs.readFileSync(path.join(from, 'config.json')));
  });

  test('in shards holds the same as in one file, and comes together again', async () => {
    const from = await folder('llama');
    const one = await converted('one', from);
    const shards = await converted('shards', from, '--shard-size', '4kB');
    const names = fs.readdirSync(shards).filter((name) => name.endsWith('.safetensors'));
    expect(names.length).toBeGreaterThan(3);
    expect(names[0]).toBe(`model-00001-of-${String(names.length).padStart(5, '0')}.safetensors`);
    expect(await hashOfFolder(shards)).toBe(await hashOfFolder(from));
    const index = JSON.parse(fs.readFileSync(path.join(shards, 'model.safetensors.index.json'), 'utf8'));
    const expected = tensorsOf(llamaJson);
    expect(Object.keys(index.weight_map)).toEqual(expected.map(({ name }) => name).sort());
    expect(index.metadata.total_size).toBe(4 * [...(await weightsOf(from)).values()].reduce((n, d) => n + d.length, 0));
    for (const name of names) {
      const reader = await SafetensorsReader.open(bytesSource(name, fs.readFileSync(path.join(shards, name))));
      const bytes = [...reader.tensors.values()].reduce((sum, { start, end }) => sum + end - start, 0);
      expect(bytes <= 4000 || reader.tensors.size === 1).toBe(true);
      expect(reader.metadata).toEqual(new Map([['format', 'pt']]));
      for (const tensor of reader.tensors.keys()) expect(index.weight_map[tensor]).toBe(name);
    }
    expect(filesOf(await converted('together', shards))).toEqual(filesOf(one));
  });

  test.each(['f16', 'bf16'] as const)('%s is the nearest, and exact from there on both ways', async (dtype) => {
    const kind = dtype === 'f16' ? 'F16' : 'BF16';
    const from = await folder('llama');
    const half = await converted(`${dtype}`, from, '--dtype', dtype);
    const [exact, rounded] = [await weightsOf(from), await weightsOf(half)];
    for (const [name, data] of exact)
      expect(rounded.get(name)).toEqual(halvesToFloat32(float32ToHalves(data, kind), kind));
    const wide = await converted(`${dtype}-wide`, half, '--dtype', 'f32');
    expect(await weightsOf(wide)).toEqual(rounded);
    const back = await converted(`${dtype}-back`, wide, '--dtype', dtype);
    expect(filesOf(back)).toEqual(filesOf(half));
    // Without --dtype weights stay what they are.
    expect(filesOf(await converted(`${dtype}-same`, half))).toEqual(filesOf(half));
  });

  test.each([
    ['torch_dtype', llamaJson],
    ['dtype', gpt2Json],
  ])('says its type under %s, and every other key stays', async (key, config) => {
    const from = await folder(key, config);
    const out = await converted(`${key}-f16`, from, '--dtype', 'f16');
    const [before, after] = [from, out].map((dir) =>
      JSON.parse(fs.readFileSync(path.join(dir, 'config.json'), 'utf8')),
    );
    expect(Object.entries(after)).toEqual(Object.entries({ ...before, [key]: 'float16' }));
  });

  test('without generation_config.json gets one from its ids', async () => {
    const from = await writeModelFolder(place.at('bare'), { ...llamaJson, eos_token_id: [2, 5] });
    const out = await converted('bare-out', from);
    expect(JSON.parse(fs.readFileSync(path.join(out, 'generation_config.json'), 'utf8'))).toEqual({
      _from_model_config: true,
      bos_token_id: 1,
      eos_token_id: [2, 5],
    });
  });

  test("under the hub's bare names, with buffers and a tied head, gets the names of its class", async () => {
    const entries = randomEntries(gpt2Json);
    const bare = entries.map((entry) => ({ ...entry, name: entry.name.replace('transformer.', '') }));
    const head = { ...entries[0]!, name: 'lm_head.weight' };
    const mask = { name: 'h.0.attn.bias', shape: [1, 1, 4, 4], dtype: 'F32' as const, data: new Float32Array(16) };
    const from = await writeModelFolder(place.at('hub'), gpt2Json, [...bare, head, mask]);
    const out = await converted('hub-out', from);
    const plain = await converted('hub-plain', await folder('plain', gpt2Json));
    const file = 'model.safetensors';
    expect(fs.readFileSync(path.join(out, file))).toEqual(fs.readFileSync(path.join(plain, file)));
  });
});

describe('what cannot be', () => {
  const refused = async (words: string[], sentence: string | RegExp) => {
    const before = fs.readdirSync(place.folder).sort();
    const said = await run(['convert', ...words]);
    expect([said.code, said.errors.length], said.stderr).toEqual([2, 1]);
    expect(said.errors[0]).toMatch(sentence);
    expect(fs.readdirSync(place.folder).sort()).toEqual(before);
  };
  const out = () => ['--out', place.at('never')];

  test('a value beyond f16 is refused with its tensor, and nothing stays', async () => {
    const entries = randomEntries(llamaJson);
    (entries[4]!.data as Float32Array)[7] = 65520;
    const from = await writeModelFolder(place.at('large'), llamaJson, entries);
    await refused(
      ['--model', from, ...out(), '--dtype', 'f16'],
      `"${entries[4]!.name}": holds 65520, expected at most 65504`,
    );
    await refused(['--model', from, '--gguf', place.at('never.gguf'), '--dtype', 'f16'], 'holds 65520');
    const kept = await converted('large-bf16', from, '--dtype', 'bf16');
    expect((await weightsOf(kept)).get(entries[4]!.name)![7]).toBe(65536);
  });

  test('flags, places and files that do not fit', async () => {
    const from = await folder('llama');
    await refused(['--model', from], 'found neither --out nor --gguf');
    await refused(out(), '--model: found nothing');
    await refused(['--model', from, '--out', from], /holds .*config.json.*nothing is overwritten/);
    await refused(['--model', from, '--gguf', path.join(from, 'config.json')], 'found a file of that name');
    await refused(['--model', from, '--gguf', place.at('none/x.gguf')], 'does not exist');
    const same = place.at('never-same');
    await refused(['--model', from, '--out', same, '--gguf', `${same}/`], 'which is --out too');
    await refused(
      ['--model', from, ...out(), '--shard-size', '2'],
      '--shard-size: found 2, expected a size with its unit',
    );
    await refused(['--model', from, ...out(), '--tokenizer', 'x.bin'], '--tokenizer: found beside a folder');
    const other = await writeModelFolder(place.at('other'), llamaJson, randomEntries(gpt2Json));
    await refused(['--model', other, ...out()], 'found other tensors than the 21');
    const odd = await writeModelFolder(place.at('odd'), llamaJson, undefined, {
      'generation_config.json': '{"eos_token_id": 48}',
    });
    await refused(['--model', odd, ...out()], /generation_config.json: eos_token_id: found 48, outside 0..47/);
    const vocab = { 'tokenizer.json': JSON.stringify({ model: { type: 'BPE', vocab: { a: 0, b: 48 } } }) };
    const large = await writeModelFolder(place.at('vocab'), llamaJson, undefined, vocab);
    await refused(['--model', large, ...out()], 'vocab_size: found 48, but the tokenizer has 49 tokens');
  });

  test('Ctrl-C leaves nothing behind and exits with 130', async () => {
    const from = await folder('llama');
    const home = fakeHome();
    const going = run(['convert', '--model', from, ...out()], home);
    home.signals.emit('SIGINT');
    const before = fs.readdirSync(place.folder).filter((name) => !name.includes('never'));
    expect((await going).code).toBe(130);
    expect(fs.readdirSync(place.folder).sort()).toEqual(before.sort());
  });
});

describe('of two processes that write the same place', () => {
  const { pid } = process;
  const beAnother = (number: number) => Object.defineProperty(process, 'pid', { value: number, configurable: true });
  afterEach(() => void beAnother(pid));
  const writers = {
    folder: (at: string, content: FileContent) => writeFolder(diskLayer, at, new Map([['a', content]])),
    file: (at: string, content: FileContent) => writeNewFile(diskLayer, at, content),
  };

  test.each(['folder', 'file'] as const)('the one that is done first has its %s, whole', async (kind) => {
    const at = place.at(`both-${kind}`);
    async function* slow() {
      yield Uint8Array.of(1, 2);
      beAnother(pid + 1);
      await writers[kind](at, Uint8Array.of(7, 8, 9));
      beAnother(pid);
      yield Uint8Array.of(3);
    }
    await expect(writers[kind](at, slow())).rejects.toThrow('nothing is overwritten');
    expect([...fs.readFileSync(kind === 'file' ? at : path.join(at, 'a'))]).toEqual([7, 8, 9]);
    expect(fs.readdirSync(place.folder).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });
});

const golden = '../shared/golden/traces';
for (const trace of ['gpt2', 'llama', 'llama_tied_rope3']) {
  testWith(golden, `golden ${trace}: names, shapes, dtypes and keys come out as they are`, async () => {
    const from = place.at(`golden-${trace}`);
    fs.mkdirSync(from);
    for (const name of ['config.json', 'model.safetensors'])
      fs.copyFileSync(`${golden}/${trace}/${name}`, path.join(from, name));
    const out = await converted(`golden-${trace}-out`, from);
    const read = async (dir: string) =>
      SafetensorsReader.open(bytesSource(dir, fs.readFileSync(path.join(dir, 'model.safetensors'))));
    const described = ({ tensors, metadata }: SafetensorsReader) => ({
      metadata,
      tensors: [...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape]).sort(),
    });
    expect(described(await read(out))).toEqual(described(await read(from)));
    expect(fs.readFileSync(path.join(out, 'config.json'))).toEqual(fs.readFileSync(path.join(from, 'config.json')));
    expect(await hashOfFolder(out)).toBe(await hashOfFolder(from));
  });
}
