// How long each dispatch of a step takes: real replays of its plans, with every dispatch in a compute pass of its own that writes the
// GPU's clock at its start and end. Passes cost something, so the same step is timed as it ordinarily runs too.
import type { Batch, Scalars } from '../autograd/machine.ts';
import type { Plan, PlannedDispatch } from '../schedule/plan.ts';
import { fill } from './compiled.ts';
import type { Device } from './device.ts';
import { Recording } from './recording.ts';

/** WebGPU's limit of queries in a set; a dispatch takes two. */
const MAX_QUERIES = 4096;
/** Rounds that are thrown away: drivers compile in the first. */
const WARM = 1;
const LEAST_ROUNDS = 3;

/** A plan of the step, what it is replayed with, and how often a step replays it. */
export interface ProfiledPlan {
  plan: Plan;
  batch: Batch;
  scalars: Scalars;
  times: number;
}

export interface TimedDispatch {
  dispatch: PlannedDispatch;
  /** How often a step runs it. */
  times: number;
  /** Of one run, by the GPU's clock: the median. */
  ms: number;
  /** Of the regions that are bound, each once: what is read and written, where a kernel touches all of them. */
  bytes: number;
}

export interface Profile {
  /** In the order in which a step runs them. */
  dispatches: TimedDispatch[];
  /** Milliseconds of the step as it ordinarily runs, by the host's clock, from writing its inputs to knowing that it is done. */
  stepMs: number;
  rounds: number;
}

export interface ProfileOptions {
  /** At most so many rounds, and none begins after so many seconds, but for the first three. Default 15 and 5. */
  rounds?: number;
  seconds?: number;
}

/**
 * Times the dispatches of a step, whose plans run one after the other. What they write is written: with a learning rate of 0
 * parameters keep their values, state such as moments does not.
 * @param device opened with `timestamps`
 */
export async function profile(
  device: Device,
  parts: readonly ProfiledPlan[],
  { rounds = 15, seconds = 5 }: ProfileOptions = {},
): Promise<Profile> {
  for (const { plan } of parts) await device.prepare(plan);
  const timers = parts.map((part) => new PlanTimer(device, part));
  const samples: number[][] = timers.map(() => []);
  const steps: number[] = [];
  try {
    let since = performance.now();
    for (let round = -WARM; round < rounds; round++) {
      if (round === 0) since = performance.now();
      if (round >= LEAST_ROUNDS && performance.now() - since > 1000 * seconds) break;
      const begun = performance.now();
      for (const timer of timers) timer.replay();
      await device.settle(() => device.device.queue.onSubmittedWorkDone());
      const stepMs = performance.now() - begun;
      const timed: Float64Array[] = [];
      for (const timer of timers) timed.push(await timer.time());
      if (round < 0) continue;
      steps.push(stepMs);
      timed.forEach((ms, i) => {
        samples[i]!.push(...ms);
      });
    }
  } finally {
    for (const timer of timers) timer.release();
  }
  const dispatches = parts.flatMap(({ plan, times }, i) =>
    plan.dispatches.map((dispatch, d): TimedDispatch => {
      const own = steps.map((_, round) => samples[i]![round * plan.dispatches.length + d]!);
      return { dispatch, times, ms: median(own), bytes: boundBytes(dispatch) };
    }),
  );
  return { dispatches, stepMs: median(steps), rounds: steps.length };
}

/** The GPU's side of one plan that is timed. */
class PlanTimer {
  #device: Device;
  #times: number;
  #recording: Recording;
  #count: number;
  #sets: GPUQuerySet[] = [];
  #buffers: { results: GPUBuffer; resolved: GPUBuffer; readable: GPUBuffer };

  constructor(device: Device, { plan, batch, scalars, times }: ProfiledPlan) {
    this.#device = device;
    this.#times = times;
    this.#count = plan.dispatches.length;
    const { buffers } = device.shared;
    const bytes = 16 * this.#count;
    this.#buffers = {
      results: buffers.create('results', plan.outputBytes, GPUBufferUsage.COPY_DST),
      resolved: buffers.create('timestamps', bytes, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC),
      readable: buffers.create('timestamps to read', bytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ),
    };
    this.#recording = new Recording(plan, device.shared);
    fill(this.#recording, batch, scalars);
    for (let left = 2 * this.#count; left > 0; left -= MAX_QUERIES)
      this.#sets.push(device.device.createQuerySet({ type: 'timestamp', count: Math.min(left, MAX_QUERIES) }));
  }

  /** Submits the plan as a step does. */
  replay(): void {
    for (let i = 0; i < this.#times; i++) {
      this.#recording.replay(this.#buffers.results, 0);
      this.#device.waiter.submitted();
    }
  }

  /** Milliseconds of each dispatch of one replay. */
  async time(): Promise<Float64Array> {
    const { device } = this.#device;
    const { resolved, readable } = this.#buffers;
    const bytes = 16 * this.#count;
    const encoder = device.createCommandEncoder();
    this.#recording.encodeApart(encoder, (i) => ({
      querySet: this.#sets[Math.floor((2 * i) / MAX_QUERIES)]!,
      beginningOfPassWriteIndex: (2 * i) % MAX_QUERIES,
      endOfPassWriteIndex: (2 * i + 1) % MAX_QUERIES,
    }));
    this.#sets.forEach((set, i) => {
      encoder.resolveQuerySet(set, 0, set.count, resolved, 8 * MAX_QUERIES * i);
    });
    encoder.copyBufferToBuffer(resolved, 0, readable, 0, bytes);
    device.queue.submit([encoder.finish()]);
    this.#device.waiter.submitted();
    await this.#device.settle(() => readable.mapAsync(GPUMapMode.READ, 0, bytes));
    const clock = new BigInt64Array(readable.getMappedRange(0, bytes));
    // Nanoseconds. A clock that was set back meanwhile says nothing.
    const ms = Float64Array.from({ length: this.#count }, (_, i) =>
      Math.max(0, Number(clock[2 * i + 1]! - clock[2 * i]!) / 1e6),
    );
    readable.unmap();
    return ms;
  }

  release(): void {
    for (const set of this.#sets) set.destroy();
    for (const buffer of Object.values(this.#buffers)) this.#device.shared.buffers.destroy(buffer);
    this.#recording.release();
  }
}

/** Bytes that a dispatch binds. Packed q, k and v, bound as three, are one region. */
export function boundBytes({ bindings }: PlannedDispatch): number {
  const regions = new Map<string, number>();
  for (const { buffer, offset, size } of bindings) {
    if (buffer.kind === 'empty') continue;
    const where =
      buffer.kind === 'arena' ? buffer.slot : buffer.kind === 'persistent' ? buffer.tensor.name : buffer.kind;
    regions.set(`${buffer.kind} ${where} ${offset} ${size}`, size);
  }
  return [...regions.values()].reduce((sum, size) => sum + size, 0);
}

/** The middle of some timings; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
