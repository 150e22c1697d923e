// The plan: what a replay does, frozen; print_plan.ts shows it. Dispatches with their buffers and offsets, and the layout of inputs,
// constants and outputs. It names no GPU object; runtime/recording.ts turns it into one.
import type { Graph } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import type { Capabilities } from '../ops/op.ts';
import type { Shape } from '../tensor/shape.ts';
import { bytesOf, type DType, type Tensor } from '../tensor/tensor.ts';
import { halfAliases } from './aliases.ts';
import { gridOf, kernel, MAX_SIZE_BYTES, packSizes } from './kernel.ts';
import { aligned, colour, type Lifetime } from './memory.ts';
import { type KernelTable, type Order, order, type Step } from './order.ts';

export type BufferRef =
  | { kind: 'arena'; slot: number }
  | { kind: 'persistent'; tensor: Tensor }
  | { kind: 'inputs' | 'constants' }
  /** Stands for a binding that a node leaves out: two buffers, because WebGPU refuses one that a dispatch reads and writes. */
  | { kind: 'empty'; access: 'read' | 'read_write' };

export interface Region {
  buffer: BufferRef;
  /** Bytes. */
  offset: number;
  size: number;
}

export interface PlannedBinding extends Region {
  name: string;
  index: number;
  access: 'read' | 'read_write';
  /** The value as the model names it, for printing and for `plan.trace`. */
  value: Tensor | null;
}

export interface PlannedDispatch {
  /** Index of its node in the graph. */
  node: number;
  kernel: string;
  form: string;
  op: string;
  scope: string;
  bindings: PlannedBinding[];
  /** Where its Sizes start in `plan.uniforms`; null if it has none. */
  uniform: number | null;
  constants: Readonly<Record<string, number>>;
  /** Aliases of its kernel that are f16 here. */
  half: readonly string[];
  workgroups: readonly [number, number, number];
  /** Floating-point operations; null where its op counts none. */
  flops: number | null;
}

export interface Slice {
  dtype: DType;
  shape: Shape;
  offset: number;
  bytes: number;
}

export interface PlannedOutput extends Slice {
  from: Region;
}

export interface Plan {
  dispatches: PlannedDispatch[];
  /** Bytes of each arena slot, from large to small. */
  arena: number[];
  uniforms: Uint8Array<ArrayBuffer>;
  inputs: ReadonlyMap<string, Slice>;
  inputBytes: number;
  constants: ReadonlyMap<Tensor, Slice>;
  constantBytes: number;
  /** Copied behind the dispatches into one slot of the output ring. */
  outputs: ReadonlyMap<string, PlannedOutput>;
  outputBytes: number;
  /** Slabs and single tensors that the plan reads or writes. */
  persistent: ReadonlySet<Tensor>;
}

/**
 * The plan of a graph for an adapter.
 * @param table form by op name, where not the first that applies
 * @throws InputError if a kernel cannot be dispatched at this size, or a window starts where a binding cannot
 */
export function makePlan(graph: Graph, capabilities: Capabilities, table: KernelTable = {}): Plan {
  const ordered = order(graph, capabilities, table);
  const slots = colour(lifetimes(ordered, graph));
  const slotOf = new Map(slots.flatMap((s, slot) => s.values.map((v) => [v.root, slot] as const)));
  const inputs = lay(graph.inputs);
  const constants = lay(new Map([...graph.constants].map((t) => [t, t])));

  const persistent = new Set<Tensor>();
  const region = (tensor: Tensor): Region => {
    const { root, offset } = ordered.place(tensor);
    const at = bytesOf(offset, tensor.dtype);
    const size = Math.ceil(bytesOf(tensor.size, tensor.dtype) / 16) * 16;
    if (root.kind === 'input')
      return { buffer: { kind: 'inputs' }, offset: inputs.slices.get(root.name)!.offset + at, size };
    if (root.kind === 'constant')
      return { buffer: { kind: 'constants' }, offset: constants.slices.get(root)!.offset + at, size };
    if (root.kind === 'activation') return { buffer: { kind: 'arena', slot: slotOf.get(root)! }, offset: at, size };
    persistent.add(root);
    return { buffer: { kind: 'persistent', tensor: root }, offset: at, size };
  };

  const uniforms = new Uniforms();
  const dispatches = ordered.steps.map((step): PlannedDispatch => {
    const k = kernel(step.kernel);
    return {
      node: step.node.index,
      kernel: step.kernel,
      form: step.form,
      op: step.node.op.name,
      scope: step.node.scope,
      bindings: bindingsOf(step, region),
      uniform: k.sizes.length > 0 ? uniforms.add(packSizes(k, step.sizes)) : null,
      constants: checkedConstants(step),
      half: halfAliases(step, capabilities),
      workgroups: gridOf(k, step.threads),
      flops: step.flops ?? null,
    };
  });

  const outputs = new Map<string, PlannedOutput>();
  let outputBytes = 0;
  for (const [name, tensor] of graph.outputs) {
    const bytes = bytesOf(tensor.size, tensor.dtype);
    const from = region(tensor);
    if (from.offset % 4 !== 0)
      throw new InputError(
        `result "${name}": starts at byte ${from.offset} of its buffer; copies start at multiples of 4 bytes.`,
      );
    outputs.set(name, { dtype: tensor.dtype, shape: tensor.shape, offset: outputBytes, bytes, from });
    outputBytes += Math.ceil(bytes / 16) * 16;
  }
  return {
    dispatches,
    arena: slots.map((s) => aligned(s.bytes)),
    uniforms: uniforms.bytes(),
    inputs: inputs.slices,
    inputBytes: inputs.bytes,
    constants: constants.slices,
    constantBytes: constants.bytes,
    outputs,
    outputBytes,
    persistent,
  };
}

function lifetimes({ steps, place }: Order, graph: Graph): Lifetime[] {
  const found = new Map<Tensor, Lifetime>();
  const see = (tensor: Tensor, at: number) => {
    const { root, offset } = place(tensor);
    if (root.kind !== 'activation') return;
    const bytes = Math.max(bytesOf(root.size, root.dtype), bytesOf(offset + tensor.size, tensor.dtype), 16);
    const known = found.get(root);
    if (known) Object.assign(known, { last: Math.max(known.last, at), bytes: Math.max(known.bytes, bytes) });
    else found.set(root, { root, bytes, first: at, last: at });
  };
  steps.forEach((step, at) => {
    for (const { name } of kernel(step.kernel).bindings) {
      const tensor = step.bind?.[name] ?? step.values[name];
      if (tensor) see(tensor, at);
    }
  });
  for (const tensor of graph.outputs.values()) see(tensor, steps.length);
  return [...found.values()];
}

function bindingsOf(step: Step, region: (t: Tensor) => Region): PlannedBinding[] {
  const k = kernel(step.kernel);
  for (const name of Object.keys(step.bind ?? {})) {
    if (!k.bindings.some((b) => b.name === name))
      throw new Error(`${step.node.op.name}: kernel ${k.name} has no binding "${name}"`);
  }
  return k.bindings.flatMap(({ name, index, access }) => {
    if (access === 'uniform') return [];
    const value = step.bind?.[name] ?? step.values[name] ?? null;
    if (!value && !k.optional.has(name))
      throw new Error(`${step.node.op.name}: kernel ${k.name} needs "${name}", which the node does not have`);
    const at: Region = value ? region(value) : { buffer: { kind: 'empty', access }, offset: 0, size: 16 };
    if (at.offset % 256 !== 0)
      throw new InputError(
        `${step.node.op.name}: "${name}" starts at byte ${at.offset} of its buffer; slices must start at multiples of ${256 / bytesOf(1, value!.dtype)} elements.`,
      );
    return [{ name, index, access, value, ...at }];
  });
}

function checkedConstants(step: Step): Readonly<Record<string, number>> {
  const { overrides } = kernel(step.kernel);
  for (const name of Object.keys(step.constants ?? {})) {
    if (!overrides.has(name)) throw new Error(`${step.node.op.name}: kernel ${step.kernel} has no override "${name}"`);
  }
  return step.constants ?? {};
}

/** Tensors one behind the other, each at a multiple of 256 bytes. */
function lay<K>(tensors: ReadonlyMap<K, Tensor>): { slices: Map<K, Slice>; bytes: number } {
  const slices = new Map<K, Slice>();
  let bytes = 0;
  for (const [key, { dtype, shape, size }] of tensors) {
    slices.set(key, { dtype, shape, offset: bytes, bytes: bytesOf(size, dtype) });
    bytes += aligned(bytesOf(size, dtype));
  }
  return { slices, bytes };
}

/** The Sizes of all dispatches in one buffer; equal ones stand there once. */
class Uniforms {
  #parts: Uint8Array[] = [];
  #offsets = new Map<string, number>();

  add(sizes: Uint8Array): number {
    const key = sizes.join(',');
    let offset = this.#offsets.get(key);
    if (offset === undefined) {
      offset = this.#parts.length * MAX_SIZE_BYTES;
      this.#offsets.set(key, offset);
      this.#parts.push(sizes);
    }
    return offset;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#parts.length * MAX_SIZE_BYTES);
    this.#parts.forEach((part, i) => {
      all.set(part, i * MAX_SIZE_BYTES);
    });
    return all;
  }
}
