// Results on their way to the host. A replay copies its outputs into a slot of a mappable buffer, in its own submit; reading
// maps that buffer while later replays fill another one. So a loss costs no submit of its own and holds up nothing.
import type { Plan } from '../schedule/plan.ts';
import { sizeOf } from '../tensor/shape.ts';
import { fromStored } from '../tensor/stored.ts';
import type { HostArray } from '../tensor/tensor.ts';
import type { Buffers } from './buffers.ts';

/** Results up to this many bytes are kept for SLOTS replays; larger ones until the next replay. */
const SMALL = 4096;
export const SLOTS = 64;

/** The results of one replay: on the device, then read, or lost to a later replay that took the slot. */
export interface Result {
  index: number;
  state: 'on the device' | 'read' | 'overwritten';
  values: Record<string, HostArray>;
  page: Page;
}

/** A buffer with the results of up to SLOTS replays, which is read as a whole. */
interface Page {
  buffer: GPUBuffer;
  slots: Result[];
  filled: number;
  reading: Promise<void> | null;
}

/** Replays whose results of so many bytes can stand unread. */
export function slotsFor(outputBytes: number): number {
  return outputBytes <= SMALL ? SLOTS : 1;
}

export class Results {
  #plan: Plan;
  #buffers: Buffers;
  #slotBytes: number;
  readonly slots: number;
  #free: GPUBuffer[] = [];
  #page: Page;
  #released = false;

  constructor(plan: Plan, buffers: Buffers) {
    this.#plan = plan;
    this.#buffers = buffers;
    this.#slotBytes = Math.max(16, plan.outputBytes);
    this.slots = slotsFor(plan.outputBytes);
    this.#page = this.#newPage();
  }

  /** The slot for the next replay. */
  next(index: number): { result: Result; buffer: GPUBuffer; offset: number } {
    const page = this.#page;
    const slot = page.filled++ % this.slots;
    const old = page.slots[slot];
    if (old) old.state = 'overwritten';
    const result: Result = { index, state: 'on the device', values: {}, page };
    page.slots[slot] = result;
    return { result, buffer: page.buffer, offset: slot * this.#slotBytes };
  }

  /**
   * Reads the page that `result` is on, with all that stand there.
   * @param settle waits for everything submitted so far, and for the mapping it is handed
   */
  read(result: Result, settle: (map: () => Promise<void>) => Promise<void>): Promise<void> {
    const { page } = result;
    if (page === this.#page) this.#page = this.#newPage();
    page.reading ??= this.#map(page, settle);
    return page.reading;
  }

  async #map(page: Page, settle: (map: () => Promise<void>) => Promise<void>): Promise<void> {
    const bytes = Math.min(page.filled, this.slots) * this.#slotBytes;
    await settle(() => page.buffer.mapAsync(GPUMapMode.READ, 0, bytes) as Promise<void>);
    const mapped = page.buffer.getMappedRange(0, bytes).slice(0);
    page.buffer.unmap();
    if (this.#released) this.#buffers.destroy(page.buffer);
    else this.#free.push(page.buffer);
    page.slots.forEach((result, slot) => {
      for (const [name, { dtype, shape, offset }] of this.#plan.outputs) {
        result.values[name] = fromStored(dtype, mapped, slot * this.#slotBytes + offset, sizeOf(shape));
      }
      result.state = 'read';
    });
  }

  #newPage(): Page {
    const bytes = this.slots * this.#slotBytes;
    const buffer =
      this.#free.pop() ?? this.#buffers.create('results', bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    return { buffer, slots: [], filled: 0, reading: null };
  }

  /** Pages that are being read are freed when they have been. */
  release(): void {
    this.#released = true;
    for (const buffer of [...this.#free, this.#page.buffer]) this.#buffers.destroy(buffer);
    for (const result of this.#page.slots) if (result.state === 'on the device') result.state = 'overwritten';
  }
}
