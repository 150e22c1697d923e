// Products of few rows, as decoding asks for: reading b once is all there is to do.
import { addParts, epilogue, flag, type MatmulForm, type MatmulSite, shapeOf, strides } from './matmul_dispatch.ts';
import { rowForm } from './matmul_row.ts';
import { onSoftware } from './op.ts';

/** Rows of a: of a b that others would have to pack first, more. */
const few = (site: MatmulSite) => shapeOf(site).batch === 1 && shapeOf(site).M <= (site.attrs.transposeB ? 4 : 2);

/** One dispatch with long loops: what an adapter that runs on the CPU likes, which pays for every workgroup and for every dispatch. */
const longForm: MatmulForm = {
  name: 'vector_long',
  prefers: onSoftware,
  when: (site) => {
    const { batch, M, N, K } = shapeOf(site);
    const { transposeA, transposeB } = site.attrs;
    return batch === 1 && M <= 4 && (!transposeA || M === 1) && (transposeB ? K % 4 === 0 : N % 4 === 0);
  },
  dispatches: (site) => {
    const { M, N, K } = shapeOf(site);
    const { HAS_BIAS, HAS_RESIDUAL, ACCUMULATE } = epilogue(site);
    return [
      {
        kernel: site.attrs.transposeB ? 'matmul_vector_rows' : 'matmul_vector_columns',
        sizes: { M, N, K, HAS_BIAS, HAS_RESIDUAL, ACCUMULATE },
        threads: [N],
        constants: { ROWS: M },
        flops: 2 * M * N * K,
      },
    ];
  },
};

/** In parts over k, for many small workgroups. */
const partsForm: MatmulForm = {
  name: 'vector',
  when: few,
  scratch: (site) => {
    const { M, N, K } = shapeOf(site);
    return { partial: { shape: [vectorParts(K), M, N] } };
  },
  dispatches: (site) => {
    const { M, N, K } = shapeOf(site);
    const [QUARTER, PARTS] = [Math.ceil(N / 4), vectorParts(K)];
    const sizes = { M, N, K, ...strides(site), QUARTER, PARTS, ALONG_K: flag(site.attrs.transposeB) };
    const threads = [QUARTER * PARTS] as const;
    const product = { kernel: 'matmul_vector', sizes, threads, constants: { ROWS: M }, flops: 2 * M * N * K };
    return [product, addParts(site, PARTS)];
  },
};
const vectorParts = (K: number) => Math.min(16, Math.ceil(K / 16));

export const vectorForms: readonly MatmulForm[] = [rowForm, longForm, partsForm];
