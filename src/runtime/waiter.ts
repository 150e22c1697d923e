// Waiting for the GPU. In Node a pending promise of the GPU keeps the thread spinning, which a software adapter pays for with
// a third of its speed; so we sleep for most of the expected time first, and only then wait.

/** Share of the expected time that is slept through. */
const SLEEP = 0.9;
/** Sleeping less than this is not worth a timer (ms). */
const SHORTEST = 3;
/** A wait that is over this soon after a sleep (ms) says that the sleep was too long. */
const OVERSLEPT = 0.5;

/** What one replay of a plan is expected to take; each recording has one. 0 while unknown. */
export interface Cost {
  ms: number;
}

export class Waiter {
  #sleep: (ms: number) => Promise<void>;
  #pending: Cost[] = [];
  #since = 0;

  constructor(sleep: (ms: number) => Promise<void>) {
    this.#sleep = sleep;
  }

  /** Replays submitted and not known to be done. */
  get pending(): number {
    return this.#pending.length;
  }

  submitted(cost: Cost): void {
    if (this.#pending.length === 0) this.#since = performance.now();
    this.#pending.push(cost);
  }

  /** Waits with `done`, a promise of the GPU that is asked for late, for everything submitted so far. */
  async settle<T>(done: () => Promise<T>): Promise<T> {
    const waited = this.#pending.length;
    const since = this.#since;
    const expected = this.#pending.reduce((sum, cost) => sum + cost.ms, 0);
    const nap = expected * SLEEP - (performance.now() - since);
    if (nap > SHORTEST) await this.#sleep(nap);
    const asked = performance.now();
    const result = await done();
    const now = performance.now();
    const finished = this.#pending.splice(0, waited);
    this.#since = now;
    if (finished.length > 0) {
      const overslept = nap > SHORTEST && now - asked < OVERSLEPT;
      const unknown = finished.some((cost) => cost.ms === 0);
      const ratio = overslept ? 0.75 : unknown ? 0 : (now - since) / expected;
      for (const cost of new Set(finished)) cost.ms = ratio > 0 ? cost.ms * ratio : (now - since) / finished.length;
    }
    return result;
  }
}
