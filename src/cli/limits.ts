// What a run may take here: the adapter's largest buffer, and the memory of the machine or what --memory-limit says.
import os from 'node:os';
import type { Device } from '../runtime/device.ts';
import type { Limits } from '../train/limits.ts';
import { defineFlags } from './flags.ts';

/** Share of a machine's memory that a software adapter may take: the rest is the program's, which holds a copy of what it saves. */
const SHARE = 0.8;

export const limitFlags = defineFlags([
  {
    name: 'memory-limit',
    type: 'number',
    group: 'training',
    above: 0,
    max: 1e9,
    unit: 'MiB',
    example: '2000',
    help: "the most that may be held on the device; default: 80 % of the machine's memory on a software adapter, else what the GPU gives",
  },
]);

/**
 * A software adapter's memory is the host's; for a GPU WebGPU tells no number, and an allocation that fails says so.
 * @param memoryLimit MiB, where a person sets it
 */
export function limitsOf(device: Device, memoryLimit?: number): Limits {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.device.limits;
  const buffer = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  if (memoryLimit !== undefined) return { buffer, total: memoryLimit * 2 ** 20, says: '--memory-limit allows' };
  const total = device.opened.software ? Math.floor(SHARE * hostMemory()) : Number.POSITIVE_INFINITY;
  return { buffer, total, says: 'this machine can give' };
}

/** Bytes that this process may have: a container's share, where there is one. */
function hostMemory(): number {
  return Math.min(os.totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);
}
