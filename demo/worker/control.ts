// Whether a run goes, holds or ends: set by messages, asked by the loop between its steps.
type Want = 'go' | 'hold' | 'one' | 'end';

export class Control {
  #want: Want = 'hold';
  /** The last step whose batch was drawn; with `one` no other is drawn after it. */
  #drawn = 0;
  #until = 0;
  #changed: () => void = () => {};

  get held(): boolean {
    return this.#want === 'hold';
  }

  get going(): boolean {
    return this.#want === 'go';
  }

  get ended(): boolean {
    return this.#want === 'end';
  }

  /** The step after which it holds; null where it holds or goes already. */
  get until(): number | null {
    return this.#want === 'one' ? this.#until : null;
  }

  go(): void {
    this.#set('go');
  }

  hold(): void {
    this.#set('hold');
  }

  /** @param step number of the step after which it holds */
  one(step: number): void {
    this.#until = step;
    this.#set('one');
  }

  /** For ever. */
  end(): void {
    this.#set('end');
  }

  drawn(step: number): void {
    this.#drawn = step;
  }

  /** What the loop asks: it then finishes what is queued, saves and returns. */
  readonly stop = (): boolean => {
    if (this.#want === 'one') return this.#drawn >= this.#until;
    return this.#want !== 'go';
  };

  /** Settles at the next change. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  #set(want: Want): void {
    if (this.#want === 'end') return;
    this.#want = want;
    this.#changed();
  }
}
