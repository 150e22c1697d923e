// One writer a run folder: a file `lock` made exclusively, with the process that holds it. The lock of a dead process is taken over.

import fs from 'node:fs';
import { hostname } from 'node:os';
import { InputError } from '../errors.ts';
import { codeOf, type FileLayer, readText, writeAll } from './files.ts';

/** A process as a lock names it. `birth` tells it from a later process with the same number. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When it started, ISO 8601. */
  readonly started: string;
  readonly birth: string;
}

/** Who we are and who else lives; tests bring their own. */
export interface ProcessTable {
  readonly self: Holder;
  isAlive(holder: Holder): boolean;
}

/** Start time of a process in clock ticks since boot, from Linux's /proc; '' elsewhere or if there is none. */
function birthOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold spaces; the start time is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** The processes of this machine. */
export function machineProcesses(): ProcessTable {
  const started = new Date(Math.round(performance.timeOrigin)).toISOString();
  const self = { pid: process.pid, host: hostname(), started, birth: birthOf(process.pid) };
  return {
    self,
    isAlive({ pid, host, birth }) {
      // Another machine's processes cannot be seen from here: take them for alive.
      if (host !== self.host) return true;
      if (birth !== '') return birthOf(pid) === birth;
      try {
        process.kill(pid, 0);
        return true;
      } catch (error) {
        return codeOf(error) === 'EPERM';
      }
    },
  };
}

/** A lock that a killed process left half-written is stale after this; until then its owner may be about to write it. */
const emptyGraceMs = 5000;

/**
 * Takes the lock of a run folder. @returns a function that gives it back
 * @throws InputError naming the process and its start if another one holds it; system errors pass through
 */
export function takeLock(layer: FileLayer, runPath: string, processes: ProcessTable): () => void {
  const path = `${runPath}/lock`;
  const text = `${JSON.stringify(processes.self)}\n`;
  for (let round = 0; ; round++) {
    try {
      create(layer, path, text);
      return () => {
        if (readText(layer, path) === text) layer.remove(path);
      };
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || round > 2) throw error;
    }
    const found = readText(layer, path);
    if (found === null) continue;
    const holder = parseHolder(found);
    if (holder ? processes.isAlive(holder) : Date.now() - (layer.stat(path)?.modified ?? 0) < emptyGraceMs)
      refuse(runPath, path, holder);
    takeAway(layer, path, found, processes.self.pid);
  }
}

function create(layer: FileLayer, path: string, text: string): void {
  const handle = layer.open(path, 'new');
  try {
    writeAll(layer, handle, new TextEncoder().encode(text));
  } catch (error) {
    layer.remove(path);
    throw error;
  } finally {
    layer.close(handle);
  }
}

/** Moves a stale lock aside, and looks again at what was moved: between reading and moving, another may have taken it over. */
function takeAway(layer: FileLayer, path: string, stale: string, pid: number): void {
  const aside = `${path.slice(0, -'lock'.length)}.tmp-lock-${pid}`;
  try {
    layer.rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readText(layer, aside) === stale) layer.remove(aside);
  else layer.rename(aside, path);
}

function parseHolder(text: string): Holder | null {
  try {
    const { pid, host, started, birth } = JSON.parse(text);
    const sound =
      Number.isSafeInteger(pid) && pid > 0 && [host, started, birth].every((field) => typeof field === 'string');
    return sound ? { pid, host, started, birth } : null;
  } catch {
    return null;
  }
}

function refuse(runPath: string, path: string, holder: Holder | null): never {
  const who = holder
    ? `process ${holder.pid} on ${holder.host}, started ${holder.started}`
    : 'a process that is just starting';
  throw new InputError(
    `${runPath}: in use by ${who}, expected a folder that nobody writes to. Wait for it, choose another folder, or remove ${path} if that process is gone.`,
  );
}
