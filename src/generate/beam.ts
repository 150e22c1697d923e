// Beam search: the most probable continuations are followed side by side. Kept apart from the model: which beams live on is decided here.
// Source: the beam search of transformers (BeamSearchScorer), early_stopping False; Wu et al. 2016 (arXiv:1609.08144) for the penalty.
import type { Machine } from '../autograd/machine.ts';
import { InputError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Precision } from '../tensor/tensor.ts';
import { Decoder } from './decoder.ts';
import { followBeams } from './follow_beams.ts';
import { ends, refuseIds } from './generate.ts';
import type { Candidate } from './likeliest.ts';
import { roomFor } from './several.ts';

export interface BeamOptions {
  /** Texts followed at once, 1 or more. 1 is greedy. */
  beams: number;
  maxNewTokens: number;
  /** A text ends after this token, or any of these. */
  eosId?: number | readonly number[] | null;
  /** score = sum of log-probabilities / (new tokens, the end among them) ^ lengthPenalty. Above 0 favours long texts. Default 1. */
  lengthPenalty?: number | undefined;
  /** Of values between layers and of the cache. Default f32. */
  dtype?: Precision;
  /** Asked after each token; true ends the search with what there is. */
  stopped?: () => boolean;
}

export interface BeamText {
  /** New tokens, the end-of-text token among them where it came. */
  ids: number[];
  score: number;
}

interface Beam {
  ids: number[];
  /** Sum of log-probabilities. */
  sum: number;
}

/** What is known after so many tokens. */
export class BeamSearch {
  #beams: number;
  #penalty: number;
  #eosId: BeamOptions['eosId'];
  /** Candidates of each text that are looked at: at most as many as there are beams can end here. */
  readonly candidates: number;
  live: Beam[] = [{ ids: [], sum: 0 }];
  finished: BeamText[] = [];
  /** Of the best candidate for the last token, ended or not. */
  #bestSum = 0;

  constructor({ beams, lengthPenalty = 1, eosId = null }: Pick<BeamOptions, 'beams' | 'lengthPenalty' | 'eosId'>) {
    this.#beams = beams;
    this.candidates = 2 * beams;
    this.#penalty = lengthPenalty;
    this.#eosId = eosId;
  }

  /**
   * One more token for every live text.
   * @param likeliest the `candidates` most probable next tokens of each live text, from the best on
   * @returns for each text that lives on, which one it came from
   */
  advance(likeliest: readonly (readonly Candidate[])[]): number[] {
    const best = bestOf(this.live, likeliest, this.candidates);
    this.#bestSum = best[0]?.sum ?? 0;
    const next: Beam[] = [];
    const parents: number[] = [];
    best.forEach(({ parent, id, sum }, rank) => {
      if (next.length === this.#beams) return;
      const ids = [...this.live[parent]!.ids, id];
      if (ends(id, this.#eosId)) {
        if (rank < this.#beams) this.#finish({ ids, sum });
        return;
      }
      next.push({ ids, sum });
      parents.push(parent);
    });
    this.live = next;
    return parents;
  }

  /** Whether no text can overtake the finished ones any more, as far as present sums say. */
  get done(): boolean {
    const [alive] = this.live;
    if (!alive) return true;
    if (this.finished.length < this.#beams) return false;
    return this.finished.at(-1)!.score >= this.#score({ ids: alive.ids, sum: this.#bestSum });
  }

  /** From the best on, the unfinished ones among them. */
  results(): BeamText[] {
    if (!this.done) for (const beam of this.live) this.#finish(beam);
    this.live = [];
    return this.finished;
  }

  #score({ ids, sum }: Beam): number {
    return sum / ids.length ** this.#penalty;
  }

  #finish(beam: Beam): void {
    this.finished.push({ ids: beam.ids, score: this.#score(beam) });
    this.finished.sort((a, b) => b.score - a.score);
    this.finished.length = Math.min(this.finished.length, this.#beams);
  }
}

/** The `count` best continuations of all texts, from the best on; of equal ones those of the first text and the lowest id. */
function bestOf(live: readonly Beam[], likeliest: readonly (readonly Candidate[])[], count: number) {
  const found: { parent: number; id: number; sum: number }[] = [];
  live.forEach((beam, parent) => {
    for (const { id, logProbability } of likeliest[parent]!) {
      const sum = beam.sum + logProbability;
      if (found.length === count && !(sum > found[count - 1]!.sum)) break;
      let at = found.length;
      while (at > 0 && sum > found[at - 1]!.sum) at--;
      found.splice(at, 0, { parent, id, sum });
      if (found.length > count) found.pop();
    }
  });
  return found.filter(({ sum }) => sum > Number.NEGATIVE_INFINITY);
}

/**
 * The best continuations, from the best on: at most as many as there are beams.
 * @throws InputError as refuseIds, for beams that are not a whole number of at least 1, for texts that would outgrow the context, and
 *   where the model gives NaN
 */
export async function beamSearch(
  machine: Machine,
  model: LanguageModel,
  prompt: readonly number[],
  options: BeamOptions,
): Promise<BeamText[]> {
  const { beams, maxNewTokens, dtype = 'f32', stopped = () => false } = options;
  if (!Number.isSafeInteger(beams) || beams < 1)
    throw new InputError(`generate: found ${beams} beams, expected a whole number of at least 1.`);
  refuseIds(prompt, model);
  const decoder = new Decoder(machine, model, { rows: beams, capacity: roomFor(model, [prompt], maxNewTokens), dtype });
  const search = new BeamSearch(options);
  const { vocabSize } = model;
  try {
    if (maxNewTokens > 0)
      await followBeams(decoder, [search], { prompt, beams, mostNew: [maxNewTokens], vocabSize, stopped });
  } finally {
    decoder.release();
  }
  return search.results();
}
