// Will it fit? Bytes by class from the plan, before anything is allocated or written.
import os from 'node:os';
import type { Batch } from '../autograd/machine.ts';
import { InputError } from '../errors.ts';
import { mib } from '../runtime/buffers.ts';
import type { Device } from '../runtime/device.ts';
import { type MemoryByClass, memoryOf } from '../schedule/plan.ts';
import type { MemoryBytes } from '../train/events.ts';
import type { Trainer } from '../train/trainer.ts';

/** Parameters above which a graph is not even traced: no adapter that WebGPU reaches could hold the training state. */
const MOST_PARAMETERS = 20e9;
/** Replays whose results are kept: see runtime/compiled.ts. */
const RING = 64;

/** Bytes by class of a training step. @throws InputError with bytes needed and allowed, and what to change */
export function refuseTooLarge(
  device: Device,
  trainer: Trainer,
  batch: Batch,
  sizes: { layers: number; width: number; context: number; batch: number },
): MemoryBytes {
  const parameters = trainer.model.parameters.reduce((n, p) => n + p.size, 0);
  const change = `Use fewer --layers (${sizes.layers}), a smaller --width (${sizes.width}), --context (${sizes.context}) or --batch (${sizes.batch}).`;
  if (parameters > MOST_PARAMETERS)
    throw new InputError(
      `model: ${parameters.toLocaleString('en')} parameters need ${mib(16 * parameters)} for training, which no adapter has. ${change}`,
    );
  const plan = device.plan(trainer.stepFunction, batch);
  const bytes = memoryOf(plan, RING);
  const total = Object.values(bytes).reduce((a, b) => a + b, 0);
  const { parameters: p, gradients, optimizer, activations } = bytes;
  const classes = `parameters ${mib(p)}, gradients ${mib(gradients)}, optimizer ${mib(optimizer)}, activations ${mib(activations)}`;
  const limit = Math.min(device.device.limits.maxBufferSize, device.device.limits.maxStorageBufferBindingSize);
  const largest = Math.max(...plan.arena, ...[...plan.persistent].map((t) => 4 * t.size));
  if (largest > limit)
    throw new InputError(
      `model: one buffer needs ${mib(largest)}, this adapter allows ${mib(limit)} (in all ${mib(total)}: ${classes}). ${change}`,
    );
  // A software adapter's memory is the host's; for a GPU WebGPU tells no number, and an allocation that fails says so.
  const allowed = device.opened.software ? 0.8 * os.totalmem() : Number.POSITIVE_INFINITY;
  if (total > allowed)
    throw new InputError(
      `model: training needs ${mib(total)} (${classes}), this machine has ${mib(allowed)} to give. ${change}`,
    );
  return { parameters: p, gradients, optimizer, activations: activations + rest(bytes), total };
}

/** Inputs, results and other state are counted with the activations: they are small, and the sum is exact. */
function rest({ other, inputs, outputs }: MemoryByClass): number {
  return other + inputs + outputs;
}
