// Lifetimes -> buffers. Every activation is alive from its first write to its last read; two that never live together share
// a whole buffer (WebGPU refuses one buffer bound for reading and for writing in a dispatch, so buffers are never split).
import type { Tensor } from '../tensor/tensor.ts';

export interface Lifetime {
  root: Tensor;
  bytes: number;
  /** Indices of dispatches, both inclusive. */
  first: number;
  last: number;
}

/** A buffer and those who live in it, one after the other. */
export interface Slot {
  bytes: number;
  values: Lifetime[];
}

/**
 * Interval colouring, largest value first: each value goes to the first buffer in which nobody else is alive. The result is
 * sorted from large to small, so that plans can share one arena slot by slot.
 */
export function colour(lifetimes: readonly Lifetime[]): Slot[] {
  const slots: Slot[] = [];
  const bySize = [...lifetimes].sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  for (const value of bySize) {
    const free = slots.find((s) => s.values.every((v) => v.last < value.first || value.last < v.first));
    if (free) free.values.push(value);
    else slots.push({ bytes: value.bytes, values: [value] });
  }
  return slots;
}

/** Rounds up to a multiple of 256 bytes, the alignment of a binding. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / 256) * 256;
}
