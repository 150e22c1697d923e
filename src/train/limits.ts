// What a run may take, and what of it does not fit.
import type { LargeBuffer, RunMemory } from './memory.ts';

/** Batches of a step: one of many more could be neither watched nor stopped. */
export const MOST_BATCHES = 4096;

/** Bytes. */
export interface Limits {
  /** One buffer. */
  buffer: number;
  /** All buffers; infinite where nobody knows. */
  total: number;
  /** Who sets `total`: "this machine can give" it. */
  says: string;
}

/** The largest buffer if it is too large, the total if that is, null if all fits. */
export function misfit({ buffers, total }: RunMemory, limits: Limits): LargeBuffer | 'total' | null {
  const [largest] = buffers;
  if (largest && largest.bytes > limits.buffer) return largest;
  return total > limits.total ? 'total' : null;
}
