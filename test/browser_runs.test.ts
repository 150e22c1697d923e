// Saves in a browser: the older one is whole whatever happens to the newer, at every call.
import { expect, test } from 'vitest';
import { BrowserRuns } from '../src/checkpoint/browser_runs.ts';
import { RunError } from '../src/errors.ts';
import { type Fault, MemoryDisk, MemoryFile, MemoryFolder } from './harness/memory_opfs.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const files = (n: number) =>
  new Map([
    ['model.safetensors', bytes(`weights of step ${n}`)],
    ['training.json', bytes(`{"step":${n}}`)],
  ]);

function fresh() {
  const disk = new MemoryDisk();
  const root = new MemoryFolder(disk);
  const runs = () => new BrowserRuns(root as unknown as FileSystemDirectoryHandle);
  return { disk, root, runs };
}

/** What a visitor finds who opens the page again. */
async function found(runs: BrowserRuns, id: string): Promise<string> {
  const run = await runs.load(id);
  return new TextDecoder().decode(run?.files.get('model.safetensors'));
}

test('a save is read back, and the next ones are written in turn beside it', async () => {
  const { runs, root } = fresh();
  const id = await runs().create(new Map([['text.txt', bytes('her text')]]));
  for (const step of [1, 2, 3]) {
    await runs().save(id, step, files(step));
    expect(await found(runs(), id)).toBe(`weights of step ${step}`);
  }
  expect(await runs().list()).toMatchObject([{ id, step: 3 }]);
  expect(await runs().beside(id)).toEqual(new Map([['text.txt', bytes('her text')]]));
  const folder = root.entries.get(id) as MemoryFolder;
  expect([...folder.entries.keys()].sort()).toEqual(['slot-a', 'slot-b', 'text.txt']);
});

for (const kind of ['quota', 'short', 'dead'] as const)
  test(`call by call, ${kind}: the old save or the new one, never a mix`, async () => {
    let saved = false;
    let tried = 0;
    for (let at = 1; !saved; at++) {
      const { disk, runs } = fresh();
      const id = await runs().create();
      await runs().save(id, 1, files(1));
      await runs().save(id, 2, files(2));
      disk.revive();
      disk.fault = { at, kind } satisfies Fault;
      const error = await runs()
        .save(id, 3, files(3))
        .catch((thrown: unknown) => thrown);
      // A short write that was none of a write's calls changes nothing.
      saved = error === undefined && disk.calls < at;
      if (error !== undefined) {
        tried++;
        if (kind !== 'dead') expect(error).toBeInstanceOf(RunError);
        if (kind !== 'dead') expect((error as Error).message).toContain('The save before is whole');
      }
      disk.revive();
      // A save that failed at its very last call may be whole; one that was acknowledged is there.
      const step3 = 'weights of step 3';
      expect(error === undefined ? [step3] : ['weights of step 2', step3]).toContain(await found(runs(), id));
    }
    expect(tried).toBeGreaterThan(2);
  });

test('a damaged save is passed over with its reason', async () => {
  const { runs, root } = fresh();
  const id = await runs().create();
  await runs().save(id, 1, files(1));
  await runs().save(id, 2, files(2));
  const slot = (root.entries.get(id) as MemoryFolder).entries.get('slot-b') as MemoryFolder;
  const file = slot.entries.get('model.safetensors') as MemoryFile;
  file.bytes = bytes('weights of step 7');
  const run = await runs().load(id);
  expect(run!.step).toBe(1);
  expect(run!.passedOver).toEqual([
    'the save of step 2 was passed over: model.safetensors differs from its SHA-256 in the manifest',
  ]);
  expect(file).toBeInstanceOf(MemoryFile);
});

test('the newest three runs stay; what was never saved goes', async () => {
  const { runs, root } = fresh();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    const id = await runs().create();
    ids.push(id);
    if (i !== 3) await runs().save(id, 1, files(1));
  }
  expect(new Set(root.entries.keys())).toEqual(new Set([ids[1], ids[2], ids[4]]));
  await runs().remove(ids[4]!);
  expect((await runs().list()).map(({ id }) => id)).toEqual([ids[2], ids[1]]);
  // One that is gone back to later does not go.
  for (let i = 0; i < 3; i++) await runs().save(await runs().create(new Map(), [ids[1]!]), 1, files(1));
  expect(new Set(root.entries.keys()).has(ids[1]!)).toBe(true);
});
