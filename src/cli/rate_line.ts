// The line of a job that counts one thing to its end: how far it is, how fast, and how long it will take.
import { clockText } from './format.ts';
import type { Output } from './output.ts';

/** Redraws at most this often on a terminal. */
const REDRAW_MS = 100;
/** A line this often where nothing can be redrawn. */
const LINE_MS = 5000;

export class RateLine {
  readonly #out: Output;
  readonly #name: string;
  /** An amount in words: "12 MB". */
  readonly #amount: (n: number) => string;
  readonly #now: () => number;
  readonly #since: number;
  #drawnAt: number;

  constructor(out: Output, name: string, amount: (n: number) => string, now: () => number = () => performance.now()) {
    [this.#out, this.#name, this.#amount, this.#now] = [out, name, amount, now];
    this.#since = now();
    this.#drawnAt = out.redraws ? Number.NEGATIVE_INFINITY : this.#since;
  }

  /** @param total null where nobody knows it   @param before of `done`, what was there when the job began: it took no time */
  update(done: number, total: number | null, before = 0): void {
    const time = this.#now();
    if (time - this.#drawnAt < (this.#out.redraws ? REDRAW_MS : LINE_MS)) return;
    this.#drawnAt = time;
    const line = this.line(done, total, before);
    if (this.#out.redraws) this.#out.status(line.slice(0, this.#out.statusWidth - 1));
    else this.#out.note(line);
  }

  /** `merging 1,200 of 32,000, 900 a second, left 0:34` */
  line(done: number, total: number | null, before = 0): string {
    const seconds = (this.#now() - this.#since) / 1000;
    const rate = (done - before) / seconds;
    const amount = total === null ? this.#amount(done) : `${this.#amount(done)} of ${this.#amount(total)}`;
    const speed = seconds > 0 && done > before ? `, ${this.#amount(rate)} a second` : '';
    const left = speed && total !== null && done < total ? `, left ${clockText((total - done) / rate)}` : '';
    return `${this.#name} ${amount}${speed}${left}`;
  }

  /** Takes the line away. */
  end(): void {
    this.#out.status('');
  }
}
