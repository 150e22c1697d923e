// Where measured tables are kept on this machine: a file an adapter in the cache folder, written whole or not at all.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { codeOf, diskLayer, readText, replaceFile } from '../../checkpoint/files.ts';
import { RunError } from '../../errors.ts';
import { makeFolders } from '../../make_folders.ts';
import { cacheFolder } from '../../runtime/platform/software.ts';
import { type Note, passedOver, type TableStore } from '../../tune/store.ts';
import { parseStored, type StoredTable } from '../../tune/stored_table.ts';
import type { Environment } from '../terminal.ts';

export interface DiskStore extends TableStore {
  /** All that can be used. */
  tables(note: Note): StoredTable[];
}

/** Files such as `kernels-node-llvmpipe-mesa-25-0-7-1f0c9a7e.json`. Calls reject with a RunError that names the file. */
export function diskStore(env: Environment): DiskStore {
  const folder = cacheFolder(env);
  const placeOf = (key: string) => path.join(folder, fileName(key));
  return {
    placeOf,
    get: async (key) => read(placeOf(key)),
    async set(key, text) {
      const file = placeOf(key);
      try {
        makeFolders(folder);
        await replaceFile(diskLayer, folder, path.basename(file), new TextEncoder().encode(text));
      } catch (error) {
        throw new RunError(
          `${file}: cannot be written (${codeOf(error) ?? error}). Free some space, or set XDG_CACHE_HOME to a folder that can be written.`,
          { cause: error },
        );
      }
    },
    tables(note) {
      const names = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
      const files = names.filter((name) => /^kernels-.*\.json$/.test(name)).map((name) => path.join(folder, name));
      return files.flatMap((file) => {
        try {
          return parseStored(read(file) ?? '', file);
        } catch (error) {
          note(passedOver(error));
          return [];
        }
      });
    },
  };
}

function fileName(key: string): string {
  const name = key
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, 40)
    .replace(/-$/, '');
  return `kernels-${name}-${createHash('sha256').update(key).digest('hex').slice(0, 8)}.json`;
}

/** null where there is none. @throws RunError */
function read(file: string): string | null {
  let found: string | null;
  try {
    if (!fs.existsSync(file)) return null;
    found = readText(diskLayer, file);
  } catch (error) {
    throw new RunError(`${file}: cannot be read (${codeOf(error) ?? error}). Remove it, or make it readable.`);
  }
  if (found !== null) return found;
  throw new RunError(`${file}: found no file of at most 1 MiB, expected one. Remove it.`);
}
