// What is told of a run's being the same as another: beside the receipt of its link while it trains, and its own receipt at its end. What
// that takes is loaded when it is needed, which can fail, and then says so.
import type { RunEvent } from '../../src/index.ts';
import type { News, PageSettings } from '../protocol.ts';
import type { Receipt } from '../receipt.ts';
import type { AnyRun } from './any_run.ts';
import type { PageRun } from './run.ts';
import type { Witness } from './witness.ts';

const NOT_LOADED =
  'What writes receipts could not be loaded. Reload the page: a saved run goes on, and has one at its end.';

export class Receipts {
  readonly #send: (news: News) => void;
  #witness: Witness | null = null;

  constructor(send: (news: News) => void) {
    this.#send = send;
  }

  /** Another run begins. @param receipt what it is held to; null for nothing */
  async hold(run: PageRun, receipt: Receipt | null): Promise<void> {
    this.#witness = receipt && new (await import('./witness.ts')).Witness(receipt, run);
    if (this.#witness) this.#send(this.#witness.first);
  }

  /** A run begins that no receipt is of. */
  leave(): void {
    this.#witness = null;
  }

  /** Of an event that was told. @param page the settings of the run; null for a lesson @param present whether it is still there */
  take(run: AnyRun, event: RunEvent, page: PageSettings | null, present: () => boolean): void {
    const shown = this.#witness?.take(event);
    if (shown) this.#send(shown);
    if (event.event !== 'end') return;
    void receiptOf(run, page).then((news) => {
      if (present()) this.#send(news);
    });
  }
}

async function receiptOf(run: AnyRun, page: PageSettings | null): Promise<News> {
  const loaded = await import('./witness.ts').catch(() => null);
  return loaded?.receiptNews(run, page) ?? { type: 'receipt', link: null, reason: NOT_LOADED };
}
