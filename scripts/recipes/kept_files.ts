// Files that a recipe makes from its settings: they are there once they are made, and nothing else comes in their place.
import { codeOf, diskLayer, readText, replaceFile, systemError } from '../../src/checkpoint/files.ts';
import { InputError, RunError } from '../../src/errors.ts';
import { makeFolders } from '../../src/make_folders.ts';
import type { TextPair } from '../../src/scores/word_by_word.ts';

/** A line a pair, a tab between its sides. */
export const pairLines = (pairs: readonly TextPair[]): string =>
  pairs.map(({ source, target }) => `${source}\t${target}\n`).join('');

/**
 * Writes those files that are not there yet.
 * @param files contents by name
 * @throws InputError for one that is there with another content, and then writes none; RunError where the disk refuses
 */
export async function keepFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  try {
    makeFolders(folder);
    const missing = Object.entries(files).filter(([name, content]) => !isKept(`${folder}/${name}`, content));
    for (const [name, content] of missing)
      await replaceFile(diskLayer, folder, name, new TextEncoder().encode(content));
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new RunError(`${folder}: could not be written: ${systemError(error)}. Choose another place.`);
  }
}

/** @throws InputError for a file with another content */
function isKept(file: string, content: string): boolean {
  const found = diskLayer.stat(file);
  if (!found) return false;
  if (readText(diskLayer, file, found.size) === content) return true;
  throw new InputError(
    `${file}: found what other settings made, or something else, expected what these make. Choose another folder.`,
  );
}
