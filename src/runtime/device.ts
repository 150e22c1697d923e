// A GPU device as the rest of the project sees it: compile a function, read and write parameters and state, release.
import type { Traced } from '../autograd/graph.ts';
import type { Batch, Compiled, CompileOptions, Machine } from '../autograd/machine.ts';
import { graphOf } from '../autograd/trace_batch.ts';
import { InputError } from '../errors.ts';
import type { Capabilities } from '../ops/op.ts';
import { checkTable, type KernelTable } from '../schedule/order.ts';
import { makePlan, type Plan } from '../schedule/plan.ts';
import { fromStored, storedBytes } from '../tensor/stored.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';
import { Buffers, Health, Store } from './buffers.ts';
import { compileOn } from './compiled.ts';
import { type CompileProgress, Pipelines } from './pipelines.ts';
import { currentPlatform, type OpenedGPU } from './platform/platform.ts';
import { SUBGROUP_MATRIX, subgroupMatricesOf } from './platform/report.ts';
import { Arena, type Shared } from './recording.ts';
import { Waiter } from './waiter.ts';

/** Replays that may be queued before the host waits. */
const MAX_QUEUED = 32;

/** Bytes of a tensor that are read at once: what a save needs on the device beside the tensors themselves, at most. */
export const READ_BYTES = 2 ** 24;

/** Which forms run, and who says so. */
export interface KernelChoice {
  /** Form by op name. Empty: each op's first form that applies. */
  table: KernelTable;
  /** A word and why: `given: by --kernels portable`, `stored: measured on this adapter on 2026-11-25`, `shipped: ...`, `first: ...`. */
  from: string;
}

export interface DeviceOptions {
  /** Part of an adapter's name. */
  adapter?: string;
  /** The adapter's own limits, or WebGPU's defaults, which every adapter has, and then no optional feature either. */
  limits?: 'adapter' | 'default';
  /** A table, or what chooses one once the adapter is open, such as `fastKernels(store)`. Default: each op's first form that applies. */
  kernels?: KernelTable | ((capabilities: Capabilities, opened: OpenedGPU) => KernelChoice | Promise<KernelChoice>);
  onCompile?: CompileProgress;
  /** Timestamp queries, which only a profile needs. Default false. */
  timestamps?: boolean;
}

export interface DeviceCompileOptions extends CompileOptions {
  /** Instead of the device's own table, and not checked: forms are measured against each other so. */
  kernels?: KernelTable;
}

/** Limits that are raised to the adapter's own: the rest has no use here. */
const RAISED = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
] as const;
const WANTED_FEATURES = ['subgroups', 'shader-f16', SUBGROUP_MATRIX] as const;

/**
 * Opens the best adapter of this home: a real GPU, else a software one.
 * @throws InputError if there is none, saying what to install, or if it lacks the timestamps asked for
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  const platform = await currentPlatform();
  const opened = await platform.openGPU(options.adapter === undefined ? {} : { adapter: options.adapter });
  const { adapter } = opened;
  const requiredLimits =
    options.limits === 'default' ? {} : Object.fromEntries(RAISED.map((name) => [name, adapter.limits[name]]));
  const features: string[] = options.limits === 'default' ? [] : WANTED_FEATURES.filter((f) => adapter.features.has(f));
  if (options.timestamps) features.push(timestampsOf(opened));
  const device = await adapter.requestDevice({ requiredLimits, requiredFeatures: features as GPUFeatureName[] });
  const capabilities = capabilitiesOf(device, opened);
  const choice = await choiceOf(options.kernels, capabilities, opened);
  return new Device(device, opened, platform.pause, capabilities, choice, options.onCompile);
}

function capabilitiesOf({ features }: GPUDevice, { adapter: { info }, software }: OpenedGPU): Capabilities {
  return {
    features: new Set(features),
    subgroupMinSize: info.subgroupMinSize ?? 0,
    subgroupMaxSize: info.subgroupMaxSize ?? 0,
    software,
    subgroupMatrices: subgroupMatricesOf(info),
  };
}

/** @throws InputError for a table that names what is not here */
async function choiceOf(
  kernels: DeviceOptions['kernels'],
  capabilities: Capabilities,
  opened: OpenedGPU,
): Promise<KernelChoice> {
  if (kernels === undefined) return { table: {}, from: 'first: no table was asked for' };
  const choice =
    typeof kernels === 'function' ? await kernels(capabilities, opened) : { table: kernels, from: 'given: a table' };
  checkTable(choice.table, capabilities);
  return choice;
}

/** Milliseconds within which the loss of a device is known after the first sign of it. */
const LOST_WITHIN = 1000;

/** The name of the feature; exported for the tests. @throws InputError if the adapter lacks it */
export function timestampsOf({ adapter, name }: OpenedGPU): string {
  if (adapter.features.has('timestamp-query')) return 'timestamp-query';
  throw new InputError(
    `adapter: ${name} has no timestamp queries, a profile needs them. Choose another adapter, or run without the profile.`,
  );
}

/** One GPU. Plans, parameters, state and pipelines live as long as it does. */
export class Device implements Machine {
  readonly device: GPUDevice;
  readonly opened: OpenedGPU;
  readonly capabilities: Capabilities;
  readonly kernels: KernelTable;
  /** Where the table comes from, see KernelChoice. */
  readonly kernelsFrom: string;
  readonly shared: Shared;
  readonly waiter: Waiter;
  #health: Health;
  #onCompile: CompileProgress | undefined;

  constructor(
    device: GPUDevice,
    opened: OpenedGPU,
    pause: ((ms: number) => Promise<void>) | null,
    capabilities: Capabilities,
    kernels: KernelChoice,
    onCompile: CompileProgress | undefined,
  ) {
    this.device = device;
    this.opened = opened;
    this.capabilities = capabilities;
    this.kernels = kernels.table;
    this.kernelsFrom = kernels.from;
    this.#onCompile = onCompile;
    this.#health = new Health(device);
    this.waiter = new Waiter(pause);
    const buffers = new Buffers(device);
    const empty = () => buffers.create('empty', 256, GPUBufferUsage.STORAGE);
    this.shared = {
      device,
      buffers,
      store: new Store(buffers),
      arena: new Arena(buffers),
      pipelines: new Pipelines(device),
      empty: { read: empty(), read_write: empty() },
    };
  }

  /** The adapter's name, as people know it. */
  get name(): string {
    return this.opened.name;
  }

  compile<R extends Traced>(
    fn: (batch: Record<string, Tensor>) => R,
    options: DeviceCompileOptions = {},
  ): Compiled<keyof R & string> {
    return compileOn(this, fn, options);
  }

  /** The plan that `fn` gets for a batch of these shapes, without running it. */
  plan(
    fn: (batch: Record<string, Tensor>) => Record<string, Tensor>,
    batch: Batch,
    options: DeviceCompileOptions = {},
  ): Plan {
    return makePlan(graphOf(fn, batch, options), this.capabilities, options.kernels ?? this.kernels);
  }

  /** Compiles the kernels of a plan. @throws Error with file, line and column if one does not compile */
  async prepare(plan: Plan): Promise<void> {
    await this.waiter.hold(this.shared.pipelines.prepare(plan.dispatches, this.#onCompile));
    this.check();
  }

  /** Large tensors come in slices: between two of them nothing else may be submitted that writes the tensor. */
  async read(tensor: Tensor): Promise<HostArray> {
    const { buffer, offset } = this.shared.store.at(tensor);
    const bytes = new Uint8Array(storedBytes(tensor.size, tensor.dtype));
    const most = Math.min(bytes.length, READ_BYTES);
    const staging = this.shared.buffers.create('read', most, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    try {
      for (let at = 0; at < bytes.length; at += most) {
        const size = Math.min(most, bytes.length - at);
        const encoder = this.device.createCommandEncoder();
        encoder.copyBufferToBuffer(buffer, offset + at, staging, 0, size);
        this.device.queue.submit([encoder.finish()]);
        await this.settle(() => staging.mapAsync(GPUMapMode.READ, 0, size));
        bytes.set(new Uint8Array(staging.getMappedRange(0, size)), at);
        staging.unmap();
      }
      return fromStored(tensor.dtype, bytes.buffer, 0, tensor.size);
    } finally {
      this.shared.buffers.destroy(staging);
    }
  }

  write(tensor: Tensor, data: HostArray, start?: number): void {
    this.shared.store.write(tensor, data, start);
  }

  /** Waits, if too much is queued, until the GPU has caught up. */
  async makeRoom(): Promise<void> {
    if (this.waiter.pending < MAX_QUEUED) return;
    await this.settle(() => this.device.queue.onSubmittedWorkDone());
  }

  /**
   * Waits for everything submitted so far with `done`, a promise of the GPU; see Waiter.
   * @throws what befell the device, rather than what became of that promise
   */
  async settle<T>(done: () => Promise<T>): Promise<T> {
    try {
      return await this.waiter.settle(done);
    } catch (error) {
      this.check();
      // The promise of a lost device may settle after a mapping was refused, on a busy machine long after it.
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, LOST_WITHIN))]);
      throw error;
    } finally {
      this.check();
    }
  }

  /** @throws the first error of the device since it was opened: loss, refused command, lack of memory */
  check(): void {
    this.#health.check();
  }

  release(tensors: Iterable<Tensor>): void {
    this.shared.store.release(tensors);
  }

  /** Frees the activations that the plans so far needed; the next replay makes them anew. */
  releaseActivations(): void {
    this.shared.arena.release();
  }

  close(): void {
    this.shared.buffers.destroyAll();
    this.device.destroy();
  }
}
