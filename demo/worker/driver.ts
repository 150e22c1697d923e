// Drives one run from its beginning until it is replaced: steps while it may, serves what is asked beside it between them and while it
// holds, tells everything, and never rejects.
import { hashOf, type LoopProgress, loop, NotFiniteError, type RunEvent } from '../../src/index.ts';
import type { News, RunState } from '../protocol.ts';
import type { AnyRun } from './any_run.ts';
import { Control } from './control.ts';
import type { Turns } from './turns.ts';

export interface DriverParts {
  run: AnyRun;
  turns: Turns;
  send(news: News): void;
  become(state: RunState): void;
  /** As the loop's. */
  save(progress: LoopProgress): Promise<string | null>;
  /** After an evaluation and after a save: the run is to be found again as it is. */
  keep(): Promise<void>;
  failed(error: unknown): void;
  /** It goes on from where a lost device left it: its start was told. */
  rebuilt?: boolean;
}

/** Milliseconds between two figures of what the run takes. */
const TELL_EVERY = 1000;

export class Driver {
  readonly run: AnyRun;
  /** The step that it began at. */
  readonly begunAt: number;
  readonly control = new Control();
  /** Settles when the run has ended. */
  readonly ended: Promise<void>;
  readonly #parts: DriverParts;
  /** Seconds and steps since the page was opened. */
  #seconds = 0;
  #steps = 0;
  #told = 0;
  #busy = false;

  /** It holds until its control says otherwise. */
  constructor(parts: DriverParts) {
    this.run = parts.run;
    this.begunAt = parts.run.progress.step;
    this.#parts = parts;
    this.ended = this.#drive().catch((error) => this.#fail(error));
  }

  /** All steps are done. */
  get over(): boolean {
    const { trainer } = this.run.parts;
    return trainer.step >= this.run.totalSteps && this.run.progress.evaluatedAt === trainer.step;
  }

  /** Goes on, where a step is left. */
  go(): void {
    if (!this.over) this.control.go();
  }

  /** Holds, and waits until it does. */
  async hold(): Promise<void> {
    this.control.hold();
    while (this.#busy) await breath(20);
  }

  async #drive(): Promise<void> {
    const { run, become } = this.#parts;
    if (!this.#parts.rebuilt) this.#emit(run.startEvent());
    else run.events.push(run.startEvent());
    while (await this.#mayRun()) {
      this.#busy = true;
      try {
        become('training');
        await this.#loop();
        if (this.control.ended) return;
        this.control.hold();
        if (this.over) await this.#finish();
        become(this.over ? 'done' : 'paused');
      } finally {
        this.#busy = false;
      }
    }
  }

  /** A step that was refused for its numbers has changed nothing, and may be asked about until another run takes its place. */
  async #fail(error: unknown): Promise<void> {
    const { failed } = this.#parts;
    failed(error);
    if (!(error instanceof NotFiniteError)) return;
    this.control.hold();
    try {
      while (await this.#mayRun()) this.control.hold();
    } catch (other) {
      failed(other);
    }
  }

  /** Serves what is asked while the run holds. @returns false where it has ended */
  async #mayRun(): Promise<boolean> {
    const { control } = this;
    const { turns } = this.#parts;
    while (control.held) {
      await Promise.race([control.change(), turns.arrival()]);
      if (!control.held) break;
      await turns.serve(0);
      await breath();
    }
    return !control.ended;
  }

  /** The loop, until it is told to stop or all is done. */
  async #loop(): Promise<void> {
    const { run, turns, become, save, keep } = this.#parts;
    const { trainer } = run.parts;
    const options = run.loopOptions({ stop: this.control.stop, drawn: (step) => this.control.drawn(step), save });
    let since = performance.now();
    for await (const event of loop(trainer, options, run.progress)) {
      this.#seconds += (performance.now() - since) / 1000;
      if (event.event === 'phase') this.#parts.send({ type: 'phase', text: event.text });
      else {
        if (event.event === 'step') this.#steps++;
        this.#emit(event);
        if (event.event === 'save') become('training');
        if (event.event === 'save' || event.event === 'eval') await keep();
      }
      await turns.turn();
      if (performance.now() - this.#told > TELL_EVERY) this.#tell();
      await breath();
      since = performance.now();
    }
    this.#tell();
  }

  async #finish(): Promise<void> {
    const { run } = this.#parts;
    const { step } = run.parts.trainer;
    const figures = (await run.finish?.()) ?? {};
    const parameterHash = await hashOf(run.home.machine, run.parts.model);
    const { validationLoss } = run.progress;
    this.#emit({ event: 'end', step, validationLoss: validationLoss!, ...figures, parameterHash });
  }

  #emit(event: RunEvent): void {
    this.run.events.push(event);
    this.#parts.send({ type: 'event', event });
  }

  #tell(): void {
    this.#told = performance.now();
    const { home, memory } = this.run;
    const bytes = home.device?.shared.buffers.liveBytes ?? memory.total;
    this.#parts.send({ type: 'measured', bytes, seconds: this.#seconds, steps: this.#steps });
  }
}

/** Does something while a run holds, which then goes on if it did before, whatever came of it. */
export async function whileHeld(
  driver: Pick<Driver, 'control' | 'hold' | 'go'>,
  action: () => Promise<void>,
): Promise<void> {
  const { going } = driver.control;
  await driver.hold();
  try {
    await action();
  } finally {
    if (going) driver.go();
  }
}

/** Lets messages in. */
function breath(ms = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
