// Stop texts: generation ends before one of them, wherever tokens cut it.

/** Holds back what may be the beginning of a stop text, and ends before one. */
export class StopText {
  text = '';
  stopped = false;
  #stops: readonly string[];
  #held = '';

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter(Boolean);
  }

  /** @returns what may be shown now */
  push(piece: string): string {
    this.#held += piece;
    const at = this.#stops.map((s) => this.#held.indexOf(s)).filter((i) => i >= 0);
    if (at.length > 0) {
      this.stopped = true;
      this.#held = this.#held.slice(0, Math.min(...at));
      return this.end('');
    }
    let keep = 0;
    for (const s of this.#stops)
      for (let n = Math.min(s.length - 1, this.#held.length); n > keep; n--)
        if (this.#held.endsWith(s.slice(0, n))) keep = n;
    return this.#take(this.#held.length - keep);
  }

  end(rest: string): string {
    this.#held += rest;
    return this.#take(this.#held.length);
  }

  #take(n: number): string {
    const shown = this.#held.slice(0, n);
    this.#held = this.#held.slice(n);
    this.text += shown;
    return shown;
  }
}
