// How long a step will take, by two numbers: the arithmetic in it, counted, and the speed of this adapter, measured on one product of
// the model's own size. It is an estimate and is called one.
import { attentionWidth, blockMatrices, type ModelConfig } from '../nn/families.ts';
import { keepsLogits } from '../nn/table.ts';
import { matmul } from '../ops/matmul.ts';
import { part } from '../ops/part.ts';
import type { Device } from '../runtime/device.ts';
import { type Precision, Tensor } from '../tensor/tensor.ts';

export interface StepShape {
  batch: number;
  /** Batches a step. Default 1. */
  accumulate?: number;
  /** Blocks are run forward twice. */
  recompute?: boolean;
  optimizer?: string;
  /** What logits are stored as. Default f32. */
  dtype?: Precision;
}

/** Iterations of Newton and Schulz in Muon's step. */
const NEWTON_SCHULZ = 5;

/**
 * Floating-point operations of the matrix products of one step: 6 N a token, 2 forward and 4 backward for each of the N weights
 * of the matrices (the head counts, tables that are looked up do not), and 12 L C T a token for attention over all T positions,
 * causality not taken off. Blocks that are computed again add their forward part, and so do logits that are not kept. Muon adds its own products, once a step.
 * Source: Kaplan et al. 2020 (arXiv:2001.08361), section 2.1; Chowdhery et al. 2022 (arXiv:2204.02311), appendix B;
 * Jordan et al. 2024, Muon.
 */
export function stepFlops(
  config: ModelConfig,
  { batch, accumulate = 1, recompute, optimizer, dtype = 'f32' }: StepShape,
): number {
  const { nLayer: L, nEmbd: C, vocabSize: V, blockSize: T } = config;
  const tokens = batch * accumulate * T;
  const block = blockMatrices(config).reduce((sum, [rows, columns]) => sum + rows * columns, 0);
  const passes = recompute ? 4 : 3;
  const headPasses = keepsLogits(batch * T, V, dtype) ? 3 : 4;
  const products = 2 * tokens * (passes * L * block + headPasses * V * C);
  const attention = tokens * 4 * passes * L * attentionWidth(config) * T;
  return products + attention + (optimizer === 'muon' ? L * muonFlops(config) : 0);
}

/** A = X X^T, B = b A + c A A, X = a X + B X, on the shorter side m of each matrix. */
function muonFlops(config: ModelConfig): number {
  return blockMatrices(config).reduce((sum, sides) => {
    const [m, n] = [Math.min(...sides), Math.max(...sides)];
    return sum + NEWTON_SCHULZ * (4 * m * m * n + 2 * m ** 3);
  }, 0);
}

/** Milliseconds that a product is measured for, about. */
const ROUND = 150;
/** Rows of the first product that is tried: little enough for a slow adapter. A fast one gets four times as many, and again. */
const FEWEST_ROWS = 32;

/** Floating-point operations a second in products of the size of this model's own. Takes a second or so, and gives back what it held. */
export async function measuredFlops(
  device: Device,
  { nEmbd: K, nInner: N, blockSize }: ModelConfig,
  { batch, dtype = 'f32' }: Pick<StepShape, 'batch' | 'dtype'>,
): Promise<number> {
  const most = batch * blockSize;
  for (let rows = Math.min(FEWEST_ROWS, most); ; rows = Math.min(4 * rows, most)) {
    const ms = await msOfProduct(device, rows, K, N, dtype);
    if (rows === most || ms > ROUND / 10) return (2 * rows * K * N * 1000) / ms;
  }
}

/** Of one of several that are queued together, the better of two rounds. */
async function msOfProduct(device: Device, M: number, K: number, N: number, dtype: Precision): Promise<number> {
  const values = (name: string, rows: number, columns: number) =>
    new Tensor({
      kind: 'state',
      name,
      shape: [rows, columns],
      dtype,
      init: () => new Float32Array(rows * columns).fill(0.5),
    });
  const [a, b] = [values('a', M, K), values('b', K, N)];
  const product = device.compile(() => ({ corner: part(matmul(a, b), 0, [1]) }));
  const msEach = async (times: number) => {
    const since = performance.now();
    for (let i = 0; i < times; i++) await product({});
    await product.collect();
    return (performance.now() - since) / times;
  };
  try {
    await msEach(1); // compiles the kernel
    const one = await msEach(1);
    const times = Math.max(1, Math.min(32, Math.round(ROUND / one)));
    return Math.min(one, await msEach(times), await msEach(times));
  } finally {
    product.release();
    device.release([a, b]);
    device.releaseActivations();
  }
}
