// How fast tokens come: the prompt, which the first one waits for, is told apart.
export class DecodeClock {
  #begun = performance.now();
  #first = 0;
  #last = 0;
  #tokens = 0;

  /** Another token is there. */
  token(): void {
    this.#last = performance.now();
    if (this.#tokens++ === 0) this.#first = this.#last;
  }

  /** Of those behind the first; of the first where there is no other. To one decimal place. */
  get tokensPerSecond(): number {
    const [count, ms] =
      this.#tokens > 1 ? [this.#tokens - 1, this.#last - this.#first] : [this.#tokens, this.#last - this.#begun];
    return ms > 0 ? Math.round((10_000 * count) / ms) / 10 : 0;
  }

  line(): string {
    const prompt = Math.round(this.#first - this.#begun);
    return `${this.#tokens} tokens, ${this.tokensPerSecond} a second; ${prompt} ms to the first`;
  }
}
