// Where the present run is saved, where anything is; what cannot be saved is told once, and the run goes on.
import { type LoopProgress, RunError } from '../../src/index.ts';
import type { News } from '../protocol.ts';
import type { AnyRun } from './any_run.ts';
import { notSaved } from './offers.ts';
import type { Found, Saves } from './saves.ts';

export class Saving {
  readonly #send: (news: News) => void;
  /** null where nothing is saved: another tab has them, or the browser keeps no files. */
  saves: Saves | null = null;
  #told = false;

  constructor(send: (news: News) => void) {
    this.#send = send;
  }

  /** From here on another run is saved. See Saves.use */
  use(found: Found | null, fork: boolean): void {
    this.saves?.use(found, fork);
    this.#told = false;
  }

  /** The last save of the present run; null where there is none. */
  async present(): Promise<Found | null> {
    return (await this.saves?.present()) ?? null;
  }

  /** @returns as the loop's: null where it was not saved */
  async save(run: AnyRun, progress: LoopProgress): Promise<string | null> {
    if (!this.saves) return null;
    try {
      await this.saves.save(progress.step, await run.files(progress), () => run.beside());
      this.#told = false;
      return `step-${progress.step}`;
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      // A lost device ends the run; a lack of room does not.
      run.home.device?.check();
      if (!this.#told) this.#send({ type: 'error', ...notSaved(error) });
      this.#told = true;
      return null;
    }
  }
}
