// Signals that change at most ten times a second, all at once, and not at all while the tab is hidden: drawing takes less time than news.
import { batch, type Signal } from '@preact/signals';

const DRAW_MS = 100;

export class SlowSignals {
  readonly #pending = new Map<Signal<unknown>, unknown>();
  #drawnAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** What a signal will be when it is shown next. */
  put<T>(target: Signal<T>, value: T): void {
    this.#pending.set(target as Signal<unknown>, value);
  }

  /** What was put last, shown or not; draws nothing again. */
  latest<T>(target: Signal<T>): T {
    const key = target as Signal<unknown>;
    return this.#pending.has(key) ? (this.#pending.get(key) as T) : target.peek();
  }

  /** Shows what is pending when it may. */
  schedule(): void {
    if (this.#timer !== undefined || globalThis.document?.hidden) return;
    this.#timer = setTimeout(() => this.flush(), Math.max(0, this.#drawnAt + DRAW_MS - performance.now()));
  }

  /** Shows what is pending now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (globalThis.document?.hidden) return;
    this.#drawnAt = performance.now();
    const pending = [...this.#pending];
    this.#pending.clear();
    batch(() => {
      for (const [target, value] of pending) target.value = value;
    });
  }
}
