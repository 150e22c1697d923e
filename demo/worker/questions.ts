// Questions about the run: answered one after the other, between two of its steps or while it holds.
import { InputError, RunError } from '../../src/index.ts';
import type { Answered, Asked, Kind } from '../protocol/questions.ts';
import type { Command, News } from '../protocol.ts';
import { ANSWERS } from './look/answers.ts';
import { Look, type LookedAt } from './look/look.ts';
import type { Server } from './turns.ts';

type Request = Extract<Command, { type: 'ask' }>;
type Told = Extract<News, { type: 'answered' }>;

/** The run that is looked at, as it was after a step; `release` gives back what was made for that. */
export interface Seen {
  run: LookedAt;
  step: number;
  release?(): void;
}

export class Questions implements Server {
  readonly #send: (news: News) => void;
  #waiting: Request[] = [];
  #answering: Request | null = null;
  #run: LookedAt | null = null;
  /** How the run was after an earlier step. */
  #past: (step: number, stopped: () => boolean) => Promise<Seen> = refusePast;
  #closed: string | null = null;
  #busy = false;
  #resting = false;
  readonly #kept = new Map<string, { release(): void }>();
  #arrived: () => void = () => {};

  constructor(send: (news: News) => void) {
    this.#send = send;
  }

  /** The run that is asked about from now on. */
  use(run: LookedAt | null, past: (step: number, stopped: () => boolean) => Promise<Seen> = refusePast): void {
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
    if (this.#answering?.id === id) this.#answering = null;
    const at = this.#waiting.findIndex((request) => request.id === id);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#tell({ id });
  }

  /** Gives back what was made to look inside; while a question is being answered, right after it. */
  rest(): void {
    this.#resting = this.#busy;
    if (this.#resting) return;
    for (const kept of this.#kept.values()) kept.release();
    this.#kept.clear();
  }

  async arrival(): Promise<void> {
    if (this.#run && this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
  }

  async serve(until: number): Promise<void> {
    do {
      const request = this.#run && this.#waiting.shift();
      if (!request) return;
      await this.#answer(request);
    } while (performance.now() < until);
  }

  async #answer(request: Request): Promise<void> {
    const { id, question } = request;
    [this.#answering, this.#busy] = [request, true];
    const stopped = () => this.#answering !== request;
    try {
      const { run, step, release } = await this.#seen(request, stopped);
      // What is made for the past of a run is of no use to its present.
      const kept = release ? new Map<string, { release(): void }>() : this.#kept;
      try {
        const answer = await answerOf(new Look(run, step, kept, stopped), question.kind, question);
        this.#tell({ id, step, answer: stopped() ? null : answer });
      } finally {
        if (release) {
          for (const each of kept.values()) each.release();
          release();
        }
      }
    } catch (error) {
      const known = error instanceof InputError || error instanceof RunError;
      this.#tell({ id, error: known ? error.message : 'This cannot be looked at here.' });
      // What a person can mend is told where it was asked; all else, such as a lost GPU, is the run's to tell too.
      if (!(error instanceof InputError)) throw error;
    } finally {
      [this.#answering, this.#busy] = [null, false];
      if (this.#resting) this.rest();
    }
  }

  async #seen({ step }: Request, stopped: () => boolean): Promise<Seen> {
    const run = this.#run!;
    const { reached } = run.trainer;
    return step === null || step === reached ? { run, step: reached } : this.#past(step, stopped);
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

async function refusePast(step: number): Promise<Seen> {
  throw new InputError(`step ${step}: not kept, expected the newest step.`);
}
