// What models write for the visitor, as far as it has come: of the prompt box, of the translator, and of both sides of a conversation.
import { type Signal, signal } from '@preact/signals';
import type { Command, News } from '../protocol.ts';
import type { Answer, Translation } from './answers.ts';
import type { SlowSignals } from './slow_signals.ts';

type Generate = Extract<Command, { type: 'generate' }>;
type Told = Extract<News, { type: 'token' | 'generated' | 'translated' }>;
/** Who is asked in a conversation. */
export type Side = 'base' | 'tuned';

interface Page {
  send(command: Command): void;
  shown: SlowSignals;
  /** A number that nothing else was asked by. */
  nextId(): number;
}

export class Replies {
  readonly answer = signal<Answer | null>(null);
  readonly translation = signal<Translation | null>(null);
  /** The last answer in a conversation: of the model before its lesson, and of the one that writes now. */
  readonly talks: Readonly<Record<Side, Signal<Answer | null>>> = { base: signal(null), tuned: signal(null) };
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** @param options which model of the shelf writes instead of the run's own, where it does, and how */
  generate(prompt: string, options: Omit<Generate, 'type' | 'id' | 'prompt'>): void {
    const id = this.#begin(this.answer, prompt);
    this.#page.send({ type: 'generate', id, prompt, ...options });
  }

  /** @param shown what was asked, as the page shows it @param asked with a side of its own where a model of the shelf is asked */
  talk(side: Side, shown: string, asked: Omit<Generate, 'type' | 'id'>): void {
    const id = this.#begin(this.talks[side], shown);
    this.#page.send({ type: 'generate', id, side, ...asked });
  }

  translate(text: string): void {
    const id = this.#begin(this.translation as Signal<Answer | null>, text, { alignment: null });
    this.#page.send({ type: 'translate', id, text });
  }

  /** What is told goes to the answer that was asked for, and to no earlier one. */
  take(news: Told): void {
    const { answer, translation, talks } = this;
    const targets = [answer, talks.base, talks.tuned, translation as Signal<Answer | null>];
    const target = targets.find((each) => this.#page.shown.latest(each)?.id === news.id);
    if (!target) return;
    const { shown } = this.#page;
    const reply = shown.latest(target)!;
    const { text, error } = news.type === 'token' ? { ...reply, text: reply.text + news.text } : news;
    const ended = news.type !== 'token' && {
      done: true,
      ...(news.type === 'translated' && { alignment: news.alignment }),
    };
    shown.put(target, { ...reply, text, error, ...ended });
  }

  #begin(target: Signal<Answer | null>, prompt: string, more: Partial<Translation> = {}): number {
    const id = this.#page.nextId();
    target.value = { id, prompt, text: '', done: false, error: null, ...more };
    return id;
  }
}
