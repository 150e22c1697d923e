// add, mul, scale, expand and copying, one element at a time.
import { broadcastStrides, type Shape, sizeOf, stridesOf } from '../../tensor/shape.ts';
import { fill, type References } from './reference.ts';

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

  /** y = factor * x */
  scale: ({ x }, { attrs: { factor } }) => ({ y: fill(x!.length, (i) => factor * x![i]!) }),

  /** y = x, repeated */
  expand: ({ x }, { inputs, outputs: { y } }) => {
    const from = sourceIndex(inputs.x!.shape, y!.shape);
    return { y: fill(y!.size, (i) => x![from[i]!]!) };
  },

  /** state = value */
  assign: ({ value }) => ({ state: Float64Array.from(value!) }),
};
