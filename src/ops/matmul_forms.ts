// The ways to compute a product of matrices: which kernels, for which shapes, on which adapters. Those that
// suit the adapter are tried first, in this order.
import type { Tensor } from '../tensor/tensor.ts';
import {
  addParts,
  aStrides,
  bStrides,
  flag,
  type MatmulForm,
  type MatmulSite,
  shapeOf,
  strides,
  whole,
} from './matmul_dispatch.ts';
import { vectorForms } from './matmul_vector.ts';
import { type Dispatch, onGPU, onSoftware } from './op.ts';

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

export const matmulForms: readonly MatmulForm[] = [...vectorForms, ...gradientForms];
