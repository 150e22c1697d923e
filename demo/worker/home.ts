// Where a page's runs run: the browser's GPU, or where there is none the CPU twin, which does the same in plain loops.
import {
  browserStore,
  type Device,
  DeviceLostError,
  fastKernels,
  InputError,
  type KernelTable,
  type Limits,
  type Machine,
  openDevice,
  RunError,
  reportAdapter,
  Twin,
} from '../../src/index.ts';
import type { News, PageSettings } from '../protocol.ts';
import { calibrate } from './calibration.ts';
import { pagePreset } from './presets.ts';

export interface Home {
  machine: Machine;
  /** null for the twin. */
  device: Device | null;
  /** Why the twin runs; null on a GPU. */
  twin: string | null;
}

/** A page that had a GPU gets none any more: nothing is trained on the twin instead, whose numbers are others. */
export class NoAdapterError extends RunError {}

/** No browser gives a page more, whatever the machine has. Bytes. */
const MOST_IN_A_PAGE = 2 ** 34;
/** Share of the memory that a browser tells which a run on the CPU may take. */
const SHARE = 0.5;

/** A software adapter's memory is the machine's own; of a GPU's nobody tells. */
export function limitsOfPage({ device }: Home): Limits {
  const { deviceMemory = 4 } = (globalThis.navigator ?? {}) as { deviceMemory?: number };
  const own = Math.min(MOST_IN_A_PAGE, SHARE * deviceMemory * 2 ** 30);
  const total = device?.opened.software === false ? MOST_IN_A_PAGE : own;
  const says = 'this page may have';
  if (!device) return { buffer: Number.POSITIVE_INFINITY, total, says };
  const { maxBufferSize, maxStorageBufferBindingSize } = device.device.limits;
  return { buffer: Math.min(maxBufferSize, maxStorageBufferBindingSize), total, says };
}

/** Opens it once, and again where a saved run names other kernels or the GPU was lost. */
export class HomeKeeper {
  #home: Home | null = null;
  /** The table that it was opened with; null for what is fast. */
  #kernels: KernelTable | null = null;
  #gflops: number | null = null;
  /** There was a GPU. */
  #had = false;
  /** Somebody chose the twin, although there was one. */
  #cpu = false;
  readonly #onCompile: (done: number, total: number) => void;
  #compiling = false;

  /** @param onCompile "kernel `done` of `total`", while `compile` works: the kernel of a measurement is no run's */
  constructor(onCompile: (done: number, total: number) => void) {
    this.#onCompile = (done, total) => {
      if (this.#compiling) onCompile(done, total);
    };
  }

  /** The open one. */
  get home(): Home {
    return this.#home!;
  }

  /** Billions of operations a second, as measured; null where it was not. */
  get gflops(): number | null {
    return this.#gflops;
  }

  /** Whether what is open would run other kernels than these. */
  differs(kernels: KernelTable | null): boolean {
    return Boolean(this.#home?.device) && JSON.stringify(kernels) !== JSON.stringify(this.#kernels);
  }

  /** Lost, or stopped by an error: nothing runs on it any more. */
  get broken(): boolean {
    try {
      this.#home?.device?.check();
      return false;
    } catch {
      return true;
    }
  }

  /** The device is gone. */
  get lost(): boolean {
    try {
      this.#home?.device?.check();
      return false;
    } catch (error) {
      return error instanceof DeviceLostError;
    }
  }

  /**
   * @param kernels the table that a saved run recorded; by default what is fast on this adapter
   * @throws NoAdapterError where there was a GPU and is none now
   */
  async open(kernels: KernelTable | null): Promise<Home> {
    // What was trained on a GPU goes on there; the twin's numbers are others.
    const saved = kernels !== null && Object.keys(kernels).length > 0 && globalThis.navigator?.gpu;
    const twin = !this.#had && !saved;
    if (this.#cpu)
      this.#home ??= { machine: new Twin(), device: null, twin: 'The CPU twin was chosen: it trains slower.' };
    if (!this.#home) [this.#home, this.#kernels] = [await openHome(kernels, this.#onCompile, twin), kernels];
    this.#had ||= this.#home.device !== null;
    return this.#home;
  }

  /** From the next opening on the twin computes. */
  useCpu(): void {
    this.#cpu = true;
  }

  /** Another device in place of one that is lost, with the same kernels. @throws as open */
  async reopen(): Promise<Home> {
    this.close();
    return this.open(this.#kernels);
  }

  /** What a run needs. @param steps for its steps alone, so that it goes on soon */
  async compile(run: { prepare(steps: boolean): Promise<void> }, steps: boolean): Promise<void> {
    this.#compiling = true;
    try {
      await run.prepare(steps);
    } finally {
      this.#compiling = false;
    }
  }

  async measure(): Promise<void> {
    const { machine, device } = this.home;
    this.#gflops = await calibrate(machine);
    // The product's place is larger than any that a small run needs.
    device?.releaseActivations();
  }

  close(): void {
    this.#home?.machine.close();
    this.#home = null;
  }

  /** What the page would choose by itself. */
  defaults(): PageSettings {
    // A software adapter multiplies faster than it dispatches: its speed at large products says nothing of a small model's steps.
    const { device } = this.#home ?? {};
    return pagePreset(device && !device.opened.software ? (this.#gflops ?? 0) : null);
  }

  news(): News {
    return adapterNews(this.home, this.home.device ? this.#gflops : null);
  }
}

/** @param twin whether the twin runs where there is no GPU */
async function openHome(
  kernels: KernelTable | null,
  onCompile: (done: number, total: number) => void,
  twin: boolean,
): Promise<Home> {
  try {
    const device = await openDevice({ kernels: kernels ?? fastKernels(browserStore()), onCompile });
    return { machine: device, device, twin: null };
  } catch (error) {
    // A GPU process that is just ending gives an adapter, and no device of it.
    const gone = !twin && error instanceof DOMException;
    if (!(error instanceof InputError) && !gone) throw error;
    // A saved run's table may name what another adapter has and this one lacks: what is fast here gives the same to a few last digits.
    if (kernels && globalThis.navigator.gpu) return openHome(null, onCompile, twin);
    if (!twin)
      throw new NoAdapterError(
        "WebGPU: the browser gives this page no graphics adapter at the moment. Reload it with the browser's own button, or wait about 2 minutes: it goes on by itself when there is one.",
      );
    return { machine: new Twin(), device: null, twin: `${error.message} The CPU twin runs the small model instead.` };
  }
}

function adapterNews({ machine, device, twin }: Home, gflops: number | null): News {
  if (!device) return { type: 'adapter', name: machine.name, software: true, gflops, twin, lines: [] };
  const { adapter, driver, software, advice } = device.opened;
  const report = reportAdapter(adapter, driver);
  const { subgroupMinSize: least, subgroupMaxSize: most } = report;
  const kernels = Object.entries(device.kernels).map(([op, form]) => `${op}: ${form}`);
  const lines = [
    driver,
    ...(advice ? [advice] : []),
    `subgroups: ${least === null || least === 0 ? 'none' : least === most ? least : `${least} to ${most}`}`,
    `features: ${report.features.join(', ') || 'none'}`,
    ...Object.entries(report.limits).map(([name, value]) => `${name}: ${value}`),
    `kernels (${device.kernelsFrom}): ${kernels.join(', ') || "each op's first form"}`,
  ];
  return { type: 'adapter', name: device.name, software, gflops, twin, lines };
}
