// The index of a model in several files: it must say what the files hold.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openWeights } from '../src/checkpoint/huggingface.ts';
import { openModelFolder } from '../src/checkpoint/model_folder.ts';
import { collectBytes, type TensorEntry, writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { dealShards, parseShardIndex } from '../src/checkpoint/shards.ts';
import { InputError } from '../src/errors.ts';
import { llamaJson, randomEntries, tensorsOf } from './harness/model_files.ts';
import { scratchFolder } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());

type Index = { metadata: Record<string, unknown>; weight_map: Record<string, string> };

/** A model in three files, `change` made to its index and the tensors of its files. */
async function sharded(
  name: string,
  change: (index: Index, files: Map<string, TensorEntry[]>) => void,
): Promise<string> {
  const folder = place.at(name);
  fs.mkdirSync(folder);
  const { shards, index } = dealShards(randomEntries(llamaJson), 8000);
  const files = new Map(shards.map((shard) => [shard.name, [...shard.entries]]));
  const parsed = JSON.parse(index!) as Index;
  change(parsed, files);
  fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(llamaJson));
  fs.writeFileSync(path.join(folder, 'model.safetensors.index.json'), JSON.stringify(parsed));
  for (const [file, entries] of files)
    fs.writeFileSync(path.join(folder, file), await collectBytes(writeSafetensors(entries)));
  return folder;
}

/** What opening it says: notes, or the sentence of its refusal. */
async function opened(folder: string): Promise<string> {
  let model: ReturnType<typeof openModelFolder> | undefined;
  try {
    model = openModelFolder(folder);
    const notes: string[] = [];
    await openWeights(model, tensorsOf(llamaJson), notes);
    return notes.join('\n');
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  } finally {
    model?.close();
  }
}

const first = 'model-00001-of-00003.safetensors';
const second = 'model-00002-of-00003.safetensors';

test('a sound index is silent; a wrong total, which nobody needs, is a remark', async () => {
  expect(await opened(await sharded('sound', () => {}))).toBe('');
  const plain = await sharded('plain', (index) => void Reflect.deleteProperty(index, 'metadata'));
  expect(await opened(plain)).toBe('');
  const wrong = await sharded('wrong', ({ metadata }) => void (metadata.total_size = 5));
  expect(await opened(wrong)).toMatch(/index\.json: total_size says 5 bytes, the tensors have \d+; it is not needed$/);
});

test('an index that disagrees with its files is refused by tensor and file', async () => {
  const moved = await sharded('moved', ({ weight_map: map }) => void (map['model.norm.weight'] = first));
  expect(await opened(moved)).toMatch(
    /index\.json: "model\.norm\.weight": not found in "model-00001-of-00003\.safetensors" but in "model-0000[23]/,
  );
  const unknown = await sharded('unknown', ({ weight_map: map }) => void (map.nobody = first));
  expect(await opened(unknown)).toContain('"nobody": not found in "model-00001-of-00003.safetensors", expected there');
  const unnamed = await sharded(
    'unnamed',
    ({ weight_map: map }) => void Reflect.deleteProperty(map, 'model.norm.weight'),
  );
  expect(await opened(unnamed)).toContain('"model.norm.weight": the index does not name it, expected this file');
  const twice = await sharded('twice', (_, files) => void files.get(second)!.push(files.get(first)![0]!));
  expect(await opened(twice)).toContain(
    `${second}: "model.embed_tokens.weight": the index names "${first}" for it, expected this file`,
  );
});

test('a shard that is missing, cut or outside is refused', async () => {
  const missing = await sharded('missing', () => {});
  fs.rmSync(path.join(missing, second));
  expect(await opened(missing)).toContain(`shard 2 of 3 is missing: expected "${second}". Fetch it.`);
  const cut = await sharded('cut', () => {});
  fs.truncateSync(path.join(cut, second), 3000);
  expect(await opened(cut)).toMatch(
    /model-00002-of-00003\.safetensors: ".+": data ends at byte \d+, the file has \d+ bytes of data/,
  );
  const outside = await sharded(
    'outside',
    ({ weight_map: map }) => void (map['model.norm.weight'] = '../x.safetensors'),
  );
  expect(await opened(outside)).toContain('shard "../x.safetensors" refused, expected the plain name');
  const folder = await sharded('folder', () => {});
  fs.rmSync(path.join(folder, second));
  fs.mkdirSync(path.join(folder, second));
  expect(await opened(folder)).toContain('found a folder, expected a file');
});

test.each([
  ['[]', 'found a list, expected an object'],
  ['{}', 'weight_map: found nothing, expected an object'],
  ['{"weight_map": []}', 'weight_map: found a list, expected an object'],
  ['{"weight_map": {}}', 'weight_map: found no tensors, expected some'],
  ['{"weight_map": {"a": "x.safetensors"}, "metadata": 3}', 'metadata: found 3, expected an object'],
  [
    '{"weight_map": {"a": "x.safetensors"}, "metadata": {"total_size": -1}}',
    'total_size: found -1, expected 0 or more',
  ],
  [
    '{"weight_map": {"a": "x.safetensors"}, "metadata": {"total_size": 1e300}}',
    'total_size: found 1e+300, expected at most',
  ],
  ['{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', '"a" appears twice'],
])('the index %s is refused', (text, sentence) => {
  expect(() => parseShardIndex(text, 'i.json')).toThrow(InputError);
  expect(() => parseShardIndex(text, 'i.json')).toThrow(sentence);
});

test('tensors are dealt in their order; what is larger than a file has one of its own', () => {
  const entry = (name: string, size: number): TensorEntry => ({
    name,
    shape: [size],
    dtype: 'F32',
    data: new Float32Array(size),
  });
  const names = (limit: number) =>
    dealShards([entry('a', 2), entry('b', 3), entry('c', 9), entry('d', 1)], limit).shards.map((shard) =>
      shard.entries.map(({ name }) => name).join(''),
    );
  expect(names(20)).toEqual(['ab', 'c', 'd']);
  expect(names(19)).toEqual(['a', 'b', 'c', 'd']);
  expect(names(40)).toEqual(['ab', 'cd']);
  expect(names(60)).toEqual(['abcd']);
  expect(dealShards([entry('a', 1)], 1)).toMatchObject({ index: null, shards: [{ name: 'model.safetensors' }] });
});
