// Decoding, timed as peers time it: a prompt in one pass, then token after token with a cache, each read. The fixed workload with
// the peers' weights, or a model of a published size with random ones.
import type { Machine } from '../../autograd/machine.ts';
import { TokenGenerator } from '../../generate/generate.ts';
import { GPT2 } from '../../nn/gpt2.ts';
import { type LanguageModel, parameterCount } from '../../nn/model.ts';
import { embedding } from '../../ops/embedding.ts';
import { matmul } from '../../ops/matmul.ts';
import { reshape } from '../../ops/reshape.ts';
import { countCalls } from '../../runtime/counters.ts';
import { median } from '../../runtime/profile.ts';
import { takeApart, wholesOf } from '../../tensor/pieces.ts';
import { type Precision, Tensor } from '../../tensor/tensor.ts';
import type { ModelSize } from '../scale/sizes.ts';
import { round } from './products.ts';
import { DECODE, fixedBatch, initialWeights, type Workload } from './workloads.ts';

/** Tokens of the prompt, and as many that are made. */
const PROMPT = 64;
const MADE = 64;
const RUNS = 3;

/** The model of a workload with the peers' weights. */
export function fixedModel({ config }: Workload): GPT2 {
  const model = new GPT2(config, { seed: 0 });
  const parameters = wholesOf(model.parameters);
  const weights = initialWeights(parameters, config.nLayer);
  for (const whole of parameters)
    for (const [piece, own] of takeApart(whole, weights.get(whole.name)!)) piece.init = () => own;
  return model;
}

/** Of a model of a published size; what its prompt and its answer need of context. */
function sizedModel({ make }: ModelSize): LanguageModel {
  return make(PROMPT + MADE);
}

/**
 * Figures of the workload; `tokens_per_s` is of the tokens behind the first, which `prefill_ms` brings. Of a published size also the bytes
 * of weights a second, each read once a token, beside those that a large product alone reaches here.
 */
export async function benchDecode(machine: Machine, dtype: Precision, size?: ModelSize): Promise<object> {
  const model = size ? sizedModel(size) : fixedModel(DECODE);
  const product = size && (await productRate(machine));
  const counters = countCalls();
  const generator = new TokenGenerator(machine, model, dtype);
  const { nEmbd, nLayer, vocabSize } = model.config;
  const prompt = [...fixedBatch({ config: { vocabSize, blockSize: PROMPT }, batch: 1 }).inputs];
  const generate = async (count: number) => {
    const ids: number[] = [];
    let since = performance.now();
    let prefill = 0;
    for await (const { id } of generator.generate(prompt, { temperature: 0, maxNewTokens: count })) {
      if (ids.push(id) > 1) continue;
      prefill = performance.now() - since;
      since = performance.now();
    }
    return { prefill, ms: performance.now() - since, ids };
  };
  try {
    await generate(4);
    const runs = [await generate(MADE)];
    const before = { ...counters.counts };
    for (let i = 1; i < RUNS; i++) runs.push(await generate(MADE));
    const passes = (RUNS - 1) * MADE;
    const perToken = Object.entries(counters.counts).map(([name, count]) => [
      name,
      round((count - before[name as keyof typeof before]) / passes, 1),
    ]);
    const tokensPerSecond = (MADE - 1) / (median(runs.map((run) => run.ms)) / 1000);
    const weights = 4 * parameterCount(model) * tokensPerSecond;
    return {
      workload: 'decode',
      config: size?.name ?? `d${nEmbd} L${nLayer} V${vocabSize} ${PROMPT}+${MADE} KV-cache`,
      params: parameterCount(model),
      ...(dtype === 'f16' && { dtype }),
      tokens_per_s: round(tokensPerSecond),
      prefill_ms: round(median(runs.map((run) => run.prefill))),
      ...(product && {
        weights_gb_per_s: round(weights / 1e9),
        product_gb_per_s: round(product / 1e9),
        share_of_product: round(weights / product),
      }),
      first_tokens: runs[0]!.ids.slice(0, 8),
      gpu_peak_mb: Math.round(counters.bytes.peak / 2 ** 20),
      per_token: Object.fromEntries(perToken),
    };
  } finally {
    counters.stop();
    generator.release();
    machine.release(model.parameters);
  }
}

/** Bytes a second of the plainest product that decoding is made of: one row times a matrix of more numbers than caches hold. */
async function productRate(machine: Machine): Promise<number> {
  const [K, N] = [2048, 8192];
  const weight = new Tensor({ kind: 'state', name: 'weight', shape: [N, K] });
  const run = machine.compile<Record<string, Tensor>>(({ x, row }) => {
    const y = matmul(x!, weight, { transposeB: true });
    // One number is read, not all.
    return { one: embedding(reshape(y, [N, 1]), row!) };
  });
  const batch = {
    x: { shape: [1, K], data: new Float32Array(K).fill(1) },
    row: { shape: [1], data: Int32Array.of(0) },
  };
  try {
    const times: number[] = [];
    for (let i = 0; i < 12; i++) {
      const since = performance.now();
      await (await run(batch)).one!.read();
      if (i > 1) times.push(performance.now() - since);
    }
    return (4 * K * N) / (median(times) / 1000);
  } finally {
    run.release();
    machine.release([weight]);
  }
}
