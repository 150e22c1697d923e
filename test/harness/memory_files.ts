// A disk in memory that can fail its n-th call, die at it, and lose what was not synced. For the tests of saving.

import type { FileLayer } from '../../src/checkpoint/files.ts';

interface FileNode {
  readonly kind: 'file';
  data: Uint8Array;
  synced: Uint8Array;
}

interface FolderNode {
  readonly kind: 'folder';
  entries: Map<string, FileNode | FolderNode>;
  synced: Map<string, FileNode | FolderNode>;
}

/** Thrown by every call after the process has died. */
export class Died extends Error {}

/** What a power cut takes: everything not synced, or only the contents of files while names and renames survive. */
export type Loss = 'names and contents' | 'contents';

function newFolder(): FolderNode {
  return { kind: 'folder', entries: new Map(), synced: new Map() };
}

function fail(code: string, what: string): never {
  throw Object.assign(new Error(`${code}: ${what}`), { code });
}

export class MemoryFiles implements FileLayer {
  /** Calls made, as `rename a -> b`, since the last `reset`. */
  trace: string[] = [];
  /** Asked before each call with its number (from 1); throws what the call shall throw. */
  before: (call: number) => void = () => {};
  /** At most so many bytes are taken by one write. */
  largestWrite = Infinity;
  private root = newFolder();
  private readonly open_ = new Map<number, FileNode>();
  private nextHandle = 3;

  reset(before: (call: number) => void = () => {}): void {
    this.trace = [];
    this.before = before;
  }

  /** The disk as the next process finds it. */
  afterCrash(loss: Loss): MemoryFiles {
    const survivor = new MemoryFiles();
    const copy = (node: FileNode | FolderNode): FileNode | FolderNode => {
      if (node.kind === 'file') return { kind: 'file', data: node.synced, synced: node.synced };
      const names = loss === 'contents' ? node.entries : node.synced;
      const entries = new Map([...names].map(([name, child]) => [name, copy(child)]));
      return { kind: 'folder', entries, synced: new Map(entries) };
    };
    survivor.root = copy(this.root) as FolderNode;
    return survivor;
  }

  /** The same tree again, everything synced. */
  clone(): MemoryFiles {
    const twin = new MemoryFiles();
    const copy = (node: FileNode | FolderNode): FileNode | FolderNode => {
      if (node.kind === 'file') return { kind: 'file', data: node.data, synced: node.data };
      const entries = new Map([...node.entries].map(([name, child]) => [name, copy(child)]));
      return { kind: 'folder', entries, synced: new Map(entries) };
    };
    twin.root = copy(this.root) as FolderNode;
    return twin;
  }

  open(path: string, mode: 'read' | 'new' | 'append'): number {
    this.call(`open ${mode} ${path}`);
    const [folder, name] = this.parent(path);
    let node = folder.entries.get(name);
    if (node?.kind === 'folder') fail('EISDIR', path);
    if (mode === 'new' && node) fail('EEXIST', path);
    if (!node) {
      if (mode === 'read') fail('ENOENT', path);
      node = { kind: 'file', data: new Uint8Array(), synced: new Uint8Array() };
      folder.entries.set(name, node);
    }
    this.open_.set(this.nextHandle, node as FileNode);
    return this.nextHandle++;
  }

  read(handle: number, offset: number, length: number): Uint8Array {
    this.call('read');
    return this.file(handle).data.slice(offset, offset + length);
  }

  write(handle: number, bytes: Uint8Array): number {
    this.call('write');
    const node = this.file(handle);
    const taken = bytes.subarray(0, this.largestWrite);
    node.data = Uint8Array.from([...node.data, ...taken]);
    return taken.length;
  }

  sync(handle: number): void {
    const node = this.file(handle);
    this.call(`sync ${this.pathOf(node)}`);
    node.synced = node.data;
  }

  close(handle: number): void {
    this.file(handle);
    // As with POSIX, a handle is gone even if its close fails.
    this.open_.delete(handle);
    this.call('close');
  }

  rename(from: string, to: string): void {
    this.call(`rename ${from} -> ${to}`);
    const [source, name] = this.parent(from);
    const [target, newName] = this.parent(to);
    const node = source.entries.get(name) ?? fail('ENOENT', from);
    const there = target.entries.get(newName);
    if (there?.kind === 'folder' && there.entries.size > 0) fail('ENOTEMPTY', to);
    source.entries.delete(name);
    target.entries.set(newName, node);
  }

  makeFolder(path: string): void {
    this.call(`makeFolder ${path}`);
    const [folder, name] = this.parent(path);
    if (folder.entries.has(name)) fail('EEXIST', path);
    folder.entries.set(name, newFolder());
  }

  list(path: string): string[] {
    this.call(`list ${path}`);
    const node = this.find(path) ?? fail('ENOENT', path);
    return node.kind === 'folder' ? [...node.entries.keys()].sort() : fail('ENOTDIR', path);
  }

  remove(path: string): void {
    this.call(`remove ${path}`);
    const [folder, name] = this.parent(path);
    folder.entries.delete(name);
  }

  syncFolder(path: string): void {
    this.call(`syncFolder ${path}`);
    const node = this.find(path);
    if (node?.kind !== 'folder') fail('ENOENT', path);
    (node as FolderNode).synced = new Map((node as FolderNode).entries);
  }

  stat(path: string) {
    this.call(`stat ${path}`);
    const node = this.find(path);
    if (!node) return null;
    return { kind: node.kind, size: node.kind === 'file' ? node.data.length : 0, modified: 0 };
  }

  /** For tests: changes a file in place, without a call. */
  damage(path: string, change: (data: Uint8Array) => Uint8Array): void {
    const node = this.find(path);
    if (node?.kind !== 'file') throw new Error(`no file ${path}`);
    node.data = change(Uint8Array.from(node.data));
  }

  /** For tests: the bytes of a file, without a call. */
  bytes(path: string): Uint8Array {
    const node = this.find(path);
    if (node?.kind !== 'file') throw new Error(`no file ${path}`);
    return node.data;
  }

  /** For tests: how many files are open. */
  get handles(): number {
    return this.open_.size;
  }

  private call(what: string): void {
    this.trace.push(what);
    this.before(this.trace.length);
  }

  private file(handle: number): FileNode {
    return this.open_.get(handle) ?? fail('EBADF', String(handle));
  }

  private find(path: string): FileNode | FolderNode | undefined {
    let node: FileNode | FolderNode | undefined = this.root;
    for (const name of path.split('/').filter((part) => part !== '' && part !== '.')) {
      node = node?.kind === 'folder' ? node.entries.get(name) : undefined;
    }
    return node;
  }

  private parent(path: string): [FolderNode, string] {
    const parts = path.split('/');
    const name = parts.pop()!;
    const folder = this.find(parts.join('/'));
    return folder?.kind === 'folder' ? [folder, name] : fail('ENOENT', path);
  }

  private pathOf(wanted: FileNode, folder: FolderNode = this.root, path = ''): string {
    for (const [name, node] of folder.entries) {
      const here = path ? `${path}/${name}` : name;
      if (node === wanted) return here;
      const inside = node.kind === 'folder' ? this.pathOf(wanted, node, here) : '';
      if (inside) return inside;
    }
    return '';
  }
}
