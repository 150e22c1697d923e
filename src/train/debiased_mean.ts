// The average that smooths losses wherever a curve is judged or drawn. Pure.

/**
 * Exponential average with the start's bias taken out: m_t = decay m_(t-1) + (1 - decay) x_t, told as m_t / (1 - decay^t).
 * Source: Kingma and Ba 2014 (arXiv:1412.6980), section 3.
 */
export class DebiasedMean {
  readonly decay: number;
  #sum = 0;
  #weight = 0;

  constructor(decay: number) {
    this.decay = decay;
  }

  /** Takes one more value. @returns the average with it */
  push(value: number): number {
    this.#sum = this.decay * this.#sum + (1 - this.decay) * value;
    this.#weight = this.decay * this.#weight + (1 - this.decay);
    return this.#sum / this.#weight;
  }
}
