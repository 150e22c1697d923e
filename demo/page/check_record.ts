// A self-check as told so far: its last case, those that failed, and its end.
import { signal } from '@preact/signals';
import type { CheckedCase, News } from '../protocol.ts';
import type { SlowSignals } from './slow_signals.ts';

type Of<T extends News['type']> = Extract<News, { type: T }>;

export class CheckRecord {
  readonly last = signal<Of<'checked'> | null>(null);
  readonly failures = signal<CheckedCase[]>([]);
  readonly verdict = signal<Of<'verdict'> | null>(null);
  readonly #shown: SlowSignals;

  constructor(shown: SlowSignals) {
    this.#shown = shown;
  }

  begin(): void {
    for (const each of [this.last, this.verdict]) each.value = null;
    this.failures.value = [];
  }

  take(news: Of<'checked'> | Of<'verdict'>): void {
    const shown = this.#shown;
    if (news.type === 'verdict') shown.put(this.verdict, news);
    else {
      shown.put(this.last, news);
      if (news.case.ok === false) shown.put(this.failures, [...shown.latest(this.failures), news.case]);
    }
  }

  /** One that could not go on has no verdict: it can be begun again. */
  interrupt(): void {
    if (this.#shown.latest(this.verdict) === null) this.#shown.put(this.last, null);
  }
}
