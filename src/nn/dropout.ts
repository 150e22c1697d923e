// Dropout as a model uses it: one object for each forward pass, which numbers the places in the order in which they ask. The
// same function traced again asks in the same order, so a place has the same masks in every plan and every home.
import type { AttentionDropout } from '../ops/attention.ts';
import { dropout } from '../ops/dropout.ts';
import { stepScalar } from '../ops/op.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ForwardOptions } from './model.ts';

/** The scalar that a plan with dropout asks for, a u32: masks of two numbers have nothing to do with each other. */
export const RANDOM_STEP = 'randomStep';

export class DropoutPlaces {
  #options: ForwardOptions['dropout'];
  #sites = 0;

  /** @param options without them nothing is dropped and no number is asked for; with p = 0 where no layer has a p of its own */
  constructor(options: ForwardOptions['dropout']) {
    this.#options = options;
  }

  /** Whether anything is dropped. */
  get drops(): boolean {
    return this.#options !== undefined && this.#options.p > 0;
  }

  /** x with dropout, at the next place. @throws InputError unless 0 <= p < 1 */
  apply(x: Tensor): Tensor {
    return this.own(x, this.#options?.p ?? 0);
  }

  /** x with dropout of another probability, at the next place; x where the pass is none of training. @throws as apply */
  own(x: Tensor, p: number): Tensor {
    const next = this.#next(p);
    return next ? dropout(x, next.step, next) : x;
  }

  /** What attention is given for its probabilities, at the next place. */
  attention(): AttentionDropout | undefined {
    return this.#next(this.#options?.p ?? 0);
  }

  #next(p: number): AttentionDropout | undefined {
    if (!this.#options || p === 0) return undefined;
    return { p, seed: this.#options.seed, site: this.#sites++, step: stepScalar(RANDOM_STEP, 'u32') };
  }
}
