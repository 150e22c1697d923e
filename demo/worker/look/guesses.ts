// What a row of logits says about the token that follows, in words.
import { likeliest } from '../../../src/index.ts';
import type { Guess } from '../../protocol/tokens.ts';
import type { Look } from './look.ts';

/** Guesses that are told of each place. */
const TOLD = 6;

export interface Said {
  guesses: Guess[];
  /** ln of the probability of the token that came; null where none did. */
  came: number | null;
}

/** Tells guesses as text; a token's text is made once. */
export class Guesser {
  readonly #look: Look;
  readonly #ids: readonly number[];
  readonly #texts = new Map<number, string>();

  /** @param ids of the text: how a token is written may depend on one before it */
  constructor(look: Look, ids: readonly number[]) {
    [this.#look, this.#ids] = [look, ids];
  }

  /** @param at the token that the logits stand behind @throws InputError where they are not numbers */
  say(logits: Float32Array, at: number): Said {
    const best = likeliest(logits, TOLD);
    const first = best[0]!;
    const next = this.#ids[at + 1];
    return {
      guesses: best.map(({ id, logProbability }) => ({ token: this.#text(id), probability: Math.exp(logProbability) })),
      came: next === undefined ? null : logits[next]! - logits[first.id]! + first.logProbability,
    };
  }

  #text(id: number): string {
    let text = this.#texts.get(id);
    if (text === undefined) {
      text = this.#look.shown([this.#ids[0]!, id])[1]!;
      this.#texts.set(id, text);
    }
    return text;
  }
}
