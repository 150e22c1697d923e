// A compiled function: a bounded cache of plans, one a shape of its inputs, and the results of its replays.
import type { Batch, Compiled, Output, Replay, Scalars } from '../autograd/machine.ts';
import { batchKey, graphOf, inputValue, refuseUnknown } from '../autograd/trace_batch.ts';
import { InputError } from '../errors.ts';
import { makePlan, type Plan } from '../schedule/plan.ts';
import { type Shape, show, sizeOf } from '../tensor/shape.ts';
import { toStored } from '../tensor/stored.ts';
import { hostArray, type Tensor } from '../tensor/tensor.ts';
import type { Device, DeviceCompileOptions } from './device.ts';
import { Recording } from './recording.ts';
import { type Result, Results, SLOTS } from './results.ts';

/**
 * Plans kept for one function; the least recently used one goes. More than the shapes of a run over pairs of texts, some 30: they come in
 * turn, and one too few would be made again every time. A plan's own buffers are small, since activations are shared by all.
 */
const MAX_PLANS = 32;

interface Entry {
  recording: Recording;
  results: Results;
}

export function compileOn(
  device: Device,
  fn: (batch: Record<string, Tensor>) => Record<string, Tensor>,
  options: DeviceCompileOptions,
): Compiled {
  const compiled = new CompiledFunction(device, fn, options);
  const call = (batch: Batch, scalars: Scalars = {}) => compiled.run(batch, scalars);
  return Object.assign(call, { collect: () => compiled.collect(), release: () => compiled.release() });
}

class CompiledFunction {
  #device: Device;
  #fn: (batch: Record<string, Tensor>) => Record<string, Tensor>;
  #options: DeviceCompileOptions;
  #entries = new Map<string, Entry>();
  #replays = 0;
  /** The last call. One at a time: two that come together must not make one plan twice, nor change places. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Results that collect() has not given yet. */
  #uncollected: { result: Result; entry: Entry }[] = [];
  /** Replays that could not wait for it. */
  #lost = 0;

  constructor(
    device: Device,
    fn: (batch: Record<string, Tensor>) => Record<string, Tensor>,
    options: DeviceCompileOptions,
  ) {
    this.#device = device;
    this.#fn = fn;
    this.#options = options;
  }

  run(batch: Batch, scalars: Scalars): Promise<Record<string, Output>> {
    const mine = this.#turn.then(() => this.#run(batch, scalars));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #run(batch: Batch, scalars: Scalars): Promise<Record<string, Output>> {
    this.#device.check();
    const entry = await this.#entry(batch);
    await this.#device.makeRoom();
    const { recording, results } = entry;
    fill(recording, batch, scalars);
    const { result, buffer, offset } = results.next(this.#replays++);
    recording.replay(buffer, offset);
    this.#device.waiter.submitted();
    this.#uncollected.push({ result, entry });
    if (this.#uncollected.length > SLOTS) {
      this.#uncollected.shift();
      this.#lost++;
    }
    return Object.fromEntries(
      [...recording.plan.outputs].map(([name, { shape }]) => [name, this.#output(entry, result, name, shape)]),
    );
  }

  #output(entry: Entry, result: Result, name: string, shape: Shape): Output {
    const read = async () => {
      await this.#read(entry, result);
      if (result.state === 'overwritten')
        throw new InputError(
          `"${name}" of replay ${result.index} has been overwritten by a later one: read it before the next replay.`,
        );
      return result.values[name]!;
    };
    return {
      shape,
      read,
      item: async () => {
        const values = await read();
        if (values.length !== 1)
          throw new InputError(`"${name}" has shape ${show(shape)}: item() is for results of one number; use read().`);
        return values[0]!;
      },
    };
  }

  async collect(): Promise<Replay[]> {
    await this.#turn;
    const wanted = this.#uncollected;
    const overwritten = wanted.filter((u) => u.result.state === 'overwritten');
    const lost = this.#lost + overwritten.length;
    this.#uncollected = [];
    this.#lost = 0;
    if (lost > 0) {
      const slots = Math.min(SLOTS, ...overwritten.map((u) => u.entry.results.slots));
      throw new InputError(
        `collect: the results of ${lost} replays are gone, at most ${slots} of this size can wait. Collect after every ${slots === 1 ? 'replay' : `${slots} replays`}.`,
      );
    }
    for (const { entry, result } of wanted) await this.#read(entry, result);
    this.#device.check();
    return wanted.map(({ result: { index, values } }) => ({ index, values }));
  }

  async #read({ results }: Entry, result: Result): Promise<void> {
    if (result.state === 'on the device') await results.read(result, (map) => this.#device.settle(map));
  }

  async #entry(batch: Batch): Promise<Entry> {
    const key = batchKey(batch);
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = await this.#make(batch);
      if (this.#entries.size >= MAX_PLANS) {
        const [oldest, old] = this.#entries.entries().next().value!;
        // Its results may still be wanted.
        for (const { entry: e, result } of this.#uncollected) if (e === old) await this.#read(e, result);
        this.#entries.delete(oldest);
        this.#drop(old);
      }
    } else {
      this.#entries.delete(key);
    }
    this.#entries.set(key, entry);
    return entry;
  }

  async #make(batch: Batch): Promise<Entry> {
    const { capabilities, kernels } = this.#device;
    const plan = makePlan(graphOf(this.#fn, batch, this.#options), capabilities, this.#options.kernels ?? kernels);
    // Kernels compile on other threads: meanwhile this one makes the values.
    const [compiled, made] = await Promise.allSettled([this.#device.prepare(plan), this.#allocate(plan)]);
    if (made.status === 'rejected') throw made.reason;
    if (compiled.status === 'fulfilled') return made.value;
    this.#drop(made.value);
    throw compiled.reason;
  }

  /** Starts at once. @throws InputError when the adapter cannot have a buffer as large as one that the plan needs */
  async #allocate(plan: Plan): Promise<Entry> {
    const { shared } = this.#device;
    // First what is most likely to be refused, for lack of room: nothing is left behind then.
    const results = new Results(plan, shared.buffers);
    const entry = { recording: new Recording(plan, shared), results };
    try {
      entry.recording.fillStore();
      return entry;
    } catch (error) {
      this.#drop(entry);
      throw error;
    }
  }

  #drop({ recording, results }: Entry): void {
    recording.release();
    results.release();
  }

  release(): void {
    for (const entry of this.#entries.values()) this.#drop(entry);
    this.#entries.clear();
    this.#uncollected = [];
    this.#lost = 0;
  }
}

/** Writes the batch and the scalars into the upload array. @throws InputError on a missing, unknown or misshapen input */
export function fill({ plan, upload }: Recording, batch: Batch, scalars: Scalars): void {
  for (const [name, { dtype, shape, offset, bytes }] of plan.inputs) {
    const value = inputValue(name, shape, batch, scalars);
    const given = typeof value === 'number' ? hostArray(dtype, sizeOf(shape)).fill(value) : value;
    const stored = toStored(dtype, given);
    new Uint8Array(upload, offset, bytes).set(new Uint8Array(stored.buffer, stored.byteOffset, bytes));
  }
  refuseUnknown(scalars, plan.inputs);
}
