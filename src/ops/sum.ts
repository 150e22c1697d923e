// Sums over axes, in a fixed order: the same bits on every run.
import { InputError } from '../errors.ts';
import { type Shape, sameShape, show, sizeOf } from '../tensor/shape.ts';
import type { DType, Tensor } from '../tensor/tensor.ts';
import { cast } from './cast.ts';
import { expand } from './expand.ts';
import { currentTape, defineOp, expectReal } from './op.ts';
import { reshape } from './reshape.ts';
import { scale } from './scale.ts';

/** x is read as (outer, R, inner) and summed over R. */
export interface SumAttrs {
  outer: number;
  R: number;
  inner: number;
  /** y's type; x's when absent. The sum itself is made in f32. */
  dtype?: DType;
}

/** Elements summed by one invocation, where few invocations would otherwise do all the work. */
const CHUNK = 128;

export const sumOp = defineOp<SumAttrs>({
  name: 'sum',
  outputs: ({ x }, { outer, inner, dtype }) => {
    expectReal('sum', 'x', x!);
    return { y: { shape: [outer, inner], dtype: dtype ?? x!.dtype } };
  },
  forms: [
    {
      name: 'two_stages',
      when: ({ attrs: { outer, R, inner } }) => R >= 4 * CHUNK && outer * inner < 2048,
      scratch: ({ attrs: { outer, R, inner } }) => ({ partial: { shape: [outer, Math.ceil(R / CHUNK), inner] } }),
      dispatches: ({ inputs, outputs, attrs: { outer, R, inner } }, { partial }) => {
        const parts = Math.ceil(R / CHUNK);
        const second = { x: partial!, y: outputs.y! };
        return [
          {
            kernel: 'sum',
            sizes: { N: outer * parts * inner, R, inner, parts, chunk: CHUNK },
            threads: [outer * parts * inner],
            bind: { x: inputs.x!, y: partial! },
          },
          {
            kernel: 'sum',
            sizes: { N: outer * inner, R: parts, inner, parts: 1, chunk: parts },
            threads: [outer * inner],
            bind: second,
          },
        ];
      },
    },
    {
      name: 'one_stage',
      dispatches: ({ attrs: { outer, R, inner } }) => [
        { kernel: 'sum', sizes: { N: outer * inner, R, inner, parts: 1, chunk: R }, threads: [outer * inner] },
      ],
    },
  ],
  backward: ({ inputs: { x }, attrs: { outer, R, inner }, grads }) => ({
    x: reshape(expand(reshape(cast(grads.y!, x!.dtype), [outer, 1, inner]), [outer, R, inner]), x!.shape),
  }),
});

/** x summed over neighbouring axes `from` to `to` (inclusive), which leave the shape. */
function sumAxes(x: Tensor, from: number, to: number, dtype: DType): Tensor {
  const attrs = {
    dtype,
    outer: sizeOf(x.shape.slice(0, from)),
    R: sizeOf(x.shape.slice(from, to + 1)),
    inner: sizeOf(x.shape.slice(to + 1)),
  };
  const y = currentTape().push(sumOp, { x }, attrs).y!;
  return reshape(y, [...x.shape.slice(0, from), ...x.shape.slice(to + 1)]);
}

/**
 * x summed down to `shape`: over the axes that broadcasting from `shape` to x's shape would repeat.
 * @param dtype of the result; sums of f16 may lie beyond its range
 * @throws InputError if `shape` does not broadcast to x's shape
 */
export function sumTo(x: Tensor, shape: Shape, dtype: DType = x.dtype): Tensor {
  const lead = x.shape.length - shape.length;
  const gone = x.shape.map((d, i) => i < lead || (shape[i - lead] === 1 && d !== 1));
  if (lead < 0 || x.shape.some((d, i) => i >= lead && !gone[i] && d !== shape[i - lead])) {
    throw new InputError(`sum: ${show(x.shape)} cannot be summed down to ${show(shape)}.`);
  }
  const runs: [from: number, to: number][] = [];
  for (let i = x.shape.length - 1; i >= 0; i--) {
    if (!gone[i]) continue;
    const last = i;
    while (i > 0 && gone[i - 1]) i--;
    runs.push([i, last]);
  }
  let y = x;
  for (const [n, [from, to]] of runs.entries()) y = sumAxes(y, from, to, n + 1 < runs.length ? 'f32' : dtype);
  return cast(sameShape(y.shape, shape) ? y : reshape(y, shape), dtype);
}

/** Sum of all elements. Shape (1), f32 whatever x is stored in. */
export function sum(x: Tensor): Tensor {
  return sumTo(x, [1], 'f32');
}

/** Mean of all elements. Shape (1), f32 whatever x is stored in. */
export function mean(x: Tensor): Tensor {
  return scale(sum(x), 1 / x.size);
}
