// What a program asks of WebGPU, counted by wrapping the prototypes: the figures of `bench`, and of the tests that hold
// "one submit a step, nothing made after the first".

export interface Counts {
  dispatches: number;
  passes: number;
  submits: number;
  bindgroups: number;
  buffers: number;
  writes: number;
}

/** Bytes of buffers that are alive, and the most there were. Upload and read-back buffers count. */
export interface Bytes {
  live: number;
  peak: number;
}

export interface Counters {
  counts: Counts;
  bytes: Bytes;
  stop(): void;
}

type Method = (...args: unknown[]) => unknown;

/** Counts from now on, in this process, until stop(). */
export function countCalls(): Counters {
  const counts: Counts = { dispatches: 0, passes: 0, submits: 0, bindgroups: 0, buffers: 0, writes: 0 };
  const bytes: Bytes = { live: 0, peak: 0 };
  const sizes = new WeakMap<object, number>();
  const restore: (() => void)[] = [];
  const wrap = (prototype: object, name: string, after: (args: unknown[], result: unknown, self: object) => void) => {
    const methods = prototype as Record<string, Method>;
    const original = methods[name]!;
    methods[name] = function (this: object, ...args: unknown[]) {
      const result = original.apply(this, args);
      after(args, result, this);
      return result;
    };
    restore.push(() => {
      methods[name] = original;
    });
  };
  wrap(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', () => counts.dispatches++);
  wrap(GPUCommandEncoder.prototype, 'beginComputePass', () => counts.passes++);
  wrap(GPUQueue.prototype, 'submit', () => counts.submits++);
  wrap(GPUQueue.prototype, 'writeBuffer', () => counts.writes++);
  wrap(GPUDevice.prototype, 'createBindGroup', () => counts.bindgroups++);
  wrap(GPUDevice.prototype, 'createBuffer', ([descriptor], buffer) => {
    const { size } = descriptor as GPUBufferDescriptor;
    counts.buffers++;
    bytes.live += size;
    bytes.peak = Math.max(bytes.peak, bytes.live);
    sizes.set(buffer as object, size);
  });
  wrap(GPUBuffer.prototype, 'destroy', (_, __, buffer) => {
    bytes.live -= sizes.get(buffer) ?? 0;
    sizes.delete(buffer);
  });
  const stop = () => {
    for (const undo of restore) undo();
  };
  return { counts, bytes, stop };
}
