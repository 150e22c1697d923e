// The ways to compute a product of matrices: which kernels, for which shapes, on which adapters. Those that
// suit the adapter are tried first, in this order.
import type { Tensor } from '../tensor/tensor.ts';
import { dimensions, type MatmulAttrs } from './matmul_shape.ts';
import { type Dispatch, type Form, onGPU, onSoftware, type Site } from './op.ts';

type MatmulForm = Form<MatmulAttrs>;
type MatmulSite = Site<MatmulAttrs>;

const shapeOf = ({ inputs, attrs }: MatmulSite) => dimensions(inputs, attrs);
const flag = (value: unknown) => (value ? 1 : 0);

/** What is done to a product before it is stored. */
function epilogue({ inputs, outputs }: MatmulSite) {
  return {
    HAS_BIAS: flag(inputs.bias),
    HAS_RESIDUAL: flag(inputs.residual),
    ACCUMULATE: flag(inputs.add),
    HAS_SUMS: flag(outputs.sums),
    ACCUMULATE_SUMS: flag(inputs.addSums),
  };
}

/** Elements from one row, and from one column, to the next. */
function aStrides({ M, K }: { M: number; K: number }, { transposeA }: MatmulAttrs) {
  return transposeA ? { a_row: 1, a_col: M } : { a_row: K, a_col: 1 };
}
function bStrides({ N, K }: { N: number; K: number }, { transposeB }: MatmulAttrs) {
  return transposeB ? { b_row: 1, b_col: K } : { b_row: N, b_col: 1 };
}

/** A kernel that makes the whole product in one dispatch, with the sizes that it has beside M, N, K and what is done in passing. */
function whole(kernel: string, site: MatmulSite, sizes: Record<string, number>, b = site.inputs.b!): Dispatch {
  const { batch, M, N, K } = shapeOf(site);
  return {
    kernel,
    sizes: { M, N, K, ...sizes, ...epilogue(site) },
    threads: [N, M, batch],
    bind: { b, y: site.outputs.y! },
    flops: 2 * M * N * K * batch,
  };
}

/** Columns and rows of a tile, for kernels whose tiles are counted here. */
export const TILES = { matmul_shared: [64, 64], matmul_subgroup8_32: [64, 32] } as const;

/**
 * b is read row by row as vec4. Where it is not stored so (transposed, or N not a multiple of 4) it is packed first, which
 * costs little beside the product. `rows`: of a tile.
 */
function subgroupForm(name: string, kernel: string, lanes: 4 | 8, rows: 16 | 32): MatmulForm {
  return {
    name,
    // These kernels are wrong, not slow, at any other subgroup size.
    runsOn: ({ features, subgroupMinSize, subgroupMaxSize }) =>
      features.has('subgroups') && subgroupMinSize === lanes && subgroupMaxSize === lanes,
    prefers: onSoftware,
    // A row of a higher tile costs a seventh less, but those that do not exist cost as much as those that do.
    when: (site) => rows === 16 || shapeOf(site).M > 48,
    scratch: (site) => {
      const { batch, N, K } = shapeOf(site);
      const { transposeB } = site.attrs;
      const { dtype } = site.inputs.b!;
      return transposeB || N % 4 !== 0 ? { packed: { shape: [batch, K, 4 * Math.ceil(N / 4)], dtype } } : {};
    },
    dispatches: (site, { packed }) => {
      const { batch, N, K } = shapeOf(site);
      const COLUMNS = Math.ceil(N / 4);
      const sizes = { ...aStrides(shapeOf(site), site.attrs), COLUMNS };
      const product = rows === 16 ? whole(kernel, site, sizes, packed) : rowsFirst(kernel, site, sizes, packed);
      if (!packed) return [product];
      const CHUNKS = Math.ceil(K / 16);
      const COUNT = batch * CHUNKS * COLUMNS;
      const packing = { COUNT, CHUNKS, K, N, COLUMNS, ...bStrides({ N, K }, site.attrs) };
      return [{ kernel: 'matmul_pack', sizes: packing, threads: [COUNT] }, product];
    },
  };
}

/** The product with a grid that goes through the tiles of the smaller factor first: the larger one is then read once. */
function rowsFirst(kernel: string, site: MatmulSite, sizes: Record<string, number>, b?: Tensor): Dispatch {
  const { batch, M, N } = shapeOf(site);
  const product = whole(kernel, site, { ...sizes, ROWS_FIRST: flag(N > M) }, b);
  const [columns, rows] = TILES.matmul_subgroup8_32;
  // In elements: the grid divides x by the columns of a tile and y by its rows.
  return N > M
    ? { ...product, threads: [columns * Math.ceil(M / rows), rows * Math.ceil(N / columns), batch] }
    : product;
}

const strides = (site: MatmulSite) => ({
  ...aStrides(shapeOf(site), site.attrs),
  ...bStrides(shapeOf(site), site.attrs),
});

const tileForm: MatmulForm = {
  name: 'tile',
  dispatches: (site) => [whole('matmul', site, strides(site))],
};

const sharedForm: MatmulForm = {
  name: 'shared',
  prefers: onGPU,
  dispatches: (site) => {
    const { batch: BATCH, K } = shapeOf(site);
    return [whole('matmul_shared', site, { ...strides(site), BATCH, K_PART: K })];
  },
};

/** The second half of a product in parts. */
function addParts(site: MatmulSite, PARTS: number): Dispatch {
  const { batch, M, N } = shapeOf(site);
  const COUNT = batch * M * N;
  return { kernel: 'matmul_sum', sizes: { COUNT, N, PARTS, ...epilogue(site) }, threads: [COUNT] };
}

/** Workgroups that a GPU should be given, and the shortest sum that is worth a part of its own. */
const WANTED_TILES = 128;
const SHORTEST_PART = 128;
const MOST_PARTS = 16;

/** How a product of few tiles and a long sum is cut along k: by its shape alone, so that every adapter computes the same sums. */
function partsOf({ batch, M, N, K }: { batch: number; M: number; N: number; K: number }) {
  const [columns, rows] = TILES.matmul_shared;
  const tiles = batch * Math.ceil(M / rows) * Math.ceil(N / columns);
  const wanted = Math.min(MOST_PARTS, Math.floor(K / SHORTEST_PART), Math.floor(WANTED_TILES / tiles));
  const K_PART = 16 * Math.ceil(K / Math.max(1, wanted) / 16);
  return { K_PART, PARTS: Math.ceil(K / K_PART) };
}

const splitForm: MatmulForm = {
  name: 'shared_split',
  prefers: onGPU,
  when: (site) => partsOf(shapeOf(site)).PARTS >= 2,
  scratch: (site) => {
    const { batch, M, N } = shapeOf(site);
    const { PARTS } = partsOf(shapeOf(site));
    const sums = site.outputs.sums && { partial_sums: { shape: [PARTS, N] } };
    return { partial: { shape: [PARTS, batch, M, N] }, ...sums };
  },
  dispatches: (site, { partial, partial_sums }) => {
    const { batch, M, N } = shapeOf(site);
    const { PARTS, K_PART } = partsOf(shapeOf(site));
    const outputs = { y: partial!, ...(partial_sums && { sums: partial_sums }) };
    const bare = { inputs: { a: site.inputs.a!, b: site.inputs.b! }, outputs, attrs: site.attrs };
    const product = whole('matmul_shared', bare, { ...strides(site), BATCH: batch, K_PART });
    return [
      { ...product, threads: [N, M, batch * PARTS], bind: { ...product.bind, ...outputs } },
      addParts(site, PARTS),
    ];
  },
};

const registerForm: MatmulForm = {
  name: 'register',
  prefers: onGPU,
  when: (site) => {
    const { M, N, K } = shapeOf(site);
    const { transposeA, transposeB } = site.attrs;
    return K % 4 === 0 && (!transposeA || M % 4 === 0) && (transposeB || N % 4 === 0);
  },
  dispatches: (site) => {
    const { transposeA, transposeB } = site.attrs;
    return [whole('matmul_register', site, { A_TRANSPOSED: flag(transposeA), B_TRANSPOSED: flag(transposeB) })];
  },
};

/** Decoding: few rows, so that reading b is all there is to do. Of a b that others would have to pack first, up to four. */
const vectorForm: MatmulForm = {
  name: 'vector',
  when: (site) => {
    const { batch, M } = shapeOf(site);
    return batch === 1 && M <= (site.attrs.transposeB ? 4 : 2);
  },
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

/** M, N and K of the blocks that hardware multiplies, with a kernel each, because WGSL wants constants; types of their elements. */
const blocks = [
  { kernel: 'matmul_subgroup_matrix_16x16x16', size: [16, 16, 16], components: ['f16'] },
  { kernel: 'matmul_subgroup_matrix_8x16x16', size: [8, 16, 16], components: ['f16'] },
  { kernel: 'matmul_subgroup_matrix_8x8x8', size: [8, 8, 8], components: ['f16', 'f32'] },
] as const;

/**
 * A workgroup is several times as fast with such products, which so many times as many workgroups make up for: from this many
 * parts on a sum is cut instead. An estimate, not a measurement.
 */
const PARTS_WORTH_MORE = 8;

/** Only what an adapter offers with sums in f32 is used: sums in f16 would not do for training. */
function subgroupMatrixForms({ kernel, size: [m, n, k], components }: (typeof blocks)[number]): MatmulForm[] {
  const size = `${m}x${n}x${k}`;
  return components.map((component) => ({
    name: `subgroup_matrix_${size}_${component}`,
    runsOn: ({ features, subgroupMaxSize, subgroupMatrices }) =>
      features.has('chromium-experimental-subgroup-matrix') &&
      128 % subgroupMaxSize === 0 &&
      subgroupMatrices.includes(`${size} ${component} f32`),
    prefers: onGPU,
    when: (site) => {
      const { M, N, K } = shapeOf(site);
      if (partsOf(shapeOf(site)).PARTS >= PARTS_WORTH_MORE) return false;
      return site.inputs.a!.dtype === component && M % m === 0 && N % n === 0 && K % k === 0;
    },
    dispatches: (site) => {
      const { transposeA, transposeB } = site.attrs;
      const sizes = { A_TRANSPOSED: flag(transposeA), B_TRANSPOSED: flag(transposeB) };
      return [whole(kernel, site, sizes)];
    },
  }));
}

/** Of a gradient of weights: of a matrix that has more rows than decoding multiplies. */
export const gradientForms: readonly MatmulForm[] = [
  ...blocks.flatMap(subgroupMatrixForms),
  splitForm,
  sharedForm,
  registerForm,
  subgroupForm('subgroup8_32', 'matmul_subgroup8_32', 8, 32),
  subgroupForm('subgroup8', 'matmul_subgroup8', 8, 16),
  subgroupForm('subgroup4', 'matmul_subgroup4', 4, 16),
  tileForm,
];

export const matmulForms: readonly MatmulForm[] = [vectorForm, ...gradientForms];
