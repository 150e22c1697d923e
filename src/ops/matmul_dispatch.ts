// What the ways to compute a product of matrices share: its sizes, its strides, and what is done to it before it is stored.
import { dimensions, type MatmulAttrs } from './matmul_shape.ts';
import type { Dispatch, Form, Site } from './op.ts';

export type MatmulForm = Form<MatmulAttrs>;
export type MatmulSite = Site<MatmulAttrs>;

export const shapeOf = ({ inputs, attrs }: MatmulSite) => dimensions(inputs, attrs);
export const flag = (value: unknown) => (value ? 1 : 0);

/** What is done to a product before it is stored. */
export function epilogue({ inputs, outputs }: MatmulSite) {
  return {
    HAS_BIAS: flag(inputs.bias),
    HAS_RESIDUAL: flag(inputs.residual),
    ACCUMULATE: flag(inputs.add),
    HAS_SUMS: flag(outputs.sums),
    ACCUMULATE_SUMS: flag(inputs.addSums),
  };
}

/** Elements from one row, and from one column, to the next. */
export function aStrides({ M, K }: { M: number; K: number }, { transposeA }: MatmulAttrs) {
  return transposeA ? { a_row: 1, a_col: M } : { a_row: K, a_col: 1 };
}
export function bStrides({ N, K }: { N: number; K: number }, { transposeB }: MatmulAttrs) {
  return transposeB ? { b_row: 1, b_col: K } : { b_row: N, b_col: 1 };
}

/** A kernel that makes the whole product in one dispatch, with the sizes that it has beside M, N, K and what is done in passing. */
export function whole(kernel: string, site: MatmulSite, sizes: Record<string, number>, b = site.inputs.b!): Dispatch {
  const { batch, M, N, K } = shapeOf(site);
  return {
    kernel,
    sizes: { M, N, K, ...sizes, ...epilogue(site) },
    threads: [N, M, batch],
    bind: { b, y: site.outputs.y! },
    flops: 2 * M * N * K * batch,
  };
}

/** Of both. */
export const strides = (site: MatmulSite) => ({
  ...aStrides(shapeOf(site), site.attrs),
  ...bStrides(shapeOf(site), site.attrs),
});

/** The second half of a product in parts. */
export function addParts(site: MatmulSite, PARTS: number): Dispatch {
  const { batch, M, N } = shapeOf(site);
  const COUNT = batch * M * N;
  return { kernel: 'matmul_sum', sizes: { COUNT, N, PARTS, ...epilogue(site) }, threads: [COUNT] };
}
