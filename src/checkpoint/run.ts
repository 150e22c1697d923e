// A run folder: checkpoints that are there whole or not at all, the names of the best and the last one, the logs, and a lock.
// Everything on disk goes through a file layer, so that tests can break it at every call.

import { basename, dirname } from 'node:path';
import { InputError } from '../errors.ts';
import { diskLayer, type FileLayer, replaceFile } from './files.ts';
import { machineProcesses, type ProcessTable } from './lock.ts';
import { RunLog } from './run_log.ts';
import {
  leftovers,
  lock,
  makeNamed,
  makeNumbered,
  nothingToResume,
  notWritable,
  refuseSaves,
  stat,
  trimmed,
} from './run_place.ts';
import {
  type FileContent,
  listSteps,
  pointedStep,
  restoreReplaced,
  saveError,
  stepName,
  stepOf,
  verifyStepFolder,
  writeStepFolder,
} from './step_folder.ts';

export interface RunOptions {
  /** Keep for ever the checkpoints of steps divisible by this. Default: none but the last two and the best. */
  readonly keepEvery?: number;
  readonly layer?: FileLayer;
  readonly processes?: ProcessTable;
}

export interface Resumed {
  readonly run: RunFolder;
  readonly step: number;
  /** The step folder to read from. */
  readonly path: string;
  /** A line for each newer checkpoint that was passed over, with the reason. */
  readonly passedOver: string[];
}

/** Files of a run that a new one in the same folder begins anew. */
const runFiles = ['best', 'last', 'metrics.jsonl', 'samples.txt', 'report.html'];

export class RunFolder {
  readonly path: string;
  /** metrics.jsonl and samples.txt. */
  readonly log: RunLog;
  private readonly layer: FileLayer;
  private readonly keepEvery: number;
  private readonly pid: number;
  private readonly unlock: () => void;

  private constructor(path: string, options: RunOptions, processes: ProcessTable, unlock: () => void) {
    this.path = path;
    this.layer = options.layer ?? diskLayer;
    this.keepEvery = options.keepEvery ?? 0;
    this.pid = processes.self.pid;
    this.unlock = unlock;
    this.log = new RunLog(this.layer, path);
  }

  /**
   * Makes a run folder and takes its lock.
   * @param dir the folder, whose parent must exist; `null` means `runs/NAME-N` with the next free N
   * @throws InputError if the folder holds a run with a complete save or a model, is in use, or cannot be made or written
   */
  static create(dir: string | null, name: string, options: RunOptions = {}): RunFolder {
    const layer = options.layer ?? diskLayer;
    const path = dir === null ? makeNumbered(layer, name) : trimmed(dir);
    const found = dir === null ? null : stat(layer, path);
    if (dir !== null) {
      if (found?.kind === 'file')
        throw new InputError(`${path}: found a file, expected a folder or a new name. Choose another folder.`);
      if (found) refuseSaves(layer, path);
      else makeNamed(layer, path);
    }
    try {
      const processes = options.processes ?? machineProcesses();
      const unlock = lock(layer, path, processes);
      try {
        restoreReplaced(layer, path);
        refuseSaves(layer, path);
        for (const file of [...leftovers(layer, path), ...runFiles]) layer.remove(`${path}/${file}`);
        layer.syncFolder(dirname(path));
        return new RunFolder(path, options, processes, unlock);
      } catch (error) {
        unlock();
        throw error instanceof InputError ? error : notWritable(path, error);
      }
    } catch (error) {
      if (!found) removeUnused(layer, path);
      throw error;
    }
  }

  /**
   * Opens a run folder to go on from its newest checkpoint that verifies, and takes its lock.
   * @throws InputError if there is none (saying what the folder holds), or the folder is in use or cannot be written
   */
  static openForResume(dir: string, options: RunOptions = {}): Resumed {
    const layer = options.layer ?? diskLayer;
    const path = trimmed(dir);
    const found = stat(layer, path);
    if (found?.kind !== 'folder')
      throw new InputError(`${path}: found ${found ? 'a file' : 'nothing'}, expected a run folder. Check the path.`);
    if (stepOf(basename(path)) !== undefined) {
      throw new InputError(`${path}: found a single checkpoint, expected a run folder. Resume from ${dirname(path)}.`);
    }
    const processes = options.processes ?? machineProcesses();
    const names = layer.list(path);
    if (!names.some((name) => stepOf(name) !== undefined || name.startsWith('.old-')))
      throw nothingToResume(path, names, []);
    const unlock = lock(layer, path, processes);
    try {
      restoreReplaced(layer, path);
      for (const file of leftovers(layer, path)) layer.remove(`${path}/${file}`);
      const passedOver: string[] = [];
      for (const step of listSteps(layer, path).reverse()) {
        const reason = verifyStepFolder(layer, `${path}/${stepName(step)}`);
        if (reason === null) {
          const run = new RunFolder(path, options, processes, unlock);
          return { run, step, path: `${path}/${stepName(step)}`, passedOver };
        }
        passedOver.push(`${stepName(step)} passed over: ${reason}`);
      }
      throw nothingToResume(path, layer.list(path), passedOver);
    } catch (error) {
      unlock();
      throw error instanceof InputError ? error : notWritable(path, error);
    }
  }

  /**
   * Saves a checkpoint, makes it the last (and the best, if `best`), and removes those that need not stay. Contents that are
   * streams are read as they are written: one tensor in memory at a time.
   * @returns path of the step folder, once it is safe on disk
   * @throws RunError naming file and system code; everything saved before stays whole and no temporary folder remains
   */
  async saveStep(step: number, files: ReadonlyMap<string, FileContent>, { best = false } = {}): Promise<string> {
    this.log.sync();
    this.guard('temporary files', () => {
      restoreReplaced(this.layer, this.path);
      for (const name of leftovers(this.layer, this.path)) this.layer.remove(`${this.path}/${name}`);
    });
    const path = await writeStepFolder(this.layer, this.path, step, this.pid, files);
    await this.point('last', step);
    if (best) await this.point('best', step);
    this.prune(step);
    return path;
  }

  /** Makes a saved step the best, when its evaluation came after the save. @throws RunError as `saveStep` */
  async markBest(step: number): Promise<void> {
    await this.point('best', step);
  }

  /** The step that `best` names, if its folder is there. */
  bestStep(): number | undefined {
    return pointedStep(this.layer, this.path, 'best');
  }

  /** Gives the lock back. The folder stays. */
  close(): void {
    this.unlock();
  }

  private async point(name: 'best' | 'last', step: number): Promise<void> {
    try {
      await replaceFile(this.layer, this.path, name, new TextEncoder().encode(`${stepName(step)}\n`));
    } catch (error) {
      throw saveError(this.path, name, error);
    }
  }

  private prune(current: number): void {
    this.guard('old checkpoints', () => {
      // Later steps than the current one are damaged ones that a resume passed over: they are replaced when the run gets there.
      const steps = listSteps(this.layer, this.path).filter((step) => step <= current);
      const best = this.bestStep();
      for (const step of steps.slice(0, -2)) {
        if (step === best || (this.keepEvery > 0 && step % this.keepEvery === 0)) continue;
        const going = `${this.path}/.tmp-removed-${step}-${this.pid}`;
        // Renamed first: a folder half removed never looks like a checkpoint.
        this.layer.rename(`${this.path}/${stepName(step)}`, going);
        this.layer.remove(going);
      }
    });
  }

  private guard(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      throw saveError(this.path, what, error);
    }
  }
}

/** A folder that we just made and then could not use goes again; one that another process took meanwhile is not empty, and stays. */
function removeUnused(layer: FileLayer, path: string): void {
  try {
    if (layer.list(path).length === 0) layer.remove(path);
  } catch {
    // The refusal is the error to tell.
  }
}
