// Questions about the run that wait for their answers.
import type { Answered, Kind } from '../protocol/questions.ts';
import type { News } from '../protocol.ts';

/** What a question that was dropped is rejected with. */
export const DROPPED = 'dropped';

/** An answer, and the step that it is of. */
export interface Told<K extends Kind> {
  step: number;
  answer: Answered<K>;
}

/** A question that was asked. */
export interface Pending<K extends Kind> {
  answer: Promise<Told<K>>;
  /** It is of no use any more. */
  drop(): void;
}

export class PendingQuestions {
  readonly #waiting = new Map<number, { resolve(told: unknown): void; reject(error: Error): void }>();

  /** The promise is rejected with a sentence for what cannot be looked at, and with `DROPPED`. @param cancel tells the worker */
  add<K extends Kind>(id: number, cancel: () => void): Pending<K> {
    const answer = new Promise<Told<K>>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (told: unknown) => void, reject });
    });
    const drop = () => {
      if (this.#waiting.has(id)) cancel();
    };
    return { answer, drop };
  }

  take({ id, step, answer, error }: Extract<News, { type: 'answered' }>): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (answer) waiting?.resolve({ step, answer });
    else waiting?.reject(new Error(error ?? DROPPED));
  }
}
