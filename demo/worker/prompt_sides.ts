// Prompts of a run's model and, of a lesson, of the one that it began from: both write at the same time, a token each in turn.
import type { Command, News } from '../protocol.ts';
import type { Writers } from './any_run.ts';
import { Prompts } from './prompts.ts';
import type { Server } from './turns.ts';

const NO_BASE = 'This run began from nothing: there is no model before it to ask.';

export class PromptSides implements Server {
  readonly #tuned: Prompts;
  readonly #base: Prompts;

  constructor(send: (news: News) => void) {
    [this.#tuned, this.#base] = [new Prompts(send), new Prompts(send)];
  }

  /** Who writes from now on. What was being written is cancelled. @param why a sentence, where it is told */
  use(writers: Writers | null, why: string | null = null): void {
    this.#tuned.use(writers?.tuned ?? null, why);
    if (writers && !writers.base) this.#base.close(NO_BASE);
    else this.#base.use(writers?.base ?? null, why);
  }

  /** Until there is another model all requests are answered so. @param reason a sentence */
  close(reason: string): void {
    for (const side of [this.#tuned, this.#base]) side.close(reason);
  }

  add(request: Extract<Command, { type: 'generate' }>): void {
    (request.side === 'base' ? this.#base : this.#tuned).add(request);
  }

  cancel(id: number): void {
    for (const side of [this.#tuned, this.#base]) side.cancel(id);
  }

  async arrival(): Promise<void> {
    await Promise.race([this.#tuned.arrival(), this.#base.arrival()]);
  }

  async serve(until: number): Promise<void> {
    do {
      await this.#tuned.serve(0);
      await this.#base.serve(0);
    } while ((this.#tuned.busy || this.#base.busy) && performance.now() < until);
  }
}
