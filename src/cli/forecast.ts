// Will it fit? Bytes by class from the plans, before anything is allocated or written.
import os from 'node:os';
import { InputError } from '../errors.ts';
import { type GPT2Config, gpt2ParameterCount } from '../nn/gpt2_config.ts';
import { mib } from '../runtime/buffers.ts';
import type { Device } from '../runtime/device.ts';
import { slotsFor } from '../runtime/results.ts';
import { aligned } from '../schedule/memory.ts';
import type { Plan } from '../schedule/plan.ts';
import type { MemoryClass } from '../tensor/tensor.ts';
import type { MemoryBytes } from '../train/events.ts';

/** Parameters above which no adapter that WebGPU reaches could hold the training state. */
const MOST_PARAMETERS = 20e9;
/** WebGPU counts the bytes of a binding in 32 bits. */
const MOST_IN_A_BINDING = 2 ** 32 - 4;

export interface ModelSizes {
  layers: number;
  width: number;
  context: number;
  batch: number;
}

/**
 * What can be said from sizes alone, at once: the model is not made and no graph is traced.
 * @throws InputError with bytes needed and allowed, and what to change
 */
export function refuseSizes(device: Device, config: GPT2Config, sizes: ModelSizes): void {
  const parameters = gpt2ParameterCount(config);
  const hidden = 4 * sizes.batch * sizes.context * sizes.width;
  if (hidden > MOST_IN_A_BINDING)
    throw new InputError(
      `model: the hidden states of a step need ${mib(hidden)} in one buffer, no adapter allows more than ${mib(MOST_IN_A_BINDING)}. ${change(sizes)}`,
    );
  const bytes = 4 * parameters;
  const most = parameters > MOST_PARAMETERS ? 16 * MOST_PARAMETERS : allowedOn(device);
  if (4 * bytes > most)
    throw new InputError(
      `model: training ${parameters.toLocaleString('en')} parameters needs more than ${mib(4 * bytes)} (parameters ${mib(bytes)}, gradients ${mib(bytes)}, optimizer ${mib(2 * bytes)}, besides activations), ` +
        `${parameters > MOST_PARAMETERS ? 'no adapter has' : 'this machine can give'} more than ${mib(most)}. ${change(sizes)}`,
    );
}

/**
 * Bytes by class of the plans of everything that will run on the device, the training step first.
 * @throws InputError with bytes needed and allowed, and what to change
 */
export function refuseTooLarge(device: Device, plans: readonly Plan[], sizes: ModelSizes): MemoryBytes {
  const memory = memoryOfAll(plans);
  const classes = (['parameters', 'gradients', 'optimizer', 'activations'] as const)
    .map((name) => `${name} ${mib(memory[name])}`)
    .join(', ');
  const { maxBufferSize, maxStorageBufferBindingSize } = device.device.limits;
  const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  const largest = Math.max(
    ...plans.flatMap((p) => [...p.arena, p.inputBytes, ...[...p.persistent].map((t) => 4 * t.size)]),
  );
  if (largest > limit)
    throw new InputError(
      `model: one buffer needs ${mib(largest)}, this adapter allows ${mib(limit)} (in all ${mib(memory.total)}: ${classes}). ${change(sizes)}`,
    );
  if (memory.total > allowedOn(device))
    throw new InputError(
      `model: training needs ${mib(memory.total)} (${classes}), this machine can give ${mib(allowedOn(device))}. ${change(sizes)}`,
    );
  return memory;
}

/** A software adapter's memory is the host's; for a GPU WebGPU tells no number, and an allocation that fails says so. */
function allowedOn(device: Device): number {
  return device.opened.software ? 0.8 * os.totalmem() : Number.POSITIVE_INFINITY;
}

function change({ layers, width, context, batch }: ModelSizes): string {
  return `Use fewer --layers (${layers}), a smaller --width (${width}), --context (${context}) or --batch (${batch}).`;
}

/**
 * What a device holds once all of these plans have run: parameters and state once, one arena that is large enough for each,
 * and every plan's own inputs, constants, sizes and results. The latter, and other state, are counted with the activations:
 * they are small, and the sum is exact.
 */
export function memoryOfAll(plans: readonly Plan[]): MemoryBytes {
  const persistent = new Set(plans.flatMap((p) => [...p.persistent]));
  const ofClass = (name: MemoryClass) =>
    sum([...persistent].filter((t) => t.memoryClass === name).map((t) => buffer(4 * t.size)));
  const arena: number[] = [];
  for (const plan of plans) {
    plan.arena.forEach((bytes, i) => {
      arena[i] = Math.max(arena[i] ?? 0, buffer(bytes));
    });
  }
  const own = plans.flatMap((p) => {
    // Results lie in two buffers: one is read while the other is filled.
    const results = buffer(slotsFor(p.outputBytes) * Math.max(16, p.outputBytes));
    return [buffer(p.inputBytes), buffer(p.constantBytes), buffer(p.uniforms.length), results, results];
  });
  const [parameters, gradients, optimizer] = [ofClass('parameters'), ofClass('gradients'), ofClass('optimizer')];
  const activations = sum(arena) + sum(own) + ofClass('other');
  return { parameters, gradients, optimizer, activations, total: parameters + gradients + optimizer + activations };
}

/** As runtime/buffers.ts makes them. */
function buffer(bytes: number): number {
  return aligned(Math.max(bytes, 256));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
