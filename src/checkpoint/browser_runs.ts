// Saved runs in a browser, in the file system that a page has for itself (OPFS): each run has two slots that are written in turn, the
// manifest last, so that the older save is whole whatever happens to the newer one. For workers: only they may write synchronously.
import { RunError } from '../errors.ts';
import { Sha256 } from './hash.ts';
import {
  type FileContent,
  type Manifest,
  type ManifestLine,
  manifestName,
  manifestText,
  readManifest,
} from './manifest.ts';

/** The part of FileSystemSyncAccessHandle that is used: TypeScript knows it in workers alone. */
interface SyncAccess {
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  getSize(): number;
  close(): void;
}

const SLOTS = ['slot-a', 'slot-b'] as const;
type Slot = (typeof SLOTS)[number];

/** Runs that stay; the oldest go when another is begun. */
const MOST_RUNS = 3;

export interface KeptRun {
  id: string;
  /** Of the newest save. */
  step: number;
  /** Milliseconds since 1970. */
  savedAt: number;
}

export interface LoadedRun extends KeptRun {
  files: Map<string, Uint8Array<ArrayBuffer>>;
  /** A line for a newer save that was passed over, with the reason. */
  passedOver: string[];
}

interface Save extends KeptRun {
  slot: Slot;
  manifest: Manifest;
}

export class BrowserRuns {
  readonly #root: FileSystemDirectoryHandle;
  /** The last call: saving, reading and removing never overlap. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param root a folder that holds nothing else */
  constructor(root: FileSystemDirectoryHandle) {
    this.#root = root;
  }

  /** Those that have a save, the newest first. */
  list(): Promise<KeptRun[]> {
    return this.#inTurn(async () => {
      const runs = await Promise.all((await this.#ids()).map((id) => this.#saves(id)));
      return runs.flatMap(([newest]) => (newest ? [newest] : [])).sort((a, b) => b.savedAt - a.savedAt);
    });
  }

  /** A run at its newest save that is as it was written, to the byte; null if there is none. */
  load(id: string): Promise<LoadedRun | null> {
    return this.#inTurn(async () => {
      const passedOver: string[] = [];
      for (const { slot, manifest, step, savedAt } of await this.#saves(id)) {
        const folder = await (await this.#root.getDirectoryHandle(id)).getDirectoryHandle(slot);
        const files = new Map<string, Uint8Array<ArrayBuffer>>();
        const fault = await readAll(folder, manifest.lines, files);
        if (fault === null) return { id, step, savedAt, files, passedOver };
        passedOver.push(`the save of step ${step} was passed over: ${fault}`);
      }
      return null;
    });
  }

  /** What a run needs to go on and stands in none of its saves, by names of files; empty where it needs nothing. */
  beside(id: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    return this.#inTurn(async () => {
      const found = new Map<string, Uint8Array<ArrayBuffer>>();
      const folder = await this.#root.getDirectoryHandle(id);
      for (const name of await namesIn(folder)) {
        if ((SLOTS as readonly string[]).includes(name)) continue;
        const file = await (await folder.getFileHandle(name)).getFile();
        found.set(name, new Uint8Array(await file.arrayBuffer()));
      }
      return found;
    });
  }

  /**
   * A new run; old ones beyond the newest few go, and so do those that never were saved.
   * @param beside see there   @param stay runs that do not go
   * @throws RunError where the browser has no room
   */
  create(beside: ReadonlyMap<string, FileContent> = new Map(), stay: readonly string[] = []): Promise<string> {
    return this.#writing('the run', async () => {
      const ids = await this.#ids();
      const saves = await Promise.all(ids.map(async (id) => ({ id, newest: (await this.#saves(id))[0] })));
      saves.sort((a, b) => (b.newest?.savedAt ?? 0) - (a.newest?.savedAt ?? 0));
      const old = saves.filter(({ newest }, i) => !newest || i >= MOST_RUNS - 1);
      for (const { id } of old) if (!stay.includes(id)) await this.#remove(id);
      const number = Math.max(0, ...ids.map((id) => Number(id.slice('run-'.length)))) + 1;
      const id = `run-${number}`;
      const folder = await this.#root.getDirectoryHandle(id, { create: true });
      for (const [name, content] of beside) await write(folder, name, content);
      return id;
    });
  }

  /** @throws RunError where the browser has no room; the save before is whole then, and what the contents throw */
  save(id: string, step: number, files: ReadonlyMap<string, FileContent>): Promise<void> {
    return this.#writing(`step ${step}`, async () => {
      const [newest] = await this.#saves(id);
      const slot = newest?.slot === 'slot-a' ? 'slot-b' : 'slot-a';
      const run = await this.#root.getDirectoryHandle(id, { create: true });
      const folder = await run.getDirectoryHandle(slot, { create: true });
      // Without its manifest a slot is no save: from here on until the end, the other one is.
      await removeIfThere(folder, manifestName);
      const lines: ManifestLine[] = [];
      for (const [name, content] of files) lines.push(await write(folder, name, content));
      await write(folder, manifestName, new TextEncoder().encode(manifestText(step, lines)));
    });
  }

  remove(id: string): Promise<void> {
    return this.#inTurn(() => this.#remove(id));
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(action);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** What the browser refuses becomes a sentence. */
  #writing<T>(what: string, action: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      try {
        return await action();
      } catch (error) {
        // What a file's content throws is told as it is.
        if (!(error instanceof DOMException)) throw error;
        if (error.name === 'QuotaExceededError') throw await noRoom(what);
        throw new RunError(`${what}: could not be saved: ${error.message} The save before is whole.`, { cause: error });
      }
    });
  }

  async #ids(): Promise<string[]> {
    return (await namesIn(this.#root)).filter((name) => /^run-\d{1,9}$/.test(name));
  }

  /** Slots of a run that have a manifest, the later step first. */
  async #saves(id: string): Promise<Save[]> {
    const saves: Save[] = [];
    for (const slot of SLOTS) {
      try {
        const folder = await (await this.#root.getDirectoryHandle(id)).getDirectoryHandle(slot);
        const file = await (await folder.getFileHandle(manifestName)).getFile();
        const manifest = readManifest(await file.text());
        if (manifest) saves.push({ id, slot, manifest, step: manifest.step, savedAt: file.lastModified });
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
    return saves.sort((a, b) => b.step - a.step);
  }

  async #remove(id: string): Promise<void> {
    // The manifests first: a run half removed is none.
    for (const slot of SLOTS) {
      const folder = await (await this.#root.getDirectoryHandle(id, { create: true })).getDirectoryHandle(slot, {
        create: true,
      });
      await removeIfThere(folder, manifestName);
    }
    await this.#root.removeEntry(id, { recursive: true });
  }
}

async function namesIn(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  // The iterator is not in TypeScript's library for pages.
  for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
  return names;
}

/** One file, whole: every return value and the size at the end are looked at, since over the quota not every write throws. */
async function write(folder: FileSystemDirectoryHandle, name: string, content: FileContent): Promise<ManifestLine> {
  const hash = new Sha256();
  let size = 0;
  const file = await folder.getFileHandle(name, { create: true });
  const access = await (file as unknown as { createSyncAccessHandle(): Promise<SyncAccess> }).createSyncAccessHandle();
  try {
    access.truncate(0);
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      if (access.write(chunk, { at: size }) !== chunk.length) throw await noRoom(name);
      hash.update(chunk);
      size += chunk.length;
    }
    access.flush();
    if (access.getSize() !== size) throw await noRoom(name);
  } finally {
    access.close();
  }
  return { name, size, sha256: hash.hex() };
}

async function noRoom(what: string): Promise<RunError> {
  const { usage = 0, quota = 0 } = (await globalThis.navigator?.storage?.estimate()) ?? {};
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return new RunError(
    `${what}: could not be saved: the browser has no room (${mb(usage)} used of ${mb(quota)} that this page may have). The save before is whole. Free space, or export the run.`,
  );
}

/** @returns null if all files are what the manifest says, else what is wrong with the first that is not */
async function readAll(
  folder: FileSystemDirectoryHandle,
  lines: readonly ManifestLine[],
  files: Map<string, Uint8Array<ArrayBuffer>>,
): Promise<string | null> {
  for (const { name, size, sha256 } of lines) {
    try {
      const file = await (await folder.getFileHandle(name)).getFile();
      if (file.size !== size) return `${name} has ${file.size} bytes, the manifest says ${size}`;
      const bytes = new Uint8Array(await file.arrayBuffer());
      if (new Sha256().update(bytes).hex() !== sha256) return `${name} differs from its SHA-256 in the manifest`;
      files.set(name, bytes);
    } catch (error) {
      if (isMissing(error)) return `${name} is missing`;
      throw error;
    }
  }
  return null;
}

async function removeIfThere(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.removeEntry(name);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === 'NotFoundError';
}
