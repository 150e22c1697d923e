// Questions about the run: answered one after the other, between two of its steps or while it holds.
import { InputError, RunError } from '../../src/index.ts';
import type { Answered, Asked, Kind } from '../protocol/questions.ts';
import type { Command, News } from '../protocol.ts';
import { ANSWERS } from './look/answers.ts';
import { Look, type LookedAt } from './look/look.ts';
import type { Server } from './turns.ts';

type Request = Extract<Command, { type: 'ask' }>;
type Told = Extract<News, { type: 'answered' }>;

/** The run that is looked at, as it was after a step, and what was made to look into it. */
export interface Seen {
  run: LookedAt;
  step: number;
  kept: Map<string, { release(): void }>;
}

/** How the run was after its earlier steps. */
export interface History {
  /**
   * Brings a copy of the run to a step, a piece at a time.
   * @param until milliseconds of `performance.now()`; one piece is made in any case
   * @returns null while it is on its way @throws InputError for a step that it cannot be brought to
   */
  reach(step: number, until: number): Promise<Seen | null>;
  /** Gives back the copy. */
  rest(): void;
}

export class Questions implements Server {
  readonly #send: (news: News) => void;
  #waiting: Request[] = [];
  #answering: Request | null = null;
  #run: LookedAt | null = null;
  #past: History = NO_PAST;
  #closed: string | null = null;
  #busy = false;
  #resting = false;
  readonly #kept = new Map<string, { release(): void }>();
  #arrived: () => void = () => {};

  constructor(send: (news: News) => void) {
    this.#send = send;
  }

  /** The run that is asked about from now on. */
  use(run: LookedAt | null, past: History = NO_PAST): void {
    this.rest();
    [this.#run, this.#past, this.#closed] = [run, past, null];
    this.#arrived();
  }

  /** Until there is another run all questions are answered so. @param reason a sentence */
  close(reason: string): void {
    this.use(null);
    this.#closed = reason;
    for (const { id } of this.#waiting.splice(0)) this.#tell({ id, error: reason });
  }

  add(request: Request): void {
    if (this.#closed !== null) this.#tell({ id: request.id, error: this.#closed });
    else {
      this.#waiting.push(request);
      this.#arrived();
    }
  }

  cancel(id: number): void {
    if (this.#answering?.id === id) {
      // Told where it is being answered.
      this.#answering = null;
      return;
    }
    const at = this.#waiting.findIndex((request) => request.id === id);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#tell({ id });
  }

  /** Gives back what was made to look inside; while a question is being answered, right after it. */
  rest(): void {
    this.#resting = this.#busy;
    if (this.#resting) return;
    this.#past.rest();
    if (this.#kept.size === 0) return;
    for (const kept of this.#kept.values()) kept.release();
    this.#kept.clear();
    // What a look needed beyond a step is given back too: the next step makes its own anew.
    this.#run?.device?.releaseActivations();
  }

  /** As `rest`, once the question that is being answered has its answer: a run that holds answers all the same. */
  async rested(): Promise<void> {
    this.rest();
    while (this.#resting) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async arrival(): Promise<void> {
    if (this.#run && this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
  }

  async serve(until: number): Promise<void> {
    do {
      const request = this.#run && this.#waiting[0];
      if (!request) return;
      await this.#answer(request, until);
    } while (performance.now() < until);
  }

  /** A question about an earlier step stays the next until a copy of the run has been brought there. */
  async #answer(request: Request, until: number): Promise<void> {
    const { id, question } = request;
    [this.#answering, this.#busy] = [request, true];
    const stopped = () => this.#answering !== request;
    try {
      const seen = await this.#seen(request, until);
      if (!seen && !stopped()) return;
      this.#done(request);
      if (!seen || stopped()) return this.#tell({ id });
      const answer = await answerOf(new Look(seen.run, seen.step, seen.kept, stopped), question.kind, question);
      this.#tell({ id, step: seen.step, answer: stopped() ? null : answer });
    } catch (error) {
      this.#done(request);
      const known = error instanceof InputError || error instanceof RunError;
      this.#tell({ id, error: known ? error.message : 'This cannot be looked at here.' });
      // What a person can mend is told where it was asked; all else, such as a lost GPU, is the run's to tell too.
      if (!(error instanceof InputError)) throw error;
    } finally {
      [this.#answering, this.#busy] = [null, false];
      if (this.#resting) this.rest();
    }
  }

  #done(request: Request): void {
    const at = this.#waiting.indexOf(request);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  async #seen({ step }: Request, until: number): Promise<Seen | null> {
    const run = this.#run!;
    const { reached } = run.trainer;
    if (step !== null && step !== reached) return this.#past.reach(step, until);
    // Nobody looks at an earlier step any more.
    this.#past.rest();
    return { run, step: reached, kept: this.#kept };
  }

  #tell(told: Partial<Told>): void {
    this.#send({ type: 'answered', id: 0, step: 0, answer: null, error: null, ...told });
  }
}

/** One of the kinds at a time: what is asked and what is answered belong together. */
async function answerOf<K extends Kind>(look: Look, kind: K, asked: Asked<K>): Promise<Answered<K>> {
  const answer = await ANSWERS[kind]();
  return answer(look, asked);
}

const NO_PAST: History = {
  async reach(step) {
    throw new InputError(`step ${step}: not kept, expected the newest step.`);
  },
  rest() {},
};
