// Texts to be translated: served one after the other, a token at a time, by a model that is fetched when the first one comes.
import { DeviceLostError, InputError, type Machine } from '../../src/index.ts';
import type { AlignmentMaps, Command, News } from '../protocol.ts';
import { INTERRUPTED } from './recovery.ts';
import type { Server } from './turns.ts';

type Request = Extract<Command, { type: 'translate' }>;
type Translated = Extract<News, { type: 'translated' }>;

/** Pieces of a translation as they come, and at last how it looked at its source; null where it was ended before. */
export type Pieces = AsyncGenerator<string, AlignmentMaps | null, void>;
export type Translate = (machine: Machine, text: string) => Pieces;

interface Writing {
  id: number;
  pieces: Pieces;
  text: string;
}

export class Translations implements Server {
  readonly #send: (news: News) => void;
  readonly #fetched: () => Promise<Translate>;
  #waiting: Request[] = [];
  #writing: Writing | null = null;
  #machine: Machine | null = null;
  #opening: Promise<void> | null = null;
  #translate: Translate | null = null;
  /** Why nothing will be translated; null where a machine is there, or is on its way. */
  #closed: string | null = null;
  #arrived: () => void = () => {};

  /** @param fetched gets the model */
  constructor(send: (news: News) => void, fetched: () => Promise<Translate> = fetchTranslator) {
    this.#send = send;
    this.#fetched = fetched;
  }

  /** The machine that translates from now on. What was being translated is cancelled, and gives back what it holds. @param why a sentence, where it is told */
  async use(machine: Machine | null, why: string | null = null): Promise<void> {
    [this.#machine, this.#closed] = [machine, null];
    await this.#cancelWriting(why);
  }

  /** Until there is another machine all requests are answered so. @param reason a sentence */
  close(reason: string): void {
    void this.use(null, reason);
    this.#closed = reason;
    for (const { id } of this.#waiting.splice(0)) this.#end(id, { error: reason });
  }

  add(request: Request): void {
    if (this.#closed !== null) {
      this.#end(request.id, { error: this.#closed });
      return;
    }
    this.#waiting.push(request);
    this.#opening ??= this.#open();
    void this.#opening.then(() => this.#arrived());
  }

  cancel(id: number): void {
    if (this.#writing?.id === id) void this.#cancelWriting();
    const at = this.#waiting.findIndex((request) => request.id === id);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#end(id, {});
  }

  async arrival(): Promise<void> {
    if (this.#writing || (this.#translate && this.#machine && this.#waiting.length > 0)) return;
    await new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
  }

  async serve(until: number): Promise<void> {
    do {
      if (!this.#writing && !this.#begin()) return;
      await this.#piece();
    } while (performance.now() < until);
  }

  /** The model stays; where it cannot be had, the next request tries again. */
  async #open(): Promise<void> {
    try {
      this.#translate = await this.#fetched();
    } catch (error) {
      this.#opening = null;
      const sentence = `translate: the model cannot be fetched (${(error as Error).message}). Try again.`;
      const told = error instanceof InputError ? error.message : sentence;
      for (const { id } of this.#waiting.splice(0)) this.#end(id, { error: told });
    }
  }

  /** @returns whether there is something to translate */
  #begin(): boolean {
    const [machine, translate] = [this.#machine, this.#translate];
    const request = machine && translate && this.#waiting.shift();
    if (!request) return false;
    this.#writing = { id: request.id, pieces: translate(machine, request.text), text: '' };
    return true;
  }

  async #piece(): Promise<void> {
    const writing = this.#writing!;
    const { id, pieces } = writing;
    try {
      const { done, value } = await pieces.next();
      // It may have been cancelled meanwhile.
      if (this.#writing !== writing) return;
      if (done) {
        this.#writing = null;
        this.#end(id, { text: writing.text, cancelled: false, alignment: value });
      } else {
        writing.text += value;
        if (value !== '') this.#send({ type: 'token', id, text: value });
      }
    } catch (error) {
      this.#writing = null;
      // What a person can mend is told under the box; all else, such as a lost GPU, is the run's to tell too.
      const told = error instanceof InputError;
      const failed = error instanceof DeviceLostError ? INTERRUPTED : 'The translation failed.';
      this.#end(id, { text: writing.text, error: told ? error.message : failed });
      if (!told) throw error;
    }
  }

  async #cancelWriting(error: string | null = null): Promise<void> {
    const writing = this.#writing;
    if (!writing) return;
    this.#writing = null;
    this.#end(writing.id, { text: writing.text, error });
    await writing.pieces.return(null);
  }

  #end(id: number, how: Partial<Omit<Translated, 'type' | 'id'>>): void {
    this.#send({ type: 'translated', id, text: '', cancelled: true, error: null, alignment: null, ...how });
  }
}

/** Neither its code nor its weights are part of a first visit. */
async function fetchTranslator(): Promise<Translate> {
  const { openTranslator } = await import('./translate.ts');
  return openTranslator(async (name) => {
    const response = await fetch(new URL(name, globalThis.location.href)).catch(() => null);
    if (response?.ok) return new Uint8Array(await response.arrayBuffer());
    const found = response ? `status ${response.status}` : 'no answer';
    throw new InputError(`${name}: found ${found}, expected the model beside the page. Try again.`);
  });
}
