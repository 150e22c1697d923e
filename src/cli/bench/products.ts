// Products of matrices, timed: one of N x N, or every one that a training step of a fixed workload makes.
import type { Compiled } from '../../autograd/machine.ts';
import { matmul } from '../../ops/matmul.ts';
import { part } from '../../ops/part.ts';
import type { Device } from '../../runtime/device.ts';
import { median } from '../../runtime/profile.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { type Precision, Tensor } from '../../tensor/tensor.ts';
import { gaussian, type Workload } from './workloads.ts';

/** y (M,N) over K, a and b as they are stored: N as written, T transposed. */
export interface Product {
  layout: 'NN' | 'NT' | 'TN';
  M: number;
  N: number;
  K: number;
}

export interface TimedProduct {
  config: string;
  median_ms: number;
  gflops: number;
  best_gflops: number;
}

/** Products a submit: the wait is a small part of them. */
const REPEATS = 8;
const ROUNDS = 9;

/** Forward, gradient of the input and of the weight of each linear layer and of the head, each shape once. */
export function productsOf({ config, batch }: Workload): Product[] {
  const { nEmbd: C, vocabSize: V } = config;
  const R = batch * config.blockSize;
  const linear = [
    [C, 3 * C],
    [C, C],
    [C, 4 * C],
    [4 * C, C],
  ] as const;
  const products: Product[] = [
    ...linear.flatMap(([inner, outer]): Product[] => [
      { layout: 'NN', M: R, N: outer, K: inner },
      { layout: 'NT', M: R, N: inner, K: outer },
      { layout: 'TN', M: inner, N: outer, K: R },
    ]),
    { layout: 'NT', M: R, N: V, K: C },
    { layout: 'NN', M: R, N: C, K: V },
    { layout: 'TN', M: V, N: C, K: R },
  ];
  return [...new Map(products.map((product) => [nameOf(product), product])).values()];
}

/** Each product's time, all in turn, so that a busy machine hits all alike. */
export async function timeProducts(
  device: Device,
  products: readonly Product[],
  dtype: Precision,
): Promise<TimedProduct[]> {
  const timed: { product: Product; run: Compiled; times: number[] }[] = [];
  for (const product of products) {
    const run = compiled(device, product, dtype);
    await (await run({})).y0!.item(); // compiles
    timed.push({ product, run, times: [] });
  }
  for (let i = 0; i < ROUNDS; i++) {
    for (const { run, times } of timed) {
      const since = performance.now();
      await (await run({})).y0!.item();
      times.push((performance.now() - since) / REPEATS);
    }
  }
  return timed.map(({ product, run, times }) => {
    run.release();
    const { M, N, K } = product;
    const gflops = (ms: number) => round((2 * M * N * K) / ms / 1e6);
    const config = M === N && N === K && product.layout === 'NN' ? `${dtype} N=${N}` : `${dtype} ${nameOf(product)}`;
    return {
      config,
      median_ms: round(median(times), 3),
      gflops: gflops(median(times)),
      best_gflops: gflops(Math.min(...times)),
    };
  });
}

/** Its factors are state: they are stored as `dtype` once, before the first run. */
function compiled(device: Device, { layout, M, N, K }: Product, dtype: Precision): Compiled {
  const factor = (name: string, shape: Shape, seed: number) =>
    new Tensor({ kind: 'state', name, shape, dtype, init: () => gaussian(sizeOf(shape), 1, seed) });
  const a = factor('a', layout === 'TN' ? [K, M] : [M, K], 1);
  const b = factor('b', layout === 'NT' ? [N, K] : [K, N], 2);
  // A gradient of a weight is f32, whatever the factors are.
  const result = layout === 'TN' ? 'f32' : dtype;
  const options = { transposeA: layout === 'TN', transposeB: layout === 'NT', dtype: result };
  return device.compile(() =>
    // One number of each leaves the device, which is enough for it to be made.
    Object.fromEntries(
      Array.from({ length: REPEATS }, (_, i) => [`y${i}`, part(matmul(a, b, options), 0, [1])] as const),
    ),
  );
}

function nameOf({ layout, M, N, K }: Product): string {
  return `${layout} ${M}x${N} K${K}`;
}

/** As a line of figures has it. */
export function round(x: number, digits = 2): number {
  return Number(x.toFixed(digits));
}
