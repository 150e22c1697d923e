// Shapes are plain lists of whole numbers, outermost axis first. Everything here is arithmetic on them.
import { InputError } from '../errors.ts';

export type Shape = readonly number[];

/** Number of elements of a shape; 1 for the scalar shape []. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** (4,64,768), as messages and plans print it. */
export function show(shape: Shape): string {
  return `(${shape.join(',')})`;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/**
 * The shape two operands broadcast to, as NumPy does: axes are aligned at the end, an axis of 1 is repeated.
 * @throws InputError naming `op` when two axes differ and neither is 1
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new InputError(`${op}: shapes ${show(a)} and ${show(b)} do not broadcast: axis ${i} has ${x} and ${y}.`);
    }
    return Math.max(x, y);
  });
}

/** Strides that read a tensor of `shape` as if it had shape `to`: 0 along repeated axes. */
export function broadcastStrides(shape: Shape, to: Shape): number[] {
  const own = stridesOf(shape);
  return to.map((_, i) => {
    const j = i - to.length + shape.length;
    return j < 0 || shape[j] === 1 ? 0 : own[j]!;
  });
}
