// When a chart is drawn again: at once, with reduced motion at most once a second, and not at all while nobody can see it.
const CALM_MS = 1000;

export class Pace {
  readonly #draw: () => void;
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #last = Number.NEGATIVE_INFINITY;
  #late: ReturnType<typeof setTimeout> | undefined;
  #missed = false;

  constructor(draw: () => void) {
    this.#draw = draw;
    document.addEventListener('visibilitychange', this.#seen);
  }

  /** There is something new to draw. */
  ask(): void {
    clearTimeout(this.#late);
    const wait = this.#calm.matches ? this.#last + CALM_MS - performance.now() : 0;
    if (wait > 0) this.#late = setTimeout(() => this.ask(), wait);
    else if (document.hidden) this.#missed = true;
    else {
      this.#last = performance.now();
      this.#missed = false;
      this.#draw();
    }
  }

  close(): void {
    clearTimeout(this.#late);
    document.removeEventListener('visibilitychange', this.#seen);
  }

  readonly #seen = () => {
    if (this.#missed) this.ask();
  };
}
