// Which kernel made the first value that is not finite? The step is replayed from unchanged parameters with every value kept.

import type { Traced } from '../autograd/graph.ts';
import type { Batch, Machine } from '../autograd/machine.ts';
import { InputError, RunError } from '../errors.ts';
import { Device } from '../runtime/device.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Sentences that name the parameter and the first value, operation and kernel with a NaN or an infinity, in the order of execution. */
export async function whoMadeIt(
  machine: Machine,
  parameters: readonly Tensor[],
  fn: (batch: Record<string, Tensor>) => Traced,
  batch: Batch,
): Promise<string> {
  const damaged = await damagedParameter(machine, parameters);
  // Backward nodes are dead unless something asks for them: keeping every value does.
  const looking = machine.compile(fn, { keep: () => true });
  try {
    await looking(batch);
    const [replay] = await looking.collect();
    for (const [name, values] of Object.entries(replay!.values)) {
      const at = (values as Float32Array).findIndex((v) => !Number.isFinite(v));
      if (at < 0 || !name.startsWith('#')) continue;
      return `${damaged}The first such value is ${describe(name, machine, fn, batch)}, element ${at} (${values[at]}).`;
    }
    return 'Every value of the forward and backward pass is finite by itself: the sum of the squares overflowed.';
  } catch (error) {
    if (error instanceof InputError || error instanceof RunError)
      return `${damaged}The kernel that made it cannot be named here: ${error.message}`;
    throw error;
  } finally {
    looking.release();
  }
}

/** A weight that is not finite itself, as a sentence with a space behind it; '' if all are. */
async function damagedParameter(machine: Machine, parameters: readonly Tensor[]): Promise<string> {
  for (const parameter of parameters) {
    const values = (await machine.read(parameter)) as Float32Array;
    const at = values.findIndex((v) => !Number.isFinite(v));
    if (at >= 0) return `The weight ${parameter.name} holds ${values[at]} at element ${at}. `;
  }
  return '';
}

/** "#12 h.0.attn matmul.y" in words, with the kernels that computed it. */
function describe(name: string, machine: Machine, fn: Parameters<Machine['compile']>[0], batch: Batch): string {
  const words = name.split(' ');
  const [op = '', value = ''] = words.at(-1)!.split('.');
  const scope = words.slice(1, -1).join(' ');
  const dispatches = machine instanceof Device ? machine.plan(fn, batch).dispatches : [];
  const kernels = new Set(dispatches.filter((d) => d.op === op && d.scope === scope).map((d) => d.kernel));
  return `${value} of ${op}${scope ? ` in ${scope}` : ''} (kernel ${[...kernels].join(', ') || op})`;
}
