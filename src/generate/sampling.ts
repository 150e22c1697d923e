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
 * @throws InputError if the logits hold a NaN, and for a temperature that is none
 */
export function chooseToken(
  logits: Float32Array,
  before: readonly number[],
  position: number,
  options: SamplingOptions = {},
): number {
  const { temperature = 1, topK, topP, minP, repetitionPenalty = 1, seed = 0 } = options;
  if (!(temperature >= 0))
    throw new InputError(`temperature: found ${temperature}, expected a number from 0 on. Correct it.`);
  const scores = Float64Array.from(logits);
  refuseNaN(scores.some(Number.isNaN) ? -1 : 0);
  if (repetitionPenalty !== 1) {
    for (const id of new Set(before))
      scores[id] = scores[id]! > 0 ? scores[id]! / repetitionPenalty : scores[id]! * repetitionPenalty;
  }
  if (temperature === 0) return argmax(scores);

  const best = scores[argmax(scores)]!;
  // Differences from an infinity would be NaN: then only the best can be meant.
  if (!Number.isFinite(best)) return argmax(scores);
  const probability = (id: number) => Math.exp((scores[id]! - best) / temperature);
  const order = new Descending(scores, best, temperature);
  // After temperature, as transformers orders its filters: top-k, top-p, min-p. Each keeps a beginning of the order.
  const ids = topK ? Array.from({ length: Math.min(topK, scores.length) }, (_, i) => order.at(i)) : null;
  const sum = (list: readonly number[] | null) => {
    let total = 0;
    if (list) for (const id of list) total += probability(id);
    else for (let id = 0; id < scores.length; id++) total += probability(id);
    return total;
  };
  let count = ids?.length ?? scores.length;
  let total = sum(ids);
  if (topP !== undefined && topP < 1) {
    const wanted = topP * total;
    let mass = 0;
    let kept = 0;
    while (kept < count && mass < wanted) mass += probability(order.at(kept++));
    [count, total] = [kept, mass];
  }
  if (minP) {
    let [mass, kept] = [0, 0];
    for (; kept < count; kept++) {
      const p = probability(order.at(kept));
      if (p < minP) break;
      mass += p;
    }
    [count, total] = [kept, mass];
  }
  let point = uniform(seed, STREAM, position) * total;
  for (let i = 0; i < count; i++) {
    const id = order.at(i);
    if ((point -= probability(id)) < 0) return id;
  }
  return order.at(count - 1);
}

/**
 * Token ids by falling score, of equal ones the lowest first. Of a large vocabulary few are asked for: they are sorted in tiers, each
 * of which reaches four times as far below the best, in units of the temperature.
 */
class Descending {
  #scores: Float64Array;
  #best: number;
  #reach: number;
  #sorted: number[] = [];
  #rest: number[];

  constructor(scores: Float64Array, best: number, temperature: number) {
    this.#scores = scores;
    this.#best = best;
    this.#reach = temperature;
    this.#rest = Array.from(scores.keys());
  }

  at(i: number): number {
    while (i >= this.#sorted.length && this.#rest.length > 0) this.#nextTier();
    return this.#sorted[i]!;
  }

  #nextTier(): void {
    const least = this.#best - this.#reach;
    // What is minus infinity below the best comes last.
    const [near, rest]: [number[], number[]] = [[], []];
    for (const id of this.#rest) (this.#scores[id]! >= least || this.#reach > 1e30 ? near : rest).push(id);
    near.sort((a, b) => this.#scores[b]! - this.#scores[a]! || a - b);
    for (const id of near) this.#sorted.push(id);
    this.#rest = rest;
    this.#reach *= 4;
  }
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
