// Broadcasting as numbers for a kernel: the joint index space folded to at most four axes, and each operand's strides in it.
import { InputError } from '../errors.ts';
import { broadcastStrides, type Shape, show } from '../tensor/shape.ts';

/** Axes D0..D3 from outer to inner, and for each operand strides under its letter: A0..A3, B0..B3, ... */
export function broadcastSizes(
  op: string,
  to: Shape,
  operands: Readonly<Record<string, Shape>>,
): Record<string, number> {
  const letters = Object.keys(operands);
  const strides = letters.map((l) => broadcastStrides(operands[l]!, to));
  const axes: { length: number; steps: number[] }[] = [];
  to.forEach((length, i) => {
    if (length === 1) return;
    const steps = strides.map((s) => s[i]!);
    const outer = axes.at(-1);
    // Two axes are one if every operand walks from the outer to the inner one without a gap.
    if (outer?.steps.every((s, j) => s === steps[j]! * length))
      Object.assign(outer, { length: outer.length * length, steps });
    else axes.push({ length, steps });
  });
  if (axes.length > 4)
    throw new InputError(`${op}: broadcasting to ${show(to)} needs more than four axes. Reshape first.`);
  while (axes.length < 4) axes.unshift({ length: 1, steps: letters.map(() => 0) });
  const sizes: Record<string, number> = {};
  axes.forEach(({ length, steps }, i) => {
    sizes[`D${i}`] = length;
    letters.forEach((l, j) => {
      sizes[`${l}${i}`] = steps[j]!;
    });
  });
  return sizes;
}
