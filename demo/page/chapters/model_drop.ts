// The files of a model as they were dropped or picked: a folder with all below it, several files, or one archive.
import { byteText } from '../../../src/cli/format.ts';
import { InputError } from '../../../src/errors.ts';
import type { RunFile } from '../../protocol.ts';

/** A page cannot hold more beside what it computes with. Bytes. */
const LARGEST = 2e9;
/** A folder with more is no model's. */
const MOST_FILES = 2000;

export interface Found {
  /** Of the folder, or of the one file. */
  name: string;
  /** Paths without the folder above them. */
  files: { path: string; file: File }[];
}

/** What an input for files was given. Pure. @throws InputError for too many */
export function pickedFiles(files: readonly File[]): Found {
  return found(files.map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

/** What was dropped; folders are read with all below them. @throws InputError for a folder that cannot be read, and too many files */
export async function droppedFiles({ items, files }: DataTransfer): Promise<Found> {
  // Entries have to be taken before anything is waited for: afterwards the drop is empty.
  const entries = [...items].map((item) => item.webkitGetAsEntry?.() ?? null).filter((entry) => entry !== null);
  if (entries.length === 0) return pickedFiles([...files]);
  const all: Found['files'] = [];
  for (const entry of entries) await walk(entry, all);
  return found(all);
}

async function walk(entry: FileSystemEntry, all: Found['files']): Promise<void> {
  if (all.length > MOST_FILES) return;
  if (entry.isFile) {
    const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
    all.push({ path: entry.fullPath.replace(/^\//, ''), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives so many at a time, and none at the end.
    const part = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (part.length === 0) return;
    for (const each of part) await walk(each, all);
  }
}

function found(all: Found['files']): Found {
  if (all.length > MOST_FILES)
    throw new InputError(`model: found over ${MOST_FILES} files, expected the folder of one model. Give that folder.`);
  const visible = all.filter(({ path }) => !path.split('/').some((part) => part.startsWith('.')));
  if (visible.length === 0)
    throw new InputError('model: found an empty folder, expected config.json, a tokenizer and weights. Give another.');
  const top = visible[0]!.path.split('/')[0]!;
  const inOne = visible.every(({ path }) => path.startsWith(`${top}/`));
  const files = inOne ? visible.map(({ path, file }) => ({ path: path.slice(top.length + 1), file })) : visible;
  const name = inOne ? top : visible.length === 1 ? top.replace(/\.zip$/i, '') : 'model';
  return { name, files };
}

/** Their bytes. @throws InputError for files that are too large, or cannot be read */
export async function readModel({ name, files }: Found): Promise<{ name: string; files: RunFile[] }> {
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  if (bytes > LARGEST)
    throw new InputError(
      `${name}: found ${byteText(bytes)}, expected at most ${byteText(LARGEST)}. Take a smaller model.`,
    );
  const read: RunFile[] = [];
  for (const { path, file } of files) {
    const buffer = await file.arrayBuffer().catch(() => null);
    if (buffer === null) throw new InputError(`${path}: cannot be read, expected a file. Pick it again.`);
    read.push({ path, bytes: new Uint8Array(buffer) });
  }
  return { name, files: read };
}
