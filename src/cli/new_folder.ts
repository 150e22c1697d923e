// A folder that a command writes once: it is there whole or not at all, and nothing that was there before is touched.
import fs from 'node:fs';
import path from 'node:path';
import { codeOf, type FileLayer, replaceFile, systemError } from '../checkpoint/files.ts';
import { firstTen } from '../checkpoint/json.ts';
import { notWritable, stat, trimmed } from '../checkpoint/run_place.ts';
import { InputError, RunError } from '../errors.ts';

/**
 * Where a new folder may stand: in a folder that exists, where nothing is yet or an empty folder.
 * @returns the path without slashes at its end   @throws InputError
 */
export function placeForFolder(layer: FileLayer, given: string): string {
  const place = trimmed(given);
  const found = stat(layer, place);
  if (found) {
    if (found.kind !== 'folder')
      throw new InputError(`${place}: found a file, expected a new or empty folder. Choose another place.`);
    const names = layer.list(place);
    if (names.length > 0)
      throw new InputError(
        `${place}: holds ${firstTen(names)}, expected a new or empty folder: nothing is overwritten. Choose another one.`,
      );
    if (fs.realpathSync(place) === process.cwd())
      throw new InputError(`${place}: found the folder you are in, expected another one. Name a folder in it.`);
  }
  const parent = path.dirname(place);
  if (stat(layer, parent)?.kind !== 'folder')
    throw new InputError(
      `${place}: the folder ${parent} does not exist, expected one to put it into. Make it, or choose another place.`,
    );
  try {
    fs.accessSync(parent, fs.constants.W_OK);
  } catch (error) {
    throw notWritable(place, error);
  }
  return place;
}

/** Writes a folder under another name, synced, and gives it its own. @throws RunError, and nothing is left behind */
export async function writeFolder(layer: FileLayer, place: string, files: ReadonlyMap<string, string>): Promise<void> {
  const parent = path.dirname(place);
  const temporary = path.join(parent, `.tmp-${path.basename(place)}-${process.pid}`);
  try {
    layer.remove(temporary);
    layer.makeFolder(temporary);
    for (const [name, text] of files) await replaceFile(layer, temporary, name, new TextEncoder().encode(text));
    // Only Windows does not let an empty folder be replaced.
    if (process.platform === 'win32' && layer.stat(place)) fs.rmdirSync(place);
    layer.rename(temporary, place);
    layer.syncFolder(parent);
  } catch (error) {
    try {
      layer.remove(temporary);
    } catch {
      // The first error is the one to tell.
    }
    if (codeOf(error) === undefined) throw error;
    throw new RunError(
      `${place}: could not be written: ${systemError(error)}. Nothing was left there. Choose another place.`,
    );
  }
}
