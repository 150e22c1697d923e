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

  /** @param options without them, or with p = 0, nothing is dropped and no number is asked for */
  constructor(options: ForwardOptions['dropout']) {
    this.#options = options;
  }

  /** Whether anything is dropped. */
  get drops(): boolean {
    return this.#options !== undefined && this.#options.p > 0;
  }

  /** x with dropout, at the next place. @throws InputError unless 0 <= p < 1 */
  apply(x: Tensor): Tensor {
    const next = this.attention();
    return next ? dropout(x, next.step, next) : x;
  }

  /** What attention is given for its probabilities, at the next place. */
  attention(): AttentionDropout | undefined {
    if (!this.#options || this.#options.p === 0) return undefined;
    const { p, seed } = this.#options;
    return { p, seed, site: this.#sites++, step: stepScalar(RANDOM_STEP, 'u32') };
  }
}
