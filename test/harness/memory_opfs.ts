// A browser's private file system in memory, for tests: its calls are counted, and one of them can be made to fail, as the browser's
// own do when there is no room, or when the tab dies.

/** What happens at call number `at`: no room, a write that takes half and throws nothing, or the end of everything. */
export interface Fault {
  at: number;
  kind: 'quota' | 'short' | 'dead';
}

type Entry = MemoryFolder | MemoryFile;

export class MemoryDisk {
  calls = 0;
  fault: Fault | null = null;
  #dead = false;

  /** @returns whether this call takes half of what it is given */
  call(writes = false): boolean {
    this.calls++;
    if (this.#dead) throw new Error('the tab is gone');
    if (this.fault?.at !== this.calls) return false;
    if (this.fault.kind === 'quota') throw new DOMException('no room', 'QuotaExceededError');
    if (this.fault.kind === 'short') return writes;
    this.#dead = true;
    throw new Error('the tab is gone');
  }

  /** The page is opened again. */
  revive(): void {
    [this.calls, this.fault, this.#dead] = [0, null, false];
  }
}

export class MemoryFolder {
  readonly entries = new Map<string, Entry>();
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  async *keys(): AsyncGenerator<string> {
    yield* [...this.entries.keys()];
  }

  async getDirectoryHandle(name: string, { create = false } = {}): Promise<MemoryFolder> {
    return this.#entry(name, create, () => new MemoryFolder(this.#disk)) as MemoryFolder;
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<MemoryFile> {
    return this.#entry(name, create, () => new MemoryFile(this.#disk)) as MemoryFile;
  }

  async removeEntry(name: string): Promise<void> {
    this.#disk.call();
    if (!this.entries.delete(name)) throw new DOMException(name, 'NotFoundError');
  }

  #entry(name: string, create: boolean, make: () => Entry): Entry {
    const found = this.entries.get(name);
    if (found) return found;
    if (!create) throw new DOMException(name, 'NotFoundError');
    this.#disk.call();
    const made = make();
    this.entries.set(name, made);
    return made;
  }
}

let clock = 0;

export class MemoryFile {
  bytes = new Uint8Array(0);
  modified = ++clock;
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  async getFile(): Promise<File> {
    return new File([this.bytes], 'file', { lastModified: this.modified });
  }

  async createSyncAccessHandle() {
    this.#disk.call();
    return {
      truncate: (size: number) => {
        this.#disk.call();
        this.bytes = this.bytes.slice(0, size);
      },
      write: (chunk: Uint8Array, { at }: { at: number }) => {
        const taken = this.#disk.call(true) ? Math.floor(chunk.length / 2) : chunk.length;
        const bytes = new Uint8Array(Math.max(this.bytes.length, at + taken));
        bytes.set(this.bytes);
        bytes.set(chunk.subarray(0, taken), at);
        [this.bytes, this.modified] = [bytes, ++clock];
        return taken;
      },
      flush: () => void this.#disk.call(),
      getSize: () => this.bytes.length,
      close: () => {},
    };
  }
}
