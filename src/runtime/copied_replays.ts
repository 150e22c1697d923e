// Replays on a copy of everything that stays: weights, moments, counters. They are run as far as somebody wants to look, what stands in
// their buffers by then is read, and the run itself knows nothing of it. Activations are the run's own room, which holds nothing between
// two replays.
import type { Batch, Scalars } from '../autograd/machine.ts';
import { InputError } from '../errors.ts';
import type { Plan, Region } from '../schedule/plan.ts';
import { fromStored, storedBytes } from '../tensor/stored.ts';
import { bytesOf, type HostArray, type Tensor } from '../tensor/tensor.ts';
import { mib, type Store } from './buffers.ts';
import { fill } from './compiled.ts';
import type { Device } from './device.ts';
import { Recording } from './recording.ts';

/** Weights and state that are copied, at most: they are there twice meanwhile. Bytes. */
const MOST_COPIED = 2 ** 28;
/** Values that are read at once, at most. Bytes. */
const MOST_READ = 2 ** 27;

export interface CopiedReplay {
  plan: Plan;
  batch: Batch;
  scalars: Scalars;
}

/** A value that is wanted as it stands when so many dispatches of a replay are done. */
export interface Tap {
  replay: number;
  done: number;
  region: Region;
  tensor: Tensor;
}

/** What is encoded behind so many dispatches of a replay. */
type Stops = ReadonlyMap<number, (encoder: GPUCommandEncoder, recording: Recording) => void>;

/** Why no copy of what these replays keep is made: a sentence. null where one is. @param most bytes */
export function tooLargeToCopy(replays: readonly CopiedReplay[], most = MOST_COPIED): string | null {
  const bytes = [...rootsOf(replays)].reduce((sum, { size, dtype }) => sum + bytesOf(size, dtype), 0);
  if (bytes <= most) return null;
  return `step: it keeps ${mib(bytes)} of weights and state, expected at most ${mib(most)}, of which a copy is made. Its list and texts are shown; look for values and times in a smaller model.`;
}

/** For one run of the replays, in their order; what it holds on the device is given back by release(). */
export class CopiedReplays {
  readonly #device: Device;
  readonly #replays: readonly CopiedReplay[];
  readonly #store: Store;
  readonly #roots: Set<Tensor>;
  readonly #recordings = new Map<Plan, Recording>();

  private constructor(device: Device, replays: readonly CopiedReplay[]) {
    [this.#device, this.#replays] = [device, replays];
    this.#roots = rootsOf(replays);
    this.#store = device.shared.store.copied(this.#roots);
    try {
      const shared = { ...device.shared, store: this.#store };
      for (const { plan } of replays)
        if (!this.#recordings.has(plan)) this.#recordings.set(plan, new Recording(plan, shared));
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** @throws InputError for what is too large to be there twice */
  static async make(device: Device, replays: readonly CopiedReplay[]): Promise<CopiedReplays> {
    const why = tooLargeToCopy(replays);
    if (why) throw new InputError(why);
    for (const plan of new Set(replays.map((replay) => replay.plan))) await device.prepare(plan);
    return new CopiedReplays(device, replays);
  }

  /** Submits a replay, or its dispatches before `end`. */
  run(replay: number, stops: Stops = new Map(), end = this.#replays[replay]!.plan.dispatches.length): void {
    const { plan, batch, scalars } = this.#replays[replay]!;
    const recording = this.#recordings.get(plan)!;
    fill(recording, batch, scalars);
    recording.begin();
    this.#submit((encoder) => {
      let done = 0;
      for (const at of [...stops.keys()].sort((a, b) => a - b)) {
        recording.encode(encoder, done, at);
        stops.get(at)!(encoder, recording);
        done = at;
      }
      recording.encode(encoder, done, end);
    });
  }

  /** Submits one dispatch of a replay that was run before, so many times in a row. */
  repeat(replay: number, dispatch: number, times: number): void {
    const recording = this.#recordings.get(this.#replays[replay]!.plan)!;
    this.#submit((encoder) => recording.encode(encoder, dispatch, dispatch + 1, times));
  }

  /** Submits nothing. */
  idle(): void {
    this.#submit(() => {});
  }

  /** Waits until the device has done what was submitted. */
  async settled(): Promise<void> {
    await this.#device.settle(() => this.#device.device.queue.onSubmittedWorkDone());
  }

  release(): void {
    for (const recording of this.#recordings.values()) recording.release();
    this.#store.release(this.#roots);
  }

  #submit(encode: (encoder: GPUCommandEncoder) => void): void {
    const { device, waiter } = this.#device;
    const encoder = device.createCommandEncoder();
    encode(encoder);
    device.queue.submit([encoder.finish()]);
    waiter.submitted();
  }
}

/**
 * Values in the order of the taps. The replays are run on a copy, as far as the last of them.
 * @throws InputError for more than 128 MiB, and as CopiedReplays.make
 */
export async function readReplays(
  device: Device,
  replays: readonly CopiedReplay[],
  taps: readonly Tap[],
): Promise<HostArray[]> {
  let bytes = 0;
  const places = taps.map(({ tensor }) => {
    const size = storedBytes(tensor.size, tensor.dtype);
    const at = bytes;
    bytes += size;
    return { at, size };
  });
  if (bytes > MOST_READ)
    throw new InputError(`values: found ${mib(bytes)}, expected at most ${mib(MOST_READ)}. Look into a smaller model.`);
  if (bytes === 0) return [];
  const copy = await CopiedReplays.make(device, replays);
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  let staging: GPUBuffer | null = null;
  try {
    const target = (staging = device.shared.buffers.create('values of a step', bytes, usage));
    const last = Math.max(...taps.map(({ replay }) => replay));
    for (let replay = 0; replay <= last; replay++) {
      const own = [...taps.entries()].filter(([, tap]) => tap.replay === replay);
      const stops = new Map(
        own.map(([, { done }]) => [
          done,
          (encoder: GPUCommandEncoder, recording: Recording) => {
            for (const [i, tap] of own)
              if (tap.done === done) recording.encodeCopy(encoder, tap.region, places[i]!.size, target, places[i]!.at);
          },
        ]),
      );
      copy.run(replay, stops, replay < last ? undefined : Math.max(...stops.keys()));
    }
    await device.settle(() => target.mapAsync(GPUMapMode.READ, 0, bytes));
    const mapped = target.getMappedRange(0, bytes).slice(0);
    target.unmap();
    return taps.map(({ tensor: { dtype, size } }, i) => fromStored(dtype, mapped, places[i]!.at, size));
  } finally {
    if (staging) device.shared.buffers.destroy(staging);
    copy.release();
  }
}

/** Slabs and single tensors that some plans read or write. */
function rootsOf(replays: readonly CopiedReplay[]): Set<Tensor> {
  return new Set(replays.flatMap(({ plan }) => [...plan.persistent]));
}
