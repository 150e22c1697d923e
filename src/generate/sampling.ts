// Choosing the next token from logits. Everything is float64 on the host and follows from the seed.
import { InputError } from '../errors.ts';
import { uniform } from '../tensor/random.ts';

export interface SamplingOptions {
  /** 0 takes the most probable token. Default 1. */
  temperature?: number;
  /** Only the k most probable tokens. */
  topK?: number | undefined;
  /** Only the most probable tokens that together have at least this probability (Holtzman et al. 2020, arXiv:1904.09751). */
  topP?: number | undefined;
  /** Only tokens with at least this share of the best one's probability (Nguyen et al. 2024, arXiv:2407.01082). */
  minP?: number | undefined;
  /** Logits of tokens already there are divided by this if positive, multiplied if not (Keskar et al. 2019, arXiv:1909.05858). */
  repetitionPenalty?: number | undefined;
  seed?: number;
}

/** Random numbers of sampling have a stream of their own, so that they do not depend on anything else that is random. */
const STREAM = 0x5a3b1e;

/**
 * The next token.
 * @param logits (V)     @param before the tokens so far     @param position counts the tokens chosen, from 0
 * @throws InputError if the logits hold a NaN
 */
export function chooseToken(
  logits: Float32Array,
  before: readonly number[],
  position: number,
  options: SamplingOptions = {},
): number {
  const { temperature = 1, topK, topP, minP, repetitionPenalty = 1, seed = 0 } = options;
  const scores = Float64Array.from(logits);
  refuseNaN(scores.some(Number.isNaN) ? -1 : 0);
  if (repetitionPenalty !== 1) {
    for (const id of new Set(before))
      scores[id] = scores[id]! > 0 ? scores[id]! / repetitionPenalty : scores[id]! * repetitionPenalty;
  }
  if (temperature === 0) return argmax(scores);

  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const best = scores[order[0]!]!;
  // Differences from an infinity would be NaN: then only the best can be meant.
  if (!Number.isFinite(best)) return order[0]!;
  let kept = (topK ? order.slice(0, topK) : order).map((id) => ({
    id,
    p: Math.exp((scores[id]! - best) / temperature),
  }));
  // After temperature, as transformers orders its filters: top-k, top-p, min-p.
  if (topP !== undefined && topP < 1) {
    const total = kept.reduce((s, k) => s + k.p, 0);
    let mass = 0;
    kept = kept.filter(({ p }) => {
      const inside = mass < topP * total;
      mass += p;
      return inside;
    });
  }
  if (minP) kept = kept.filter(({ p }) => p >= minP * kept[0]!.p);
  const total = kept.reduce((s, k) => s + k.p, 0);
  let point = uniform(seed, STREAM, position) * total;
  for (const { id, p } of kept) if ((point -= p) < 0) return id;
  return kept.at(-1)!.id;
}

/** @param id -1 where the logits hold a NaN, as the op argmax gives it     @throws InputError then */
export function refuseNaN(id: number): number {
  if (id >= 0) return id;
  throw new InputError(
    'generate: the model gave NaN for the next token. Its weights are damaged, or training diverged.',
  );
}

/** Index of the largest value, the first one if there are several. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
