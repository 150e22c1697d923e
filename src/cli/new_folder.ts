// A folder or a file that a command writes once: it is there whole or not at all, and nothing that was there before is touched.
import fs from 'node:fs';
import path from 'node:path';
import { codeOf, type FileLayer, replaceFile, systemError } from '../checkpoint/files.ts';
import { firstTen } from '../checkpoint/json.ts';
import type { FileContent } from '../checkpoint/manifest.ts';
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
  checkParent(layer, place);
  return place;
}

/** @throws InputError unless the folder that a place is in exists and can be written */
function checkParent(layer: FileLayer, place: string): void {
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
}

/**
 * Writes a folder under another name, synced, and gives it its own. Contents that are streams are read as they are written.
 * @throws RunError, and what the contents throw; nothing is left behind
 */
export async function writeFolder(
  layer: FileLayer,
  place: string,
  files: ReadonlyMap<string, string | FileContent>,
): Promise<void> {
  const parent = path.dirname(place);
  const temporary = path.join(parent, `.tmp-${path.basename(place)}-${process.pid}`);
  await orNothing(layer, place, temporary, async () => {
    layer.remove(temporary);
    layer.makeFolder(temporary);
    for (const [name, content] of files)
      await replaceFile(
        layer,
        temporary,
        name,
        typeof content === 'string' ? new TextEncoder().encode(content) : content,
      );
    // It may have been filled meanwhile, by the same command started twice.
    placeForFolder(layer, place);
    // Only Windows does not let an empty folder be replaced.
    if (process.platform === 'win32' && layer.stat(place)) fs.rmdirSync(place);
    layer.rename(temporary, place);
    layer.syncFolder(parent);
  });
}

/**
 * Where a new file may stand: in a folder that exists, where nothing of that name is yet.
 * @throws InputError
 */
export function placeForFile(layer: FileLayer, place: string): void {
  const found = stat(layer, place);
  if (found)
    throw new InputError(
      `${place}: found ${found.kind === 'folder' ? 'a folder' : 'a file'} of that name, expected a new file: nothing is overwritten. Choose another name.`,
    );
  checkParent(layer, place);
}

/** Writes a file under another name, synced, and gives it its own. @throws as writeFolder */
export async function writeNewFile(layer: FileLayer, place: string, content: FileContent): Promise<void> {
  const [parent, name] = [path.dirname(place), path.basename(place)];
  // Each process has its own: of two that write the same file, neither takes what the other has begun.
  const temporary = path.join(parent, `.tmp-${name}-${process.pid}`);
  await orNothing(layer, place, temporary, async () => {
    layer.remove(temporary);
    layer.makeFolder(temporary);
    await replaceFile(layer, temporary, name, content);
    placeForFile(layer, place);
    layer.rename(path.join(temporary, name), place);
    layer.remove(temporary);
    layer.syncFolder(parent);
  });
}

/** Does it, or removes what was begun. */
async function orNothing(
  layer: FileLayer,
  place: string,
  temporary: string,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
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
