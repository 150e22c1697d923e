// The product of one row, as decoding one text asks for, where an adapter runs on the CPU in subgroups of 8: every dispatch costs it as
// much as a small product does, so the neighbours of a product are done with it.
import type { LayernormAttrs } from './layernorm.ts';
import { epilogue, flag, type MatmulForm, type MatmulSite, shapeOf } from './matmul_dispatch.ts';
import { type Dispatch, hasSubgroupsOf8, onSoftware, type Values } from './op.ts';

/** Activations behind a product, as its kernel numbers them from 1 on. */
const ACTIVATIONS = ['gelu_tanh', 'gelu_erf', 'relu', 'silu'];

/** Columns of a workgroup of the kernel of rows: each finds its largest. */
const COLUMNS = 64;

export const rowForm: MatmulForm = {
  name: 'vector_subgroup8',
  runsOn: hasSubgroupsOf8,
  prefers: onSoftware,
  when: (site) => {
    const { batch, M, N, K } = shapeOf(site);
    return batch === 1 && M === 1 && (site.attrs.transposeB ? K % 4 === 0 : N % 4 === 0);
  },
  takes: (site, name, { op, inputs }) => {
    const { residual, add } = site.inputs;
    // The most probable token is that of the logits as they would have been stored.
    if (site.attrs.transposeB) return name === 'y' && op === 'argmax' && !add && site.outputs.y!.dtype === 'f32';
    if (name === 'a') return op === 'layernorm' && inputs.x!.shape.at(-1) === shapeOf(site).K;
    return ACTIVATIONS.includes(op) && !residual && !add;
  },
  scratch: (site): Record<string, { shape: number[]; dtype: 'u32' }> =>
    largestOf(site) ? { best: { shape: [partsOf(site), 2], dtype: 'u32' } } : {},
  dispatches: (site, scratch) => (site.attrs.transposeB ? rowsDispatches(site, scratch) : [columnsDispatch(site)]),
};

const largestOf = ({ attrs, passed }: MatmulSite) => (attrs.transposeB ? passed?.y : undefined);
const partsOf = (site: MatmulSite) => Math.ceil(shapeOf(site).N / COLUMNS);

/** Of b stored (N,K): the row, or the number of its largest element. */
function rowsDispatches(site: MatmulSite, { best }: Values): Dispatch[] {
  const { N, K } = shapeOf(site);
  const { HAS_BIAS, HAS_RESIDUAL, ACCUMULATE } = epilogue(site);
  const sizes = { N, K, HAS_BIAS, HAS_RESIDUAL, ACCUMULATE };
  const product = { kernel: 'matmul_vector_rows8', sizes, threads: [N], flops: 2 * N * K } as const;
  const largest = largestOf(site);
  if (!largest) return [product];
  const parts = { N: 1, PARTS: partsOf(site) };
  return [
    { ...product, constants: { BEST: 1 }, bind: { best: best! } },
    { kernel: 'argmax_parts', sizes: parts, threads: [1], bind: { y: largest.outputs.y! } },
  ];
}

/** Of b stored (K,N). */
function columnsDispatch(site: MatmulSite): Dispatch {
  const { N, K } = shapeOf(site);
  const { HAS_BIAS, HAS_RESIDUAL, ACCUMULATE } = epilogue(site);
  const { a: norm, y: activation } = site.passed ?? {};
  const { x, weight, bias: shift } = norm?.inputs ?? {};
  const { eps } = (norm?.attrs ?? { eps: 0 }) as LayernormAttrs;
  return {
    kernel: 'matmul_vector_columns8',
    sizes: { N, K, HAS_BIAS, HAS_RESIDUAL, ACCUMULATE, HAS_SHIFT: flag(shift), eps },
    threads: [N],
    constants: { NORM: flag(norm), ACTIVATION: activation ? 1 + ACTIVATIONS.indexOf(activation.op) : 0 },
    bind: {
      ...(norm && { a: x!, weight: weight! }),
      ...(shift && { shift }),
      ...(activation && { y: activation.outputs.y! }),
    },
    flops: 2 * N * K,
  };
}
