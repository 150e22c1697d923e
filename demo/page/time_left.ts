// How long a run still takes, from its last steps only, so that it is right soon after a resume, after a pause and when another
// program stops competing; and from what evaluations, samples and saves took between the steps. Pure.

const STEPS = 30;
/** Steps that are read back together arrive at one moment: shorter spans than this say nothing. */
const LEAST_MS = 200;

interface Mark {
  step: number;
  /** Milliseconds, the time between steps that went into something else left out. */
  at: number;
}

export class TimeLeft {
  #marks: Mark[] = [];
  #last: number | undefined;
  #between = 0;
  #steps = 0;

  /** A step is done. @param at milliseconds of a clock that never goes back */
  step(step: number, at: number): void {
    if (step <= (this.#marks.at(-1)?.step ?? -1)) this.interrupt();
    if (this.#last !== undefined) this.#steps++;
    this.#last = at;
    this.#marks.push({ step, at: at - this.#between });
    if (this.#marks.length > STEPS + 1) this.#marks.shift();
  }

  /** The time since the last step went into something that is no step. */
  between(at: number): void {
    if (this.#last === undefined) return;
    this.#between += at - this.#last;
    this.#last = at;
  }

  /** The run holds: what comes next is timed anew. */
  interrupt(): void {
    this.#marks = [];
    this.#last = undefined;
  }

  /** Milliseconds a step; undefined before there is enough to tell. */
  get stepMs(): number | undefined {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (!first || !last || last.at - first.at < LEAST_MS) return undefined;
    return (last.at - first.at) / (last.step - first.step);
  }

  /** Seconds to the planned end. */
  secondsLeft(totalSteps: number): number | undefined {
    const { stepMs } = this;
    const last = this.#marks.at(-1);
    if (stepMs === undefined || !last) return undefined;
    const each = stepMs + this.#between / Math.max(1, this.#steps);
    return (Math.max(0, totalSteps - last.step) * each) / 1000;
  }
}
