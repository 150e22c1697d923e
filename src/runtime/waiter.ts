// Waiting for the GPU. In Node a pending promise of the GPU keeps the thread spinning, which a software adapter pays for with
// half of its speed; so there the thread is held, in short pauses, for as long as a promise is pending. Deno looks every 10 ms
// whether a promise of the GPU is kept, and a browser's thread is free: they wait as they are.

/** A pause is this share of what the wait has lasted so far: its end is noticed at most so much late. */
export const PAUSE_SHARE = 0.02;
/** But at least and at most so long (ms): other work of the program gets its turn between two pauses. */
const SHORTEST_PAUSE = 0.05;
export const LONGEST_PAUSE = 4;
/**
 * Before this share of the shortest of so many waits before it a wait is not expected to end: until then each pause is half of what
 * is left. To look up costs as much as a small kernel.
 */
const SURE_SHARE = 0.9;
const REMEMBERED = 4;

export class Waiter {
  /** False: the thread spins, as most programs let it; for comparisons. */
  holds = true;
  #pause: ((ms: number) => Promise<void>) | null;
  #submitted = 0;
  #finished = 0;
  /** Waits under way; the thread is held for all of them at once. */
  #waits = 0;
  /** When the first of them began. */
  #since = 0;
  /** How long the last ones lasted. */
  #lengths: number[] = [];
  /** One at a time: a wait may begin while the last pause of the one before is not over. */
  #pausing = false;

  /** @param pause holds the thread for so long, then lets everything else have a turn; null where waiting costs nothing */
  constructor(pause: ((ms: number) => Promise<void>) | null) {
    this.#pause = pause;
  }

  /** Replays submitted and not known to be done. */
  get pending(): number {
    return this.#submitted - this.#finished;
  }

  submitted(): void {
    this.#submitted++;
  }

  /** Waits with `done`, a promise of the GPU, for everything submitted so far. */
  async settle<T>(done: () => Promise<T>): Promise<T> {
    // More may be submitted while we wait, and another wait may be over before this one.
    const waited = this.#submitted;
    const result = await this.hold(done());
    this.#finished = Math.max(this.#finished, waited);
    return result;
  }

  /** Waits for any promise of the GPU. */
  async hold<T>(promise: Promise<T>): Promise<T> {
    if (this.#waits++ === 0) this.#since = performance.now();
    if (!this.#pausing) void this.#pauses();
    try {
      return await promise;
    } finally {
      if (--this.#waits === 0) this.#lengths = [...this.#lengths, performance.now() - this.#since].slice(-REMEMBERED);
    }
  }

  async #pauses(): Promise<void> {
    this.#pausing = true;
    while (this.#pause && this.holds && this.#waits > 0) {
      const lasted = performance.now() - this.#since;
      const sure = this.#lengths.length < REMEMBERED ? 0 : SURE_SHARE * Math.min(...this.#lengths);
      await this.#pause(Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, PAUSE_SHARE * lasted, (sure - lasted) / 2)));
    }
    this.#pausing = false;
  }
}
