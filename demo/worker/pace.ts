// How fast a run goes, and how long the rest of it will take: from its last steps, so that it is right soon after a resume, and from
// what everything between the steps took.
const LAST = 30;

export class Pace {
  /** Milliseconds of the last steps. */
  #steps: number[] = [];
  /** Steps made, and milliseconds of evaluations, samples and saves between them. */
  #made = 0;
  #between = 0;

  step(ms: number): void {
    this.#made++;
    this.#steps.push(ms);
    if (this.#steps.length > LAST) this.#steps.shift();
  }

  between(ms: number): void {
    this.#between += ms;
  }

  /** Seconds that so many more steps will take; null before there are any. */
  left(steps: number): number | null {
    if (this.#made === 0) return null;
    const each = this.#steps.reduce((sum, ms) => sum + ms, 0) / this.#steps.length;
    return (steps * (each + this.#between / this.#made)) / 1000;
  }
}
