// The fixed workloads that peers are measured on: sizes, weights and tokens are the same numbers for everybody, so that the
// losses must agree. Weights and tokens come from mulberry32 (Tommy Ettinger 2017, public domain) with Box and Muller.
import { type GPT2Config, gpt2Config } from '../../nn/gpt2.ts';

export interface Workload {
  config: GPT2Config;
  batch: number;
}

const workload = (
  vocabSize: number,
  blockSize: number,
  nLayer: number,
  nHead: number,
  nEmbd: number,
  batch: number,
): Workload => ({
  config: gpt2Config({ vocabSize, blockSize, nLayer, nHead, nEmbd }),
  batch,
});

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  TINY: workload(65, 64, 4, 4, 128, 12),
  SMALL: workload(512, 128, 6, 6, 192, 4),
  WIDE: workload(50257, 64, 2, 4, 256, 2),
  // GPT-2 124M at its whole context: for a GPU.
  GPT2: workload(50257, 1024, 12, 12, 768, 4),
};

/** Not trained. */
export const DECODE = workload(50257, 128, 4, 4, 256, 1);

export const OPTIMIZER = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1 };
export const LEARNING_RATE = 1e-3;

/** mulberry32: 32 bits of state, values in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function gaussian(count: number, std: number, seed: number): Float32Array {
  const next = mulberry32(seed);
  return Float32Array.from({ length: count }, () => {
    const u = 1 - next();
    const v = next();
    return std * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  });
}

/** Initial values by our parameter names. The seed of a tensor is 1000 + its place in the peers' list, which is our order. */
export function initialWeights(
  parameters: readonly { name: string; size: number; shape: readonly number[] }[],
  nLayer: number,
): Map<string, Float32Array> {
  return new Map(
    parameters.map(({ name, size, shape }, i) => {
      if (shape.length === 1) return [name, new Float32Array(size).fill(/ln_\w+\.weight$/.test(name) ? 1 : 0)];
      const residual = name.endsWith('c_proj.weight');
      return [name, gaussian(size, residual ? 0.02 / Math.sqrt(2 * nLayer) : 0.02, 1000 + i)];
    }),
  );
}

/** One fixed batch: inputs (B,T) and the tokens that follow, from the same stream. */
export function fixedBatch({
  config: { vocabSize, blockSize: T },
  batch: B,
}: {
  config: Pick<Workload['config'], 'vocabSize' | 'blockSize'>;
  batch: number;
}): { inputs: Int32Array; targets: Int32Array } {
  const next = mulberry32(7);
  const [inputs, targets] = [new Int32Array(B * T), new Int32Array(B * T)];
  for (let b = 0; b < B; b++) {
    let previous = Math.floor(next() * vocabSize);
    for (let t = 0; t < T; t++) {
      const following = Math.floor(next() * vocabSize);
      inputs[b * T + t] = previous;
      targets[b * T + t] = following;
      previous = following;
    }
  }
  return { inputs, targets };
}
