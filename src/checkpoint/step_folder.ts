// One checkpoint on disk: a folder `step-000430` that is there whole or not at all, and proves it with a manifest.
// Written as `.tmp-430-<pid>`, every file synced, the manifest last, then the folder synced, renamed, and its parent synced.

import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { RunError } from '../errors.ts';
import { type FileLayer, readText, systemError, writeAll } from './files.ts';
import {
  type FileContent,
  isFileName,
  type ManifestLine,
  manifestName,
  manifestText,
  readManifest,
  stepName,
  stepOf,
} from './manifest.ts';

export { type FileContent, manifestName, stepName, stepOf } from './manifest.ts';

/** Steps that have a folder in a run, rising. */
export function listSteps(layer: FileLayer, runPath: string): number[] {
  const steps = layer.list(runPath).map(stepOf);
  return steps.filter((step) => step !== undefined).sort((a, b) => a - b);
}

/** The step that `best` or `last` names, if its folder is there. */
export function pointedStep(layer: FileLayer, path: string, name: 'best' | 'last'): number | undefined {
  const step = stepOf((readText(layer, `${path}/${name}`, 100) ?? '').trim());
  return step !== undefined && layer.stat(`${path}/${stepName(step)}`) ? step : undefined;
}

/**
 * Writes a checkpoint. An existing folder of the same step is replaced (it was saved before and reached again after a resume).
 * On failure the temporary folder is removed and everything older is as it was.
 * @returns the folder's path
 * @throws RunError naming the file and the system's code; what the contents themselves throw passes through
 */
export async function writeStepFolder(
  layer: FileLayer,
  runPath: string,
  step: number,
  pid: number,
  contents: ReadonlyMap<string, FileContent>,
): Promise<string> {
  const temporary = `${runPath}/.tmp-${step}-${pid}`;
  const final = `${runPath}/${stepName(step)}`;
  const replaced = `${runPath}/.old-${step}-${pid}`;
  const attempt = <T>(what: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw saveError(final, what, error);
    }
  };
  const write = async (name: string, content: FileContent): Promise<ManifestLine> => {
    const hash = createHash('sha256');
    let size = 0;
    const handle = attempt(name, () => layer.open(`${temporary}/${name}`, 'new'));
    try {
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        attempt(name, () => writeAll(layer, handle, chunk));
        hash.update(chunk);
        size += chunk.length;
      }
      attempt(name, () => layer.sync(handle));
    } catch (error) {
      try {
        layer.close(handle);
      } catch {
        // The first error is the one to tell.
      }
      throw error;
    }
    attempt(name, () => layer.close(handle));
    return { name, size, sha256: hash.digest('hex') };
  };
  try {
    attempt('temporary folder', () => {
      layer.remove(temporary);
      layer.makeFolder(temporary);
    });
    const lines: ManifestLine[] = [];
    for (const [name, content] of contents) {
      if (!isFileName(name)) throw new Error(`saveStep: file name ${name}`);
      lines.push(await write(name, content));
    }
    await write(manifestName, new TextEncoder().encode(manifestText(step, lines)));
    attempt('folder', () => {
      layer.syncFolder(temporary);
      // A folder cannot be renamed onto a full one. The old one steps aside; `restoreReplaced` brings it back after a crash here.
      if (layer.stat(final)) layer.rename(final, replaced);
      layer.rename(temporary, final);
      layer.syncFolder(runPath);
      layer.remove(replaced);
    });
  } catch (error) {
    discard(layer, runPath, temporary);
    throw error;
  }
  return final;
}

function discard(layer: FileLayer, runPath: string, temporary: string): void {
  try {
    layer.remove(temporary);
    restoreReplaced(layer, runPath);
  } catch {
    // The error of the save is the one to tell; the next save or resume cleans up.
  }
}

/** A failed save in one sentence, with the system's error as `cause`. */
export function saveError(path: string, what: string, cause: unknown): RunError {
  const sentence = `${path}: ${what}: could not be saved: ${systemError(cause)}. Earlier checkpoints are whole: free space or mend the folder.`;
  return new RunError(sentence, { cause });
}

/** Brings back folders that stepped aside for a replacement that never came, and removes those whose replacement did. */
export function restoreReplaced(layer: FileLayer, runPath: string): void {
  for (const name of layer.list(runPath)) {
    const step = /^\.old-(\d+)-\d+$/.exec(name)?.[1];
    if (step === undefined) continue;
    const final = `${runPath}/${stepName(Number(step))}`;
    if (layer.stat(final)) layer.remove(`${runPath}/${name}`);
    else layer.rename(`${runPath}/${name}`, final);
  }
}

/**
 * Whether a step folder is exactly what was saved: every size and SHA-256 of its manifest, and the manifest itself to the letter.
 * @returns null if it is, otherwise the reason in a few words
 */
export function verifyStepFolder(layer: FileLayer, path: string): string | null {
  try {
    const text = readText(layer, `${path}/${manifestName}`);
    if (text === null) return `${manifestName} is missing`;
    const manifest = readManifest(text);
    if (!manifest) return `${manifestName} is damaged`;
    const named = stepOf(basename(path));
    if (named !== undefined && named !== manifest.step) return `${manifestName} is of step ${manifest.step}`;
    for (const line of manifest.lines) {
      const fault = verifyFile(layer, `${path}/${line.name}`, line);
      if (fault) return `${line.name} ${fault}`;
    }
    return null;
  } catch (error) {
    return `cannot be read: ${systemError(error)}`;
  }
}

function verifyFile(layer: FileLayer, path: string, { size, sha256 }: ManifestLine): string | null {
  const found = layer.stat(path);
  if (!found) return 'is missing';
  if (found.size !== size) return `has ${found.size} bytes, the manifest says ${size}`;
  const hash = createHash('sha256');
  const handle = layer.open(path, 'read');
  try {
    for (let at = 0; at < size; at += 2 ** 20) hash.update(layer.read(handle, at, Math.min(2 ** 20, size - at)));
  } finally {
    layer.close(handle);
  }
  return hash.digest('hex') === sha256 ? null : 'differs from its SHA-256 in the manifest';
}
