// Where measured tables are kept: a file an adapter in the cache folder, written whole or not at all. One that is damaged, or was
// measured by another version, is passed over with a sentence: it only made things faster.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { codeOf, diskLayer, readText, replaceFile } from '../../checkpoint/files.ts';
import { InputError, RunError } from '../../errors.ts';
import { cacheFolder } from '../../runtime/platform/software.ts';
import type { Environment } from '../terminal.ts';
import { type AdapterKey, parseStored, type StoredTable, sameAdapter, storedText, textOf } from './stored_table.ts';

/** `kernels-llvmpipe-mesa-25-0-7-1f0c9a7e.json` in the cache folder. */
export function tableFile(key: AdapterKey, env: Environment): string {
  const name = key.name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const hash = createHash('sha256').update(textOf(key)).digest('hex').slice(0, 8);
  return path.join(cacheFolder(env), `kernels-${name.slice(0, 40).replace(/^-|-$/g, '')}-${hash}.json`);
}

/** The table that was measured on this adapter, or null. @param note is told why one is passed over */
export function readTable(key: AdapterKey, env: Environment, note: (line: string) => void): StoredTable | null {
  return readFile(tableFile(key, env), key, note);
}

/** All tables that can be read. */
export function readTables(env: Environment, note: (line: string) => void): StoredTable[] {
  let names: string[];
  try {
    names = fs.readdirSync(cacheFolder(env)).sort();
  } catch {
    return [];
  }
  return names
    .filter((name) => /^kernels-.*\.json$/.test(name))
    .flatMap((name) => readFile(path.join(cacheFolder(env), name), null, note) ?? []);
}

function readFile(file: string, key: AdapterKey | null, note: (line: string) => void): StoredTable | null {
  try {
    if (!fs.existsSync(file)) return null;
    const json = readText(diskLayer, file);
    if (json === null) throw new InputError(`${file}: found no file of at most 1 MiB, expected one.`);
    const table = parseStored(json, file);
    if (key && !sameAdapter(table.adapter, key)) throw new InputError(`${file}: measured on another adapter.`);
    return table;
  } catch (error) {
    const reason = error instanceof InputError ? error.message : `${file}: cannot be read (${codeOf(error) ?? error}).`;
    note(`kernels: passed over: ${reason} Measure again: shaderformer devices --tune`);
    return null;
  }
}

/** @returns the file @throws RunError if it cannot be written; an older one is then as it was */
export async function writeTable(table: StoredTable, env: Environment): Promise<string> {
  const file = tableFile(table.adapter, env);
  const folder = path.dirname(file);
  try {
    fs.mkdirSync(folder, { recursive: true });
    await replaceFile(diskLayer, folder, path.basename(file), new TextEncoder().encode(storedText(table)));
    return file;
  } catch (error) {
    throw new RunError(
      `${file}: cannot be written (${codeOf(error) ?? error}). Free some space, or set XDG_CACHE_HOME to a folder that can be written.`,
      { cause: error },
    );
  }
}
