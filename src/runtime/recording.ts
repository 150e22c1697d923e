// Plan -> GPU objects -> replay. A recording owns the buffers that belong to one plan alone and a flat list of (pipeline,
// bind group, grid); a replay writes the inputs, encodes the list into one pass and submits once.
import { kernel } from '../schedule/kernel.ts';
import { aligned } from '../schedule/memory.ts';
import type { BufferRef, Plan, Region } from '../schedule/plan.ts';
import { sizeOf } from '../tensor/shape.ts';
import { storedBytes, toStored } from '../tensor/stored.ts';
import type { Buffers, Store } from './buffers.ts';
import type { Pipelines } from './pipelines.ts';

const WORK = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

/** The activations of all plans: memory is the largest plan, not the sum. Slots are sorted from large to small. */
export class Arena {
  #buffers: Buffers;
  #slots: (GPUBuffer | undefined)[] = [];
  /** Changes when a buffer was replaced: bind groups made before are stale. */
  version = 0;

  constructor(buffers: Buffers) {
    this.#buffers = buffers;
  }

  /** Makes room for a plan. @throws InputError when the adapter cannot have a buffer of that size */
  fit(sizes: readonly number[]): void {
    sizes.forEach((bytes, i) => {
      const old = this.#slots[i];
      if (old && old.size >= bytes) return;
      if (old) {
        this.#buffers.destroy(old);
        this.#slots[i] = undefined; // the larger one may be refused
        this.version++;
      }
      this.#slots[i] = this.#buffers.create(`activations ${i}`, bytes, WORK());
    });
  }

  slot(i: number): GPUBuffer {
    return this.#slots[i]!;
  }

  release(): void {
    for (const b of this.#slots) if (b) this.#buffers.destroy(b);
    this.#slots = [];
    this.version++;
  }
}

interface Item {
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  x: number;
  y: number;
  z: number;
}

/** What all recordings of a device share. */
export interface Shared {
  device: GPUDevice;
  buffers: Buffers;
  store: Store;
  arena: Arena;
  pipelines: Pipelines;
  /** Stand for optional bindings that a node leaves out. */
  empty: Readonly<Record<'read' | 'read_write', GPUBuffer>>;
}

/** The GPU's side of one plan. */
export class Recording {
  readonly plan: Plan;
  #shared: Shared;
  #own: { inputs: GPUBuffer; constants: GPUBuffer; uniforms: GPUBuffer };
  #items: Item[] = [];
  #madeFor = '';
  readonly upload: ArrayBuffer;

  constructor(plan: Plan, shared: Shared) {
    this.plan = plan;
    this.#shared = shared;
    const { buffers, device } = shared;
    this.upload = new ArrayBuffer(aligned(Math.max(plan.inputBytes, 256)));
    this.#own = {
      inputs: buffers.create('inputs', plan.inputBytes, WORK()),
      constants: buffers.create('constants', plan.constantBytes, WORK()),
      uniforms: buffers.create('uniforms', plan.uniforms.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST),
    };
    if (plan.uniforms.length > 0) device.queue.writeBuffer(this.#own.uniforms, 0, plan.uniforms);
    for (const [tensor, { offset }] of plan.constants) {
      device.queue.writeBuffer(this.#own.constants, offset, toStored(tensor.dtype, tensor.firstValues()!));
    }
  }

  /** Parameters and state of the plan that are not there yet, with their first values. */
  fillStore(): void {
    for (const tensor of this.plan.persistent) this.#shared.store.buffer(tensor);
  }

  /** Makes bind groups, again only where a buffer has been replaced since. Pipelines are compiled by then. */
  bind(): void {
    const { arena, store, device, pipelines } = this.#shared;
    arena.fit(this.plan.arena);
    this.fillStore();
    const version = `${arena.version} ${store.version}`;
    if (this.#madeFor === version) return;
    this.#items = this.plan.dispatches.map((d) => {
      const { pipeline, layout } = pipelines.get(d);
      const entries: GPUBindGroupEntry[] = d.bindings.map((b) => ({
        binding: b.index,
        resource: { buffer: this.#buffer(b.buffer), offset: b.offset, size: b.size },
      }));
      const k = kernel(d.kernel);
      const uniform = k.bindings.find((b) => b.access === 'uniform');
      if (uniform)
        entries.push({
          binding: uniform.index,
          resource: { buffer: this.#own.uniforms, offset: d.uniform!, size: k.sizeBytes },
        });
      const [x, y, z] = d.workgroups;
      return { pipeline, group: device.createBindGroup({ label: `${d.scope} ${d.op}`, layout, entries }), x, y, z };
    });
    this.#madeFor = version;
  }

  /** One replay: `upload` is written, the list encoded, outputs copied to `ring` at `ringOffset`, all submitted at once. */
  replay(ring: GPUBuffer, ringOffset: number): void {
    this.bind();
    const { device } = this.#shared;
    if (this.plan.inputBytes > 0) device.queue.writeBuffer(this.#own.inputs, 0, this.upload);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let last: GPUComputePipeline | null = null;
    for (const { pipeline, group, x, y, z } of this.#items) {
      if (pipeline !== last) pass.setPipeline((last = pipeline));
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y, z);
    }
    pass.end();
    for (const out of this.plan.outputs.values()) {
      encoder.copyBufferToBuffer(
        this.#buffer(out.from.buffer),
        out.from.offset,
        ring,
        ringOffset + out.offset,
        storedBytes(sizeOf(out.shape), out.dtype),
      );
    }
    device.queue.submit([encoder.finish()]);
  }

  /**
   * Encodes a replay with a pass for each dispatch, for whoever times them; outputs are not copied. `upload` is written at once.
   * @param timesOf where the times of dispatch `i` go
   */
  encodeApart(encoder: GPUCommandEncoder, timesOf: (i: number) => GPUComputePassTimestampWrites): void {
    this.bind();
    const { queue } = this.#shared.device;
    if (this.plan.inputBytes > 0) queue.writeBuffer(this.#own.inputs, 0, this.upload);
    this.#items.forEach(({ pipeline, group, x, y, z }, i) => {
      const pass = encoder.beginComputePass({ timestampWrites: timesOf(i) });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y, z);
      pass.end();
    });
  }

  /** What a replay begins with, for whoever encodes its dispatches one by one. */
  begin(): void {
    this.bind();
    if (this.plan.inputBytes > 0) this.#shared.device.queue.writeBuffer(this.#own.inputs, 0, this.upload);
  }

  /** Encodes dispatches `from` up to `to`, which is left out, in a pass of their own, each so many times in a row. */
  encode(encoder: GPUCommandEncoder, from: number, to: number, times = 1): void {
    if (from >= to) return;
    const pass = encoder.beginComputePass();
    for (const { pipeline, group, x, y, z } of this.#items.slice(from, to)) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      for (let i = 0; i < times; i++) pass.dispatchWorkgroups(x, y, z);
    }
    pass.end();
  }

  /** Encodes a copy of what stands in a region by then, `bytes` of it. */
  encodeCopy(encoder: GPUCommandEncoder, { buffer, offset }: Region, bytes: number, to: GPUBuffer, at: number): void {
    encoder.copyBufferToBuffer(this.#buffer(buffer), offset, to, at, bytes);
  }

  #buffer(ref: BufferRef): GPUBuffer {
    switch (ref.kind) {
      case 'arena':
        return this.#shared.arena.slot(ref.slot);
      case 'persistent':
        return this.#shared.store.buffer(ref.tensor);
      case 'inputs':
        return this.#own.inputs;
      case 'constants':
        return this.#own.constants;
      case 'empty':
        return this.#shared.empty[ref.access];
    }
  }

  release(): void {
    for (const b of Object.values(this.#own)) this.#shared.buffers.destroy(b);
    this.#items = [];
  }
}
