// The prompt box: requests are served one after the other, a few tokens at a time.
import { DeviceLostError, InputError, type TokenGenerator, type Tokenizer } from '../../src/index.ts';
import type { Command, News } from '../protocol.ts';
import type { ShelfWriters, Writer } from './any_run.ts';
import { INTERRUPTED } from './recovery.ts';
import type { Server } from './turns.ts';

type Request = Extract<Command, { type: 'generate' }>;

interface Writing {
  request: Request;
  tokens: AsyncGenerator<{ id: number }>;
  decoder: ReturnType<Tokenizer['decoder']>;
  text: string;
  endIds: readonly number[];
}

export class Prompts implements Server {
  #send: (news: News) => void;
  #waiting: Request[] = [];
  #writing: Writing | null = null;
  /** The request whose model is being made. */
  #opening: number | null = null;
  #busy = false;
  #model: Writer | ShelfWriters | null = null;
  /** Why nothing will be written; null where a model is there, or is on its way. */
  #closed: string | null = null;
  #arrived: () => void = () => {};

  constructor(send: (news: News) => void) {
    this.#send = send;
  }

  /** The model that writes from now on. What the one before was writing is cancelled. @param why a sentence, where it is told */
  use(model: Writer | ShelfWriters | null, why: string | null = null): void {
    if (this.#writing) this.#end(true, why);
    const before = this.#model;
    this.#model = model;
    this.#closed = null;
    // One that is at work rests behind it.
    if (!this.#busy) before?.rest?.();
  }

  /** Until there is another model all requests are answered so. @param reason a sentence */
  close(reason: string): void {
    this.use(null, reason);
    this.#closed = reason;
    for (const { id } of this.#waiting.splice(0)) this.#refuse(id);
  }

  add(request: Request): void {
    if (this.#closed === null) {
      this.#waiting.push(request);
      this.#arrived();
    } else this.#refuse(request.id);
  }

  cancel(id: number): void {
    if (this.#writing?.request.id === id) this.#end(true);
    if (this.#opening === id) this.#opening = null;
    const at = this.#waiting.findIndex((request) => request.id === id);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#send({ type: 'generated', id, text: '', cancelled: true, error: null });
  }

  /** Something is being written, or waits to be. */
  get busy(): boolean {
    return this.#model !== null && (this.#writing !== null || this.#waiting.length > 0);
  }

  async arrival(): Promise<void> {
    if (this.#writing || this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
  }

  async serve(until: number): Promise<void> {
    do {
      const model = this.#model;
      this.#busy = true;
      try {
        if (!this.#writing && !(await this.#begin())) return;
        await this.#token();
      } finally {
        this.#busy = false;
        if (this.#model !== model) model?.rest?.();
        this.#rest();
      }
    } while (performance.now() < until);
  }

  /** @returns whether there is something to write */
  async #begin(): Promise<boolean> {
    while (this.#model) {
      const request = this.#waiting.shift();
      if (!request) return false;
      const model = this.#model;
      this.#opening = request.id;
      try {
        const writer = 'of' in model ? await model.of(request) : model;
        const { tokenizer, endIds } = writer;
        const prompt = writer.ids(request);
        const generator = await writer.generator();
        // It may have been cancelled meanwhile, or another model may have taken the place of this one.
        if (this.#opening !== request.id || this.#model !== model) {
          this.#send({ type: 'generated', id: request.id, text: '', cancelled: true, error: this.#closed });
          continue;
        }
        const { maxNewTokens, temperature, topK } = request;
        const tokens = generator.generate(prompt, {
          maxNewTokens,
          temperature,
          topK: topK > 0 ? topK : undefined,
          seed: request.id,
          eosId: endIds,
        });
        this.#writing = { request, tokens, decoder: tokenizer.decoder(prompt), text: '', endIds };
        return true;
      } catch (error) {
        this.#fail(request.id, '', error);
      }
    }
    return false;
  }

  async #token(): Promise<void> {
    const writing = this.#writing!;
    const { request, tokens, decoder } = writing;
    try {
      const { done, value } = await tokens.next();
      // It may have been cancelled meanwhile.
      if (this.#writing !== writing) return;
      // What ends a text is no part of it.
      const text = done ? decoder.end() : writing.endIds.includes(value.id) ? '' : decoder.push(value.id);
      writing.text += text;
      if (text !== '') this.#send({ type: 'token', id: request.id, text });
      if (done) this.#end(false);
    } catch (error) {
      this.#writing = null;
      this.#fail(request.id, writing.text, error);
    }
  }

  /** Nobody asks any more, and nothing is on its way. */
  #rest(): void {
    if (!this.#busy && !this.#writing && this.#waiting.length === 0) this.#model?.rest?.();
  }

  #refuse(id: number): void {
    this.#send({ type: 'generated', id, text: '', cancelled: true, error: this.#closed });
  }

  #end(cancelled: boolean, error: string | null = null): void {
    const { request, text } = this.#writing!;
    this.#writing = null;
    this.#send({ type: 'generated', id: request.id, text, cancelled, error });
    this.#rest();
  }

  /** What a person can mend is told under the box; all else is the run's to tell too: a lost GPU, and where its own model writes. */
  #fail(id: number, text: string, error: unknown): void {
    const told = error instanceof InputError;
    const lost = error instanceof DeviceLostError;
    const failed = lost ? INTERRUPTED : 'The prompt failed.';
    this.#send({ type: 'generated', id, text, cancelled: true, error: told ? error.message : failed });
    if (told) return;
    const guest = this.#model !== null && 'of' in this.#model;
    if (lost || !guest) throw error;
    console.error(error);
  }
}

/** A model that goes on with texts, and has no form for conversations. */
export function plainWriter(generator: TokenGenerator, tokenizer: Tokenizer): Writer {
  return {
    tokenizer,
    generator: () => generator,
    endIds: tokenizer.eosId === null ? [] : [tokenizer.eosId],
    ids({ prompt, messages }) {
      if (messages)
        throw new InputError('prompt: this model has no form for conversations, expected a text that it goes on with.');
      return prompt === '' ? beginning(tokenizer) : tokenizer.encode(prompt);
    },
  };
}

/** A model writes on from something: without a prompt, from the beginning of a line. */
export function beginning(tokenizer: Tokenizer): number[] {
  try {
    return tokenizer.encode('\n');
  } catch {
    return [0];
  }
}
