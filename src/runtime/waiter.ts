// Waiting for the GPU. In Node a pending promise of the GPU keeps the thread spinning, which a software adapter pays for with
// a third of its speed; so there we sleep for most of the expected time first, and only then wait. Deno looks every 10 ms whether
// a promise of the GPU is kept, and a browser's thread is free: they wait at once.

/** Share of the expected time that is slept through. */
const SLEEP = 0.9;
/** Sleeping less than this is not worth a timer (ms). */
const SHORTEST = 3;
/** A wait that is over this soon after a sleep (ms) says that the sleep was too long. */
const OVERSLEPT = 0.5;
/** One wait makes the expected time at most this many times longer: a process that was suspended must not learn to sleep for minutes. */
const MOST_GROWTH = 2;

/** What one replay of a plan is expected to take; each recording has one. */
export interface Cost {
  /** 0 while unknown. */
  ms: number;
  /** The first replay is not believed: drivers compile kernels in it. */
  replayed: boolean;
}

export class Waiter {
  /** False: waits at once, as most programs do; for comparisons. */
  sleeps = true;
  #sleep: ((ms: number) => Promise<void>) | null;
  #pending: Cost[] = [];
  #finished = 0;
  #since = 0;

  /** @param sleep null where waiting costs nothing */
  constructor(sleep: ((ms: number) => Promise<void>) | null) {
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
    // More may be submitted while we wait, and another wait may be over before this one.
    const waited = this.#finished + this.#pending.length;
    const since = this.#since;
    const expected = this.#pending.reduce((sum, cost) => sum + cost.ms, 0);
    const nap = this.#sleep && this.sleeps ? expected * SLEEP - (performance.now() - since) : 0;
    if (nap > SHORTEST) await this.#sleep?.(nap);
    const asked = performance.now();
    const result = await done();
    const now = performance.now();
    const finished = this.#pending.splice(0, Math.max(0, waited - this.#finished));
    this.#finished += finished.length;
    if (finished.length > 0) {
      this.#since = now;
      const overslept = nap > SHORTEST && now - asked < OVERSLEPT;
      const unknown = finished.some((cost) => cost.ms === 0);
      const ratio = overslept ? 0.75 : unknown ? 0 : Math.min(MOST_GROWTH, (now - since) / expected);
      for (const cost of new Set(finished)) {
        if (ratio > 0) cost.ms *= ratio;
        else if (cost.replayed) cost.ms = (now - since) / finished.length;
        cost.replayed = true;
      }
    }
    return result;
  }
}
