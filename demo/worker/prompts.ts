// The prompt box: requests are served one after the other, a few tokens at a time.
import { InputError, type TokenGenerator, type Tokenizer } from '../../src/index.ts';
import type { Command, News } from '../protocol.ts';
import type { Server } from './turns.ts';

type Request = Extract<Command, { type: 'generate' }>;

interface Writing {
  request: Request;
  tokens: AsyncGenerator<{ id: number }>;
  decoder: ReturnType<Tokenizer['decoder']>;
  text: string;
}

export class Prompts implements Server {
  #send: (news: News) => void;
  #waiting: Request[] = [];
  #writing: Writing | null = null;
  #model: { generator: TokenGenerator; tokenizer: Tokenizer } | null = null;
  /** Why nothing will be written; null where a model is there, or is on its way. */
  #closed: string | null = null;
  #arrived: () => void = () => {};

  constructor(send: (news: News) => void) {
    this.#send = send;
  }

  /** The model that writes from now on. What the one before was writing is cancelled. */
  use(model: { generator: TokenGenerator; tokenizer: Tokenizer } | null): void {
    if (this.#writing) this.#end(true);
    this.#model = model;
    this.#closed = null;
  }

  /** Until there is another model all requests are answered so. @param reason a sentence */
  close(reason: string): void {
    this.use(null);
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
    const at = this.#waiting.findIndex((request) => request.id === id);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#send({ type: 'generated', id, text: '', cancelled: true, error: null });
  }

  async arrival(): Promise<void> {
    if (this.#writing || this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
  }

  async serve(until: number): Promise<void> {
    do {
      if (!this.#writing && !this.#begin()) return;
      await this.#token();
    } while (performance.now() < until);
  }

  /** @returns whether there is something to write */
  #begin(): boolean {
    while (this.#model) {
      const request = this.#waiting.shift();
      if (!request) return false;
      const { generator, tokenizer } = this.#model;
      try {
        const prompt = request.prompt === '' ? beginning(tokenizer) : tokenizer.encode(request.prompt);
        const { maxNewTokens, temperature, topK } = request;
        const tokens = generator.generate(prompt, {
          maxNewTokens,
          temperature,
          topK: topK > 0 ? topK : undefined,
          seed: request.id,
          eosId: tokenizer.eosId,
        });
        this.#writing = { request, tokens, decoder: tokenizer.decoder(), text: '' };
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
      const text = done ? decoder.end() : decoder.push(value.id);
      writing.text += text;
      if (text !== '') this.#send({ type: 'token', id: request.id, text });
      if (done) this.#end(false);
    } catch (error) {
      this.#writing = null;
      this.#fail(request.id, writing.text, error);
    }
  }

  #refuse(id: number): void {
    this.#send({ type: 'generated', id, text: '', cancelled: true, error: this.#closed });
  }

  #end(cancelled: boolean): void {
    const { request, text } = this.#writing!;
    this.#writing = null;
    this.#send({ type: 'generated', id: request.id, text, cancelled, error: null });
  }

  /** What a person can mend is told under the box; all else, such as a lost GPU, is the run's to tell too. */
  #fail(id: number, text: string, error: unknown): void {
    const told = error instanceof InputError;
    this.#send({ type: 'generated', id, text, cancelled: true, error: told ? error.message : 'The prompt failed.' });
    if (!told) throw error;
  }
}

/** A model writes on from something: without a prompt, from the beginning of a line. */
function beginning(tokenizer: Tokenizer): number[] {
  try {
    return tokenizer.encode('\n');
  } catch {
    return [0];
  }
}
