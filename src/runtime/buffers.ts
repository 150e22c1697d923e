// The one owner of GPU buffers: who asks for one gets it here, so that live bytes are known and nothing leaks.
import { DeviceLostError, InputError, RunError } from '../errors.ts';
import { aligned } from '../schedule/memory.ts';
import { storedBytes, toStored } from '../tensor/stored.ts';
import { bytesOf, checkWritten, type HostArray, type Tensor } from '../tensor/tensor.ts';

/** Makes and destroys buffers, and counts their bytes. */
export class Buffers {
  readonly device: GPUDevice;
  liveBytes = 0;
  peakBytes = 0;
  created = 0;
  #live = new Map<GPUBuffer, number>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** @throws InputError when the adapter cannot have a buffer of that size */
  create(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = aligned(Math.max(bytes, 256));
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const limit = usage & GPUBufferUsage.STORAGE ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
    if (size > limit) {
      throw new InputError(
        `${label}: needs ${mib(size)} in one buffer, this adapter allows ${mib(limit)}. Use a smaller model, batch or context.`,
      );
    }
    const buffer = this.device.createBuffer({ label, size, usage });
    this.#live.set(buffer, size);
    this.created++;
    this.liveBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    return buffer;
  }

  destroy(buffer: GPUBuffer): void {
    this.liveBytes -= this.#live.get(buffer) ?? 0;
    this.#live.delete(buffer);
    buffer.destroy();
  }

  destroyAll(): void {
    for (const buffer of [...this.#live.keys()]) this.destroy(buffer);
  }

  get count(): number {
    return this.#live.size;
  }
}

export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MiB`;
}

/** Parameters and state: one buffer a slab (or a single tensor), made with its first values when a plan first uses it. */
export class Store {
  #buffers: Buffers;
  #map = new Map<Tensor, GPUBuffer>();
  /** Changes when buffers were given back: bind groups made before are stale. */
  version = 0;

  constructor(buffers: Buffers) {
    this.#buffers = buffers;
  }

  /** @param root a slab, or a tensor that is in none */
  buffer(root: Tensor): GPUBuffer {
    let buffer = this.#map.get(root);
    if (!buffer) {
      buffer = this.#buffers.create(
        root.name,
        storedBytes(root.size, root.dtype),
        GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      );
      this.#map.set(root, buffer);
      const values = root.firstValues();
      if (values) this.#buffers.device.queue.writeBuffer(buffer, 0, toStored(root.dtype, values));
    }
    return buffer;
  }

  /**
   * A store of its own with the present values of these, for whoever wants to see what a plan would do to them.
   * @param roots slabs, or tensors that are in none
   */
  copied(roots: Iterable<Tensor>): Store {
    const copy = new Store(this.#buffers);
    const { device } = this.#buffers;
    const encoder = device.createCommandEncoder();
    try {
      for (const root of roots) {
        const from = this.buffer(root);
        const to = this.#buffers.create(`copy of ${root.name}`, from.size, from.usage);
        copy.#map.set(root, to);
        encoder.copyBufferToBuffer(from, 0, to, 0, from.size);
      }
    } catch (error) {
      copy.release([...copy.#map.keys()]);
      throw error;
    }
    device.queue.submit([encoder.finish()]);
    return copy;
  }

  /** @throws InputError as checkWritten */
  write(tensor: Tensor, data: HostArray, start?: number): void {
    checkWritten(tensor, data, start);
    const { buffer, offset } = this.at(tensor);
    const at = offset + bytesOf(start ?? 0, tensor.dtype);
    this.#buffers.device.queue.writeBuffer(buffer, at, toStored(tensor.dtype, data));
  }

  /** Where the values of a parameter or of state stand, in bytes. @throws InputError for any other tensor */
  at(tensor: Tensor): { buffer: GPUBuffer; offset: number } {
    if (!tensor.persistent)
      throw new InputError(
        `${tensor}: only parameters and state can be read and written; return other values from the compiled function.`,
      );
    return { buffer: this.buffer(tensor.slab ?? tensor), offset: bytesOf(tensor.slabOffset, tensor.dtype) };
  }

  /** A slice stands for its whole slab. */
  release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) {
      const root = tensor.slab ?? tensor;
      const buffer = this.#map.get(root);
      if (!buffer) continue;
      this.version++;
      this.#map.delete(root);
      this.#buffers.destroy(buffer);
    }
  }
}

/** Checks that nothing is dead or wrong before a result is believed. */
export class Health {
  #failure: Error | null = null;

  constructor(device: GPUDevice) {
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      const memory = typeof GPUOutOfMemoryError !== 'undefined' && error instanceof GPUOutOfMemoryError;
      this.fail(
        memory
          ? new RunError(
              `the adapter is out of memory (${firstLine(error.message)}). Use a smaller model, batch or context.`,
            )
          : new Error(`WebGPU refused a command: ${firstLine(error.message)}`),
      );
    });
    void device.lost.then((info) => {
      this.fail(
        new DeviceLostError(
          `the GPU device was lost (${info.reason || 'unknown reason'}${info.message ? `: ${firstLine(info.message)}` : ''}).`,
        ),
      );
    });
  }

  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** @throws the first failure since the device was opened */
  check(): void {
    if (this.#failure) throw this.#failure;
  }
}

function firstLine(text: string): string {
  return text.split('\n').find((l) => l.trim()) ?? text;
}
