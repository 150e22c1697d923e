// Where a run folder may stand: making it, locking it, and the sentences for every place that cannot be used.

import { dirname } from 'node:path';
import { InputError } from '../errors.ts';
import { codeOf, type FileLayer, type FileStat, systemError } from './files.ts';
import { firstTen } from './json.ts';
import { type ProcessTable, takeLock } from './lock.ts';
import { listSteps, manifestName, stepName } from './step_folder.ts';

/** A path without slashes at its end. */
export function trimmed(dir: string): string {
  return dir.replace(/(?<=.)[/\\]+$/, '');
}

/** What a path is. @throws InputError if the system does not tell */
export function stat(layer: FileLayer, path: string): FileStat | null {
  try {
    return layer.stat(path);
  } catch (error) {
    throw notWritable(path, error);
  }
}

/** Temporary files and folders that a killed process left. */
export function leftovers(layer: FileLayer, path: string): string[] {
  return layer.list(path).filter((name) => name.startsWith('.tmp-'));
}

/** Makes `runs/NAME-N` with the next free N. @throws InputError */
export function makeNumbered(layer: FileLayer, name: string): string {
  try {
    if (!layer.stat('runs')) layer.makeFolder('runs');
    const taken = layer
      .list('runs')
      .map((other) => (other.startsWith(`${name}-`) ? Number(other.slice(name.length + 1)) : 0));
    for (let n = Math.max(0, ...taken.filter(Number.isSafeInteger)) + 1; ; n++) {
      try {
        layer.makeFolder(`runs/${name}-${n}`);
        return `runs/${name}-${n}`;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    throw notWritable('runs', error);
  }
}

/** Makes one folder in an existing one. @throws InputError */
export function makeNamed(layer: FileLayer, path: string): void {
  const parent = dirname(path);
  try {
    if (layer.stat(parent)?.kind !== 'folder') {
      throw new InputError(
        `${path}: the folder ${parent} does not exist, expected one to put the run into. Make it, or choose another place.`,
      );
    }
    layer.makeFolder(path);
  } catch (error) {
    throw error instanceof InputError ? error : notWritable(path, error);
  }
}

/** @throws InputError if a folder holds a run with a complete save, of which nothing may be lost, or a model, which the name means */
export function refuseSaves(layer: FileLayer, path: string): void {
  try {
    const saved = listSteps(layer, path).filter((step) => layer.stat(`${path}/${stepName(step)}/${manifestName}`));
    const model = ['config.json', 'adapter_config.json', manifestName].find((name) => layer.stat(`${path}/${name}`));
    if (saved.length === 0 && model !== undefined)
      throw new InputError(
        `${path}: holds a model (${model}), expected a new folder: with a run in it its name would mean both. Choose another one.`,
      );
    if (saved.length === 0) return;
    throw new InputError(
      `${path}: holds another run, saved at step ${saved.at(-1)}, expected a new folder. Choose another one, or go on with --resume ${path}.`,
    );
  } catch (error) {
    throw error instanceof InputError ? error : notWritable(path, error);
  }
}

/** `takeLock`, with system errors as InputErrors. */
export function lock(layer: FileLayer, path: string, processes: ProcessTable): () => void {
  try {
    return takeLock(layer, path, processes);
  } catch (error) {
    throw error instanceof InputError ? error : notWritable(path, error);
  }
}

/** A system error before a run began. */
export function notWritable(path: string, error: unknown): InputError {
  return new InputError(
    `${path}: cannot be used: ${systemError(error)}, expected a folder that can be written. Choose another one.`,
    { cause: error },
  );
}

/** No checkpoint: what the folder holds, or why each checkpoint was passed over. */
export function nothingToResume(path: string, names: readonly string[], passedOver: readonly string[]): InputError {
  const visible = names.filter((name) => !name.startsWith('.') && name !== 'lock');
  const holds = visible.length === 0 ? 'it is empty' : `it holds ${firstTen(visible)}`;
  const what = passedOver.length > 0 ? passedOver.join('; ') : holds;
  return new InputError(
    `${path}: no checkpoint to resume: ${what}; expected a whole step folder. Name another run folder, or begin anew.`,
  );
}
