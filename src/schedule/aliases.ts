// What a kernel stores values as follows from what is bound to it: its aliases of f32 take the type f16 where values are f16.
import { InputError } from '../errors.ts';
import type { Capabilities } from '../ops/op.ts';
import { type DType, isReal } from '../tensor/tensor.ts';
import { kernel } from './kernel.ts';
import type { Step } from './order.ts';

/**
 * Aliases that take the type f16 from what is bound. Bindings that are left out do not vote.
 * @throws Error where the types of one alias differ, or a binding without an alias would be f16
 * @throws InputError where the adapter cannot compute with f16
 */
export function halfAliases(step: Step, { features }: Capabilities): string[] {
  const k = kernel(step.kernel);
  const op = step.node.op.name;
  const chosen = new Map<string, { name: string; dtype: DType }>();
  for (const { name, element, access } of k.bindings) {
    const value = step.bind?.[name] ?? step.values[name];
    if (access === 'uniform' || !value) continue;
    const { dtype } = value;
    if (!k.aliases.includes(element)) {
      if (dtype === 'f16' && !k.anyType.has(name))
        throw new Error(`${op}: "${name}" holds ${dtype}, kernel ${k.name} takes ${element} there`);
      continue;
    }
    const first = chosen.get(element);
    if (!isReal(dtype)) throw new Error(`${op}: "${name}" holds ${dtype}, kernel ${k.name} takes f32 or f16 there`);
    if (first && first.dtype !== dtype)
      throw new Error(
        `${op}: "${first.name}" holds ${first.dtype} and "${name}" ${dtype}, kernel ${k.name} takes one type for both (${element})`,
      );
    if (!first) chosen.set(element, { name, dtype });
  }
  const half = k.aliases.filter((alias) => chosen.get(alias)?.dtype === 'f16');
  if (half.length > 0 && !features.has('shader-f16'))
    throw new InputError(`${op}: stores values as f16, this adapter has no shader-f16. Use f32.`);
  return half;
}
