// Models of the hub: fetched once, gone on with after a cut, checked by hash, found again offline.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fetchFromHub, type HubOptions, type HubProgress, hubOptions, hubPlace } from '../src/checkpoint/hub.ts';
import { InputError, RunError } from '../src/errors.ts';
import { COMMIT, LittleHub } from './harness/little_hub.ts';

const WEIGHTS = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) >> 3);
const place = hubPlace('owner/name')!;
let hub: LittleHub;
let options: HubOptions;
let notes: string[];
let progress: HubProgress[];
let stopAt: number;

beforeEach(async () => {
  hub = new LittleHub({
    'config.json': '{"model_type":"gpt2"}',
    'README.md': '# hello',
    'model.safetensors': WEIGHTS,
    'pytorch_model.bin': 'x',
  });
  const cacheFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'hub-'));
  options = { endpoint: await hub.start(), cacheFolder, offline: false, token: undefined };
  [notes, progress, stopAt] = [[], [], Number.POSITIVE_INFINITY];
});

afterEach(() => {
  hub.stop();
  fs.rmSync(options.cacheFolder, { recursive: true });
});

const fetchModel = (changed: Partial<HubOptions> = {}, where = place) =>
  fetchFromHub(
    where,
    { ...options, ...changed },
    {
      onProgress: (each) => progress.push(each),
      note: (line) => notes.push(line),
      stop: () => (progress.at(-1)?.done ?? 0) > stopAt,
    },
  );

// Buffers compare at once, where an equality of values walks three million of them.
const expectWeights = (folder: string | null) =>
  expect(fs.readFileSync(path.join(folder!, 'model.safetensors')).equals(WEIGHTS)).toBe(true);

test('what a name is', () => {
  expect(hubPlace('owner/name')).toEqual({ name: 'owner/name', revision: 'main' });
  expect(hubPlace('HuggingFaceTB/SmolLM2-135M@v1.0')).toEqual({ name: 'HuggingFaceTB/SmolLM2-135M', revision: 'v1.0' });
  for (const other of [
    'name',
    './owner/name',
    '/owner/name',
    'a/b/c',
    '../name',
    'a/..',
    'a/b@../c',
    'owner/name@',
    '',
  ])
    expect(hubPlace(other)).toBeNull();
});

test('where the cache is, as the other libraries say it', () => {
  expect(hubOptions({ HF_HOME: '/h' }).cacheFolder).toBe(path.join('/h', 'hub'));
  expect(hubOptions({ HF_HUB_CACHE: '/c', HF_HOME: '/h' }).cacheFolder).toBe('/c');
  expect(hubOptions({ HF_ENDPOINT: 'http://mirror/' }).endpoint).toBe('http://mirror');
  expect(hubOptions({ HF_HUB_OFFLINE: '1' }).offline).toBe(true);
  expect(hubOptions({}).offline).toBe(false);
});

test('the files of a model, and none that is not needed', async () => {
  const folder = await fetchModel();
  expect(fs.readdirSync(folder!).sort()).toEqual(['config.json', 'model.safetensors']);
  expectWeights(folder);
  expect(folder).toBe(path.join(options.cacheFolder, 'models--owner--name', 'snapshots', COMMIT));
  expect(fs.readFileSync(path.join(folder!, '../../refs/main'), 'utf8')).toBe(COMMIT);
  expect(progress.at(-1)).toMatchObject({
    done: WEIGHTS.length + 21,
    total: WEIGHTS.length + 21,
    file: 'model.safetensors',
  });
});

test('a second time nothing is fetched; offline neither', async () => {
  const folder = await fetchModel();
  hub.asked.length = 0;
  expect(await fetchModel()).toBe(folder);
  expect(hub.asked.filter((line) => line.includes('/resolve/'))).toEqual([]);
  hub.asked.length = 0;
  expect(await fetchModel({ offline: true })).toBe(folder);
  expect(hub.asked).toEqual([]);
});

test('a connection that breaks is told, and the next download goes on at that byte', async () => {
  hub.cutAfter = null;
  await fetchModelCutInWeights();
  const partial = fs.statSync(partialFile()).size;
  expect(partial).toBeGreaterThan(0);
  hub.asked.length = 0;
  const folder = await fetchModel();
  expectWeights(folder);
  expect(hub.contents('model.safetensors')).toEqual([expect.stringMatching(new RegExp(`bytes=${partial}-\\d+$`))]);
});

async function fetchModelCutInWeights(): Promise<void> {
  // The small file first, whole.
  hub.files.set('model.safetensors', WEIGHTS);
  stopAt = 0;
  expect(await fetchModel()).toBeNull();
  stopAt = Number.POSITIVE_INFINITY;
  hub.cutAfter = 100_000;
  const failed = await fetchModel().catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(RunError);
  expect((failed as Error).message).toMatch(
    /^model\.safetensors: the connection (failed|ended).* of 3000000 bytes\. Run the same command again/,
  );
}

const partialFile = () => {
  const blobs = path.join(options.cacheFolder, 'models--owner--name', 'blobs');
  return path.join(blobs, fs.readdirSync(blobs).find((name) => name.endsWith('.incomplete'))!);
};

test('stopped in the middle it goes on from there', async () => {
  stopAt = 200_000;
  expect(await fetchModel()).toBeNull();
  stopAt = Number.POSITIVE_INFINITY;
  const before = fs.statSync(partialFile()).size;
  progress.length = 0;
  const folder = await fetchModel();
  expect(progress[0]!.done).toBeGreaterThanOrEqual(before);
  expect(progress.at(-1)!.fetched).toBe(WEIGHTS.length - before);
  expectWeights(folder);
});

test('what is damaged on its way is thrown away, and told', async () => {
  hub.damaged.set('config.json', new TextEncoder().encode('{"model_type":"gpt3"}'));
  await expect(fetchModel()).rejects.toThrow(/^config\.json: found git /);
  hub.damaged.clear();
  hub.damaged.set('model.safetensors', WEIGHTS.with(17, 255 - WEIGHTS[17]!));
  await expect(fetchModel()).rejects.toThrow(
    /^model\.safetensors: found sha256 \w{12} over 3000000 bytes, expected .* thrown away/,
  );
  hub.damaged.clear();
  expectWeights(await fetchModel());
});

test('shards with their index', async () => {
  hub.files.delete('model.safetensors');
  const index = { weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' } };
  hub.files.set('model.safetensors.index.json', new TextEncoder().encode(JSON.stringify(index)));
  hub.files.set('model-00001-of-00002.safetensors', WEIGHTS.subarray(0, 1000));
  hub.files.set('model-00002-of-00002.safetensors', WEIGHTS.subarray(1000, 2000));
  const folder = await fetchModel();
  expect(fs.readdirSync(folder!).length).toBe(4);
  fs.rmSync(path.join(folder!, 'model-00002-of-00002.safetensors'));
  await expect(fetchModel({ offline: true })).rejects.toThrow(/no whole copy/);
});

test('no such model, a closed one, none that can be read', async () => {
  hub.status = 404;
  await expect(fetchModel()).rejects.toThrow(InputError);
  await expect(fetchModel()).rejects.toThrow(
    /^owner\/name: found no such model at .* \(status 404\).*HF_TOKEN.* Check the name\.$/,
  );
  hub.status = 503;
  await expect(fetchModel()).rejects.toThrow(/answered with status 503/);
  hub.status = 200;
  hub.files.delete('model.safetensors');
  await expect(fetchModel()).rejects.toThrow(/found no safetensors among its files .*"pytorch_model\.bin"/);
});

test('without a network: the copy in the cache, or one clear sentence', async () => {
  const nowhere = { endpoint: 'http://127.0.0.1:9' };
  await expect(fetchModel(nowhere)).rejects.toThrow(
    /^owner\/name: http:\/\/127\.0\.0\.1:9 cannot be reached \(.*\): this machine seems to be offline, and the cache has no whole copy .*Name a local folder, or a mirror by HF_ENDPOINT\.$/,
  );
  const folder = await fetchModel();
  expect(await fetchModel(nowhere)).toBe(folder);
  expect(notes.join()).toMatch(/offline; the copy in the cache is used/);
});

test('a cache that cannot be written is named, with what the system says', async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'hub-file-')), 'file');
  fs.writeFileSync(file, '');
  await expect(fetchModel({ cacheFolder: `${file}/hub` })).rejects.toThrow(
    `${file}/hub/models--owner--name: the cache cannot be written: ENOTDIR, a part of the path is a file. Make room there, or name another place by HF_HOME.`,
  );
  fs.rmSync(path.dirname(file), { recursive: true });
});
