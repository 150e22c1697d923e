// How fast this machine multiplies, in a moment: one small product, and if that is quick a larger one, which a real GPU needs to show
// what it has.
import { type Machine, matmul, part, Tensor } from '../../src/index.ts';

/** Milliseconds that a product is repeated for. */
const ROUND = 40;
/** The product of the smallest run's own size; one that gets this much done, in billions of operations a second, is asked for more. */
const QUICK = 2;

/** Floating-point operations a second, in billions. */
export async function calibrate(machine: Machine): Promise<number> {
  const small = await speedOf(machine, 256, 32, 128);
  return small < QUICK ? small : speedOf(machine, 1024, 512, 512);
}

async function speedOf(machine: Machine, M: number, K: number, N: number): Promise<number> {
  const values = (name: string, rows: number, columns: number) =>
    new Tensor({ kind: 'state', name, shape: [rows, columns], init: () => new Float32Array(rows * columns).fill(0.5) });
  const [a, b] = [values('a', M, K), values('b', K, N)];
  const product = machine.compile(() => ({ corner: part(matmul(a, b), 0, [1]) }));
  const msEach = async (times: number) => {
    const since = performance.now();
    for (let i = 0; i < times; i++) await product({});
    await product.collect();
    return (performance.now() - since) / times;
  };
  try {
    await msEach(1); // compiles the kernel
    const times = Math.max(1, Math.min(32, Math.round(ROUND / (await msEach(1)))));
    const ms = Math.min(await msEach(times), await msEach(times));
    return (2 * M * K * N) / ms / 1e6;
  } finally {
    product.release();
    machine.release([a, b]);
  }
}
