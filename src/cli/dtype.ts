// What a model's values are stored as, as a person asks for it and as the adapter allows it.
import type { Device } from '../runtime/device.ts';
import type { Precision } from '../tensor/tensor.ts';
import type { Output } from './output.ts';

/** The flag, for commands to put among theirs. */
export const DTYPE_FLAG = {
  name: 'dtype',
  type: 'choice',
  group: 'model',
  choices: ['f32', 'f16'],
  help: 'what values between layers and their gradients are stored as; f16 takes half the memory; sums, and weights that are trained, stay f32',
} as const;

/** Whether the device computes with f16. */
export function hasHalf({ capabilities }: Device): boolean {
  return capabilities.features.has('shader-f16');
}

/** What is asked for; where that is f16 and the adapter has none, f32, and one line says so. */
export function dtypeOn(device: Device, wanted: Precision, out: Output): Precision {
  if (wanted === 'f32' || hasHalf(device)) return wanted;
  out.note('dtype: f16 is not available on this adapter (it has no shader-f16), f32 is used');
  return 'f32';
}
