// Files of one folder, and no others, for entries that run elsewhere.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '../../errors.ts';
import type { EntryTools } from './entry.ts';

/**
 * Reads files below a folder.
 * @throws InputError from the returned function, where there is no folder, no such file, or a path that leaves the folder
 */
export function readFileOf(folder: string | undefined): EntryTools['readFile'] {
  return async (name) => {
    if (folder === undefined) throw new InputError(`${name}: no folder of files was given to read it from.`);
    const root = path.resolve(folder);
    const file = path.resolve(root, name);
    if (!file.startsWith(root + path.sep))
      throw new InputError(`${name}: leaves the folder ${folder}, expected a path inside it.`);
    try {
      return new Uint8Array(await readFile(file));
    } catch (error) {
      throw new InputError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code}). Check the path.`);
    }
  };
}
