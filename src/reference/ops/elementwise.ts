// add, mul, scale, cast, dropout, expand and copying, one element at a time.
import { keepFactor } from '../../ops/dropout_mask.ts';
import { broadcastStrides, type Shape, sizeOf, stridesOf } from '../../tensor/shape.ts';
import { fill, type References, rowsOf, startFrom } from './reference.ts';

/** For every element of `to`, the index of the element of `shape` that broadcasting puts there. */
function sourceIndex(shape: Shape, to: Shape): Int32Array {
  const [target, source] = [stridesOf(to), broadcastStrides(shape, to)];
  return Int32Array.from({ length: sizeOf(to) }, (_, i) =>
    to.reduce((at, length, axis) => at + (Math.floor(i / target[axis]!) % length) * source[axis]!, 0),
  );
}

export const elementwise: References = {
  /** y = a + b */
  add: ({ a, b }, { inputs, outputs: { y } }) => {
    const [ai, bi] = [sourceIndex(inputs.a!.shape, y!.shape), sourceIndex(inputs.b!.shape, y!.shape)];
    return { y: fill(y!.size, (i) => a![ai[i]!]! + b![bi[i]!]!) };
  },

  /** y = a * b */
  mul: ({ a, b }, { inputs, outputs: { y } }) => {
    const [ai, bi] = [sourceIndex(inputs.a!.shape, y!.shape), sourceIndex(inputs.b!.shape, y!.shape)];
    return { y: fill(y!.size, (i) => a![ai[i]!]! * b![bi[i]!]!) };
  },

  /** y = x: the twin rounds what is stored */
  cast: ({ x }) => ({ y: fill(x!.length, (i) => x![i]!) }),

  /** y = factor * x */
  scale: ({ x }, { attrs: { factor } }) => ({ y: fill(x!.length, (i) => factor * x![i]!) }),

  /** y = x / (1-p) where the mask keeps the element, else 0 */
  dropout: ({ x, randomStep }, { attrs }) => {
    const factor = keepFactor(attrs, randomStep![0]!);
    return { y: fill(x!.length, (i) => (factor(i) > 0 ? factor(i) * x![i]! : 0)) };
  },

  /** y = x, repeated */
  expand: ({ x }, { inputs, outputs: { y } }) => {
    const from = sourceIndex(inputs.x!.shape, y!.shape);
    return { y: fill(y!.size, (i) => x![from[i]!]!) };
  },

  /** state = value */
  assign: ({ value }) => ({ state: Float64Array.from(value!) }),

  /** dx = dy in the window, added onto what is there */
  part_backward: ({ dy, add }, { outputs, attrs: { start } }) => {
    const dx = startFrom(add, outputs.dx!.size);
    for (let i = 0; i < dy!.length; i++) dx[start + i]! += dy![i]!;
    return { dx };
  },

  /** Rows of y are rows of the parts, one behind the other. */
  concat: (values, { inputs, outputs: { y } }) => {
    const { rows } = rowsOf(y!);
    const row = (r: number) =>
      Object.entries(inputs).flatMap(([name, part]) => {
        const { width } = rowsOf(part);
        return [...values[name]!.subarray(r * width, (r + 1) * width)];
      });
    return { y: Float64Array.from(Array.from({ length: rows }, (_, r) => row(r)).flat()) };
  },

  /** dx = columns of dy */
  concat_backward: ({ dy }, { inputs, outputs: { dx }, attrs: { first, width } }) => {
    const from = rowsOf(inputs.dy!).width;
    return { dx: fill(dx!.size, (i) => dy![Math.floor(i / width) * from + first + (i % width)]!) };
  },
};
