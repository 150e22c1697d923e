// Tensors side by side.
import { InputError } from '../errors.ts';
import { sameShape, show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, type Dispatch, defineOp, expectReal, expectType } from './op.ts';
import { rowsOf } from './rows.ts';

/** Columns of `from` into columns of `to`, from these numbers on, as many as the narrower of the two has. */
function copyColumns(from: Tensor, fromFirst: number, to: Tensor, toFirst: number): Dispatch {
  const { R: N, C: fromWidth } = rowsOf('concat', from);
  const { C: toWidth } = rowsOf('concat', to);
  const width = Math.min(fromWidth, toWidth);
  return {
    kernel: 'copy_columns',
    sizes: { N, width, from_width: fromWidth, from_first: fromFirst, to_width: toWidth, to_first: toFirst },
    threads: [N * Math.ceil(width / 4)],
    bind: { x: from, y: to },
  };
}

/** Where each part begins in a row of y. */
function firstColumns(parts: readonly Tensor[]): number[] {
  let next = 0;
  return parts.map((part) => {
    const first = next;
    next += rowsOf('concat', part).C;
    return first;
  });
}

export const concatBackwardOp = defineOp<{ first: number; width: number }>({
  name: 'concat_backward',
  outputs: ({ dy }, { width }) => ({ dx: { shape: [...dy!.shape.slice(0, -1), width], dtype: dy!.dtype } }),
  forms: [
    {
      name: 'columns',
      dispatches: ({ inputs: { dy }, outputs: { dx }, attrs: { first } }) => [copyColumns(dy!, first, dx!, 0)],
    },
  ],
  backward: 'not differentiable',
});

/** Inputs x0, x1, ... */
export const concatOp = defineOp<null>({
  name: 'concat',
  outputs: (inputs) => {
    const parts = Object.values(inputs);
    const { dtype } = parts[0]!;
    const lead = parts[0]!.shape.slice(0, -1);
    expectReal('concat', 'x0', parts[0]!);
    let width = 0;
    for (const [name, part] of Object.entries(inputs)) {
      width += rowsOf('concat', part).C;
      expectType('concat', name, part, dtype);
      if (!sameShape(part.shape.slice(0, -1), lead)) {
        throw new InputError(
          `concat: ${name} has shape ${show(part.shape)}, expected that of x0 ${show(parts[0]!.shape)} but for the last axis.`,
        );
      }
    }
    return { y: { shape: [...lead, width], dtype } };
  },
  forms: [
    {
      name: 'columns',
      dispatches: ({ inputs, outputs: { y } }) => {
        const parts = Object.values(inputs);
        const first = firstColumns(parts);
        return parts.map((part, i) => copyColumns(part, 0, y!, first[i]!));
      },
    },
  ],
  backward: ({ inputs, grads: { y: dy } }) => {
    const parts = Object.values(inputs);
    const first = firstColumns(parts);
    const gradient = (i: number) => () => {
      const { C: width } = rowsOf('concat', parts[i]!);
      return currentTape().push(concatBackwardOp, { dy }, { first: first[i]!, width }).dx!;
    };
    return Object.fromEntries(Object.keys(inputs).map((name, i) => [name, gradient(i)]));
  },
});

/**
 * Parts side by side along the last axis.     parts (...,C0), (...,C1), ...  ->  y (...,C0+C1+...)
 * Each part's gradient is its columns of dy. One part is returned as it is.
 * @throws InputError if there is no part, or the parts differ in another axis
 */
export function concat(parts: readonly Tensor[]): Tensor {
  if (parts.length === 0) throw new InputError('concat: found no parts, expected at least one. Pass the tensors.');
  if (parts.length === 1) return parts[0]!;
  const inputs = Object.fromEntries(parts.map((part, i) => [`x${i}`, part]));
  return currentTape().push(concatOp, inputs, null).y!;
}
