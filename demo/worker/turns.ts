// What is asked beside a run, prompts and translations: served between two of its steps, or while it holds.

/** Somebody who is asked, and answers a piece at a time. */
export interface Server {
  /** Settles when there is something to do. */
  arrival(): Promise<void>;
  /** Does it until a time, or until all is done. At least one piece, if any is asked for. */
  serve(until: number): Promise<void>;
}

/** Milliseconds that a turn between two steps may take, the piece that is being made aside. */
const TURN = 40;

export class Turns implements Server {
  readonly #servers: readonly Server[];
  /** When the last turn ended, and how long it took: training has at least half of the time. */
  #last = { ended: 0, took: 0 };

  constructor(...servers: readonly Server[]) {
    this.#servers = servers;
  }

  async arrival(): Promise<void> {
    await Promise.race(this.#servers.map((server) => server.arrival()));
  }

  async serve(until: number): Promise<void> {
    for (const server of this.#servers) await server.serve(until);
  }

  /** One turn between two steps. */
  async turn(): Promise<void> {
    const now = performance.now();
    if (now - this.#last.ended < this.#last.took) return;
    await this.serve(now + TURN);
    const ended = performance.now();
    this.#last = { ended, took: ended - now };
  }
}
