// Prompts of a run's model, of a lesson of the one that it began from, and of models of the shelf: all write at the same time, a token each
// in turn.
import type { Command, News } from '../protocol.ts';
import type { ShelfWriters, Writers } from './any_run.ts';
import { Prompts } from './prompts.ts';
import type { Server } from './turns.ts';

const NO_BASE = 'This run began from nothing: there is no model before it to ask.';

export class PromptSides implements Server {
  readonly #tuned: Prompts;
  readonly #base: Prompts;
  readonly #shelf: Prompts;

  constructor(send: (news: News) => void) {
    [this.#tuned, this.#base, this.#shelf] = [new Prompts(send), new Prompts(send), new Prompts(send)];
  }

  get #sides(): readonly Prompts[] {
    return [this.#tuned, this.#base, this.#shelf];
  }

  /** Who writes from now on. What was being written is cancelled. @param why a sentence, where it is told */
  use(writers: (Writers & { shelf: ShelfWriters }) | null, why: string | null = null): void {
    this.#shelf.use(writers?.shelf ?? null, why);
    this.#tuned.use(writers?.tuned ?? null, why);
    if (writers && !writers.base) this.#base.close(NO_BASE);
    else this.#base.use(writers?.base ?? null, why);
  }

  /** Until there is another model all requests are answered so. @param reason a sentence */
  close(reason: string): void {
    for (const side of this.#sides) side.close(reason);
  }

  add(request: Extract<Command, { type: 'generate' }>): void {
    const { side = 'tuned' } = request;
    (side === 'tuned' ? this.#tuned : side === 'base' ? this.#base : this.#shelf).add(request);
  }

  cancel(id: number): void {
    for (const side of this.#sides) side.cancel(id);
  }

  async arrival(): Promise<void> {
    await Promise.race(this.#sides.map((side) => side.arrival()));
  }

  async serve(until: number): Promise<void> {
    do {
      for (const side of this.#sides) await side.serve(0);
    } while (this.#sides.some(({ busy }) => busy) && performance.now() < until);
  }
}
