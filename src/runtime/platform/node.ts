// Node: Dawn on whatever driver there is. On Linux a ladder: the installed drivers, a real GPU first; the same through the packaged
// loader, for a driver without one; SwiftShader from a package. A rung changes what a native library sees, so one is climbed at a time.

import { InputError } from '../../errors.ts';
import { noSuchAdapter } from './choose.ts';
import { type Dawn, dawnNames, preloadLoader, requestAgain, requestDawn, withRuntimeFolder } from './dawn.ts';
import { driverVariables, installedDrivers, setDriverVariables } from './drivers.ts';
import type { OpenedGPU, OpenOptions, Platform } from './platform.ts';
import { type AdapterReport, adapterName, adviceFor, isNamed, isSoftware, reportAdapter } from './report.ts';
import { isPackagedDriver, type SoftwareVulkan, softwareVulkan, wantsPackaged } from './software.ts';

/** One way to reach drivers. */
interface Rung {
  name: string;
  /** Makes the Vulkan loader see this rung's drivers and no others. */
  prepare(): void;
  /** Where the driver comes from, if it came by npm. */
  packaged: SoftwareVulkan | null;
}

const inherited = driverVariables();
const opened = new Map<string, GPU>();
let turn: Promise<unknown> = Promise.resolve();
let packaged: SoftwareVulkan | InputError | undefined;

function openGPU(options: OpenOptions = {}): Promise<OpenedGPU> {
  return inTurn(() => climb(options));
}

/** Every adapter of every rung. The drivers chosen by an earlier `openGPU` stay chosen. */
function listAdapters(): Promise<AdapterReport[]> {
  return inTurn(async () => {
    const before = driverVariables();
    const found = new Map<string, AdapterReport>();
    for (const rung of ladder(undefined, true, true)) {
      rung.prepare();
      for (const name of await dawnNames()) {
        if (found.has(name)) continue;
        const dawn = await requestDawn(name);
        if (!Array.isArray(dawn))
          found.set(name, reportAdapter(dawn.adapter, driverSentence(dawn.adapter, rung, null)));
      }
    }
    setDriverVariables(before);
    return [...found.values()];
  });
}

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(() => withRuntimeFolder(work));
  turn = mine.catch(() => {});
  return mine;
}

async function climb({ adapter: wanted, quiet = true }: OpenOptions): Promise<OpenedGPU> {
  const names = new Set<string>();
  for (const rung of ladder(wanted, quiet)) {
    rung.prepare();
    const key = JSON.stringify([rung.name, wanted]);
    const dawn = (await reopen(key)) ?? (await find(wanted, names));
    if (!dawn) continue;
    const { gpu, adapter } = dawn;
    opened.set(key, gpu);
    return {
      gpu,
      adapter,
      name: adapterName(adapter),
      software: isSoftware(adapter),
      driver: driverSentence(adapter, rung, reason(adapter, rung, wanted)),
      advice: adviceFor(adapter),
    };
  }
  setDriverVariables(inherited);
  const own = findPackaged();
  if (wantsPackaged(wanted) && own instanceof InputError) throw own;
  throw wanted ? noSuchAdapter(wanted, [...names], nothingHere()) : new InputError(nothingHere());
}

async function reopen(key: string): Promise<Dawn | null> {
  const gpu = opened.get(key);
  const adapter = gpu ? await requestAgain(gpu) : null;
  return gpu && adapter ? { gpu, adapter } : null;
}

async function find(wanted: string | undefined, names: Set<string>): Promise<Dawn | null> {
  const first = await requestDawn(wanted);
  if (!Array.isArray(first)) return first;
  for (const name of first) names.add(name);
  // Dawn minds upper and lower case, people do not.
  const match = first.find((name) => name.toLowerCase().includes((wanted ?? '').toLowerCase()));
  const second = match === undefined ? null : await requestDawn(match);
  return Array.isArray(second) ? null : second;
}

function* ladder(wanted: string | undefined, quiet: boolean, everything = false): Generator<Rung> {
  if (process.platform !== 'linux') {
    yield { name: 'system', prepare() {}, packaged: null };
    return;
  }
  const inheritsPackaged = isPackagedDriver(inherited.VK_ICD_FILENAMES);
  const named = Object.keys(inherited).length > 0;
  // Without a driver file and without a variable the first two rungs can only print warnings.
  const hopeful = !quiet || named || installedDrivers().length > 0;
  const packagedFirst = !named && wantsPackaged(wanted);

  if (packagedFirst) yield* packagedRung();
  if (hopeful) yield* installedRungs(inheritsPackaged);
  if (inheritsPackaged && installedDrivers().length > 0 && (wanted || everything))
    yield { name: 'not inherited', prepare: () => setDriverVariables({}), packaged: null };
  if (!packagedFirst && !inheritsPackaged) yield* packagedRung();
}

function* installedRungs(inheritsPackaged: boolean): Generator<Rung> {
  const prepare = () => setDriverVariables(inherited);
  if (!inheritsPackaged) yield { name: 'installed', prepare, packaged: null };
  const own = findPackaged();
  if (own instanceof InputError) return;
  const throughOwnLoader = () => {
    preloadLoader(own.loader);
    prepare();
  };
  yield { name: 'installed, packaged loader', prepare: throughOwnLoader, packaged: inheritsPackaged ? own : null };
}

function* packagedRung(): Generator<Rung> {
  const own = findPackaged();
  if (own instanceof InputError) return;
  const prepare = () => {
    preloadLoader(own.loader);
    setDriverVariables({ VK_ICD_FILENAMES: own.driverFile }); // last: it hides every other driver
  };
  yield { name: 'packaged', prepare, packaged: own };
}

function findPackaged(): SoftwareVulkan | InputError {
  try {
    packaged ??= softwareVulkan();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    packaged = error;
  }
  return packaged;
}

function driverSentence(adapter: GPUAdapter, rung: Rung, why: string | null): string {
  const because = why ? `, because ${why}` : '';
  if (rung.packaged) return `SwiftShader, a software driver of the package ${rung.packaged.origin}${because}.`;
  if (process.platform === 'darwin') return "Metal, the system's own.";
  if (process.platform === 'win32') return "Direct3D 12, the system's own.";
  if (isNamed(adapter, 'llvmpipe')) return `Mesa's lavapipe, an installed software driver for Vulkan${because}.`;
  return `The installed Vulkan driver of the ${isSoftware(adapter) ? 'CPU' : 'GPU'}${because}.`;
}

function reason(adapter: GPUAdapter, rung: Rung, wanted: string | undefined): string {
  if (wanted) return 'this adapter was asked for';
  if (!isSoftware(adapter)) return 'a GPU goes first';
  if (!rung.packaged) return 'no GPU was found';
  if (isPackagedDriver(inherited.VK_ICD_FILENAMES)) return 'VK_ICD_FILENAMES names it';
  if (Object.keys(inherited).length > 0)
    return 'the drivers that the VK_ variables name give no adapter that can be used';
  if (installedDrivers().length > 0) return 'the installed Vulkan drivers give no adapter that can be used';
  return 'no Vulkan driver is installed';
}

function nothingHere(): string {
  if (process.platform !== 'linux') {
    return 'GPU: found no adapter, expected one of the system. Update the graphics driver.';
  }
  const own = findPackaged();
  const reason = own instanceof InputError ? ` ${own.message}` : ` The one of ${own.origin} did not start either.`;
  return `GPU: found no adapter, expected a Vulkan driver. Install one (a GPU's own, or mesa-vulkan-drivers for the CPU).${reason}`;
}

/** Nobody wakes who waits for this. */
const never = new Int32Array(new SharedArrayBuffer(4));

export const platform: Platform = {
  name: 'node',
  openGPU,
  listAdapters,
  pause: (milliseconds) => {
    Atomics.wait(never, 0, 0, milliseconds);
    return new Promise((turn) => setImmediate(turn));
  },
};
