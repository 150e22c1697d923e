// The fixed decoding workload, timed as peers time it: a prompt in one pass, then token after token with a cache, each read.
import type { Machine } from '../../autograd/machine.ts';
import { TokenGenerator } from '../../generate/generate.ts';
import { GPT2 } from '../../nn/gpt2.ts';
import { parameterCount } from '../../nn/model.ts';
import { countCalls } from '../../runtime/counters.ts';
import { median } from '../../runtime/profile.ts';
import { takeApart, wholesOf } from '../../tensor/pieces.ts';
import type { Precision } from '../../tensor/tensor.ts';
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

/** Figures of the workload; `tokens_per_s` is of the tokens behind the first, which `prefill_ms` brings. */
export async function benchDecode(machine: Machine, dtype: Precision): Promise<object> {
  const counters = countCalls();
  const model = fixedModel(DECODE);
  const generator = new TokenGenerator(machine, model, dtype);
  const { config } = DECODE;
  const prompt = [...fixedBatch({ config: { ...config, blockSize: PROMPT }, batch: 1 }).inputs];
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
    return {
      workload: 'decode',
      config: `d${config.nEmbd} L${config.nLayer} V${config.vocabSize} ${PROMPT}+${MADE} KV-cache`,
      params: parameterCount(model),
      ...(dtype === 'f16' && { dtype }),
      tokens_per_s: round((MADE - 1) / (median(runs.map((run) => run.ms)) / 1000)),
      prefill_ms: round(median(runs.map((run) => run.prefill))),
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
