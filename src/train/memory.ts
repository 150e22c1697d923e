// What a run holds on the device, class by class and to the byte: read off its plans, before anything is allocated.
import { READ_BYTES } from '../runtime/device.ts';
import { slotsFor } from '../runtime/results.ts';
import { aligned } from '../schedule/memory.ts';
import type { Plan } from '../schedule/plan.ts';
import { show } from '../tensor/shape.ts';
import { bytesOf, type Tensor } from '../tensor/tensor.ts';
import type { MemoryBytes } from './events.ts';

/** The classes in the order in which they are told, with what a line says of each. */
export const CLASSES = {
  parameters: 'weights',
  gradients: 'one number a weight',
  optimizer: 'moments, steps counted',
  ema: 'averaged weights',
  activations: 'values within a step, shared by all plans',
  inputs: 'tokens and numbers of a step',
  constants: 'fixed values of the plans',
  results: 'losses and logits on their way to the host',
  reading: 'beside a slab that is read for a save',
  others: 'sizes of the dispatches, other state',
} as const;
export type ByteClass = keyof typeof CLASSES;

/** One buffer, and what lies in it. */
export interface LargeBuffer {
  name: string;
  bytes: number;
  class: ByteClass;
}

/** Bytes by class; `total` is their sum, the most that a run holds at any moment, the search for where a NaN began left out. */
export interface RunMemory {
  bytes: Readonly<Record<ByteClass, number>>;
  total: number;
  /** All buffers, from large to small. */
  buffers: readonly LargeBuffer[];
}

/**
 * What a device holds once all of these plans have run and a save has been read: parameters and state once, one arena that is
 * large enough for each, and every plan's own inputs, constants, sizes and results.
 */
export function memoryOf(plans: readonly Plan[]): RunMemory {
  const buffers: LargeBuffer[] = [];
  const hold = (owner: ByteClass, name: string, bytes: number) => {
    buffers.push({ name, bytes: buffer(bytes), class: owner });
  };
  const persistent = new Set(plans.flatMap((p) => [...p.persistent]));
  for (const tensor of persistent) hold(classOf(tensor), tensor.name, bytesOf(tensor.size, tensor.dtype));
  for (const { name, bytes } of arenaOf(plans)) hold('activations', name, bytes);
  for (const plan of plans) {
    hold('inputs', 'inputs', plan.inputBytes);
    hold('constants', 'constants', plan.constantBytes);
    hold('others', 'sizes', plan.uniforms.length);
    // Results lie in two buffers: one is read while the other is filled. A plan without any is never read.
    const page = slotsFor(plan.outputBytes) * Math.max(16, plan.outputBytes);
    for (let i = 0; i < (plan.outputs.size > 0 ? 2 : 1); i++) hold('results', 'results', page);
  }
  // They stand for optional bindings; a device has them from the start.
  for (let i = 0; i < 2; i++) hold('others', 'empty', 0);
  const largest = Math.max(0, ...[...persistent].map((t) => bytesOf(t.size, t.dtype)));
  if (largest > 0) hold('reading', 'reading', Math.min(READ_BYTES, largest));

  const bytes = Object.fromEntries(Object.keys(CLASSES).map((name) => [name, 0])) as Record<ByteClass, number>;
  for (const each of buffers) bytes[each.class] += each.bytes;
  buffers.sort((a, b) => b.bytes - a.bytes);
  return { bytes, total: buffers.reduce((sum, b) => sum + b.bytes, 0), buffers };
}

/** The five figures of the start event: averaged weights count with the optimizer, all that is small with the activations. */
export function eventBytes({ bytes, total }: RunMemory): MemoryBytes {
  const { parameters, gradients } = bytes;
  const optimizer = bytes.optimizer + bytes.ema;
  return { parameters, gradients, optimizer, activations: total - parameters - gradients - optimizer, total };
}

function classOf(tensor: Tensor): ByteClass {
  const name: string = tensor.memoryClass;
  return name !== 'other' && name in CLASSES ? (name as ByteClass) : 'others';
}

/** The shared arena: each slot as large as the plan that asks most of it, named after its largest value there. */
function arenaOf(plans: readonly Plan[]): { name: string; bytes: number }[] {
  const slots: { plan: Plan; bytes: number }[] = [];
  for (const plan of plans) {
    plan.arena.forEach((bytes, i) => {
      if (bytes > (slots[i]?.bytes ?? 0)) slots[i] = { plan, bytes };
    });
  }
  const names = new Map([...new Set(slots.map(({ plan }) => plan))].map((plan) => [plan, largestValues(plan)]));
  return slots.map(({ plan, bytes }, i) => ({ name: names.get(plan)!.get(i) ?? `activations ${i}`, bytes }));
}

/** By slot the name of the largest value that is written there. */
function largestValues(plan: Plan): Map<number, string> {
  const largest = new Map<number, { size: number; name: string }>();
  for (const { scope, op, bindings } of plan.dispatches) {
    for (const { name: binding, buffer: at, access, value, size } of bindings) {
      if (at.kind !== 'arena' || access === 'read' || size <= (largest.get(at.slot)?.size ?? 0)) continue;
      largest.set(at.slot, { size, name: `${scope} ${op} ${binding}${value ? show(value.shape) : ''}`.trim() });
    }
  }
  return new Map([...largest].map(([slot, { name }]) => [slot, name]));
}

/** As runtime/buffers.ts makes them. */
function buffer(bytes: number): number {
  return aligned(Math.max(bytes, 256));
}
