// Which kernel made the first value that is not finite? The step is replayed from unchanged parameters with every value kept.

import type { Traced } from '../autograd/graph.ts';
import type { Batch, Machine } from '../autograd/machine.ts';
import { InputError } from '../errors.ts';
import { ops } from '../ops/index.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A sentence that names the first tensor, operation and kernel with a NaN or an infinity, in the order of execution. */
export async function whoMadeIt(
  machine: Machine,
  fn: (batch: Record<string, Tensor>) => Traced,
  batch: Batch,
): Promise<string> {
  // Backward nodes are dead unless something asks for them: keeping every value does.
  const looking = machine.compile(fn, { keep: () => true });
  try {
    await looking(batch);
    const [replay] = await looking.collect();
    for (const [name, values] of Object.entries(replay!.values)) {
      const at = (values as Float32Array).findIndex((v) => !Number.isFinite(v));
      if (at < 0 || !name.startsWith('#')) continue;
      return `The first such value is ${describe(name)}, element ${at} (${values[at]}).`;
    }
    return 'Every value of the forward and backward pass is finite by itself: the sum of the squares overflowed.';
  } catch (error) {
    if (error instanceof InputError) return `The kernel that made it cannot be named here: ${error.message}`;
    throw error;
  } finally {
    looking.release();
  }
}

/** "#12 h.0.attn matmul.y" in words. */
function describe(name: string): string {
  const words = name.split(' ');
  const [op = '', value = ''] = words.at(-1)!.split('.');
  const scope = words.slice(1, -1).join(' ');
  const kernels = new Set(ops.find((o) => o.name === op)?.forms.map((f) => f.name));
  return `${value} of ${op}${scope ? ` in ${scope}` : ''} (kernel ${op}${kernels.size > 1 ? `, form ${[...kernels].join(' or ')}` : ''})`;
}
