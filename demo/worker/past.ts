// The past of a run: states that are kept as it goes, and the run as it was after any of its steps, trained again from the nearest one.
import { InputError, type LoopProgress, noProgress, parameterCount, RunError, type RunEvent } from '../../src/index.ts';
import { type KeptState, KeptStates, MOST_BYTES, stateOf } from './kept_states.ts';
import type { History, Seen } from './questions.ts';
import type { PageRun, RunSpec } from './run.ts';
import { heldFiles } from './run_folder.ts';
import type { Found } from './saves.ts';
import type { Shadow } from './shadow.ts';

/** A stretch of steps that were trained with the same settings. */
interface Segment {
  /** The step that it begins after. */
  from: number;
  spec: RunSpec;
  /** What it begins at; null for the untrained model. */
  origin: KeptState | null;
}

/** Weights and two moments. */
const BYTES_PER_PARAMETER = 12;

export class Past implements History {
  readonly #run: PageRun;
  readonly #segments: readonly Segment[];
  /** Of all segments: each goes until the next one begins. */
  readonly #states: KeptStates;
  #shadow: Shadow | null = null;
  #losses = new Map<number, number>();
  /** Events that `#losses` was made of. */
  #read = 0;

  /** @param states of the segments, and of what is newer than them. Where not even what they begin at has room, the oldest are forgotten */
  private constructor(run: PageRun, segments: readonly Segment[], states = new KeptStates(), until = 0) {
    const taken = (from: number) => segments.slice(from).reduce((sum, { origin }) => sum + (origin?.bytes ?? 0), 0);
    let first = 0;
    while (first < segments.length - 1 && taken(first) > MOST_BYTES) first++;
    [this.#run, this.#segments] = [run, segments.slice(first)];
    this.#states = states.between(segments[first]!.from, until, taken(first));
  }

  /**
   * @param from the save that the run goes on from
   * @param before of the run that it was forked from, or of the same one on a device that is lost
   * @param other its settings may be other ones than those that the save's steps were trained with
   */
  static of(run: PageRun, from: Found | null, { before, other }: { before?: Past | undefined; other: boolean }): Past {
    const { spec } = run;
    const segment = (origin: KeptState | null): Segment => ({ from: origin?.step ?? 0, spec, origin });
    if (!from) return new Past(run, [segment(null)]);
    const origin = { ...stateOf(from.files), other };
    const { step } = origin;
    if (!before) return new Past(run, [...(other ? [] : [segment(null)]), segment(origin)]);
    // On the same machine with the same settings its last segment goes on.
    if (!other && before.#run.home.machine.name === run.home.machine.name) {
      const past = new Past(run, before.#segments, before.#states, step);
      if (step > past.#segments.at(-1)!.from) past.#states.add(origin);
      return past;
    }
    const earlier = before.#segments.filter((each) => each.from < step);
    return new Past(run, [...earlier, segment(origin)], before.#states, step - 1);
  }

  /** Keeps the run as it is, between two of its steps. What cannot be kept is worked out from what was before. */
  async keep(): Promise<void> {
    const run = this.#run;
    const { step } = run.progress;
    const { from } = this.#segments.at(-1)!;
    const states = this.#states;
    if (step <= from || states.steps.at(-1) === step || run.parts.trainer.reached !== step) return;
    if (!states.hasRoom(BYTES_PER_PARAMETER * parameterCount(run.parts.model))) return;
    try {
      states.add(stateOf(await heldFiles(run)));
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      // Weights that are not finite are not kept; a lost device is the run's to tell.
      run.home.device?.check();
    }
  }

  /** Steps that are kept, rising; 0 is the untrained model. */
  get kept(): number[] {
    return [...this.#segments.map(({ from }) => from), ...this.#states.steps].sort((a, b) => a - b);
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#segments.reduce((sum, { origin }) => sum + (origin?.bytes ?? 0), this.#states.bytes);
  }

  /** Events of the run until a step. */
  eventsUntil(step: number): RunEvent[] {
    return this.#run.events.filter((event) => event.event !== 'end' && (!('step' in event) || event.step <= step));
  }

  async reach(step: number, until: number): Promise<Seen | null> {
    const { segment, kept } = this.#nearest(step);
    let shadow = this.#shadow;
    if (shadow && shadow.run.spec !== segment.spec) shadow = this.rest();
    try {
      if (shadow && (shadow.step > step || shadow.step < (kept?.step ?? 0))) {
        if (kept) await shadow.back(kept);
        else shadow = this.rest();
      }
      this.#shadow = shadow ??= await this.#open(segment, kept);
      if (!(await shadow.toward(step, until, this.#told()))) return null;
    } catch (error) {
      // It may have been brought half of the way.
      this.rest();
      throw error;
    }
    return { run: shadow.run.looked, step, kept: shadow.kept };
  }

  /** Gives back the copy that was looked at. */
  rest(): null {
    this.#shadow?.release();
    return (this.#shadow = null);
  }

  /**
   * A copy of its own at a step, for a run that goes on from there.
   * @param told after every piece of the way
   */
  async copy(step: number, told: (done: number, total: number) => Promise<void>): Promise<Shadow> {
    const { segment, kept } = this.#nearest(step);
    const shadow = await this.#open(segment, kept);
    try {
      while (!(await shadow.toward(step, 0, this.#told()))) await told(shadow.step - shadow.from, step - shadow.from);
    } catch (error) {
      shadow.release();
      throw error;
    }
    Object.assign(shadow.run, { progress: this.#progressAt(step), events: this.eventsUntil(step) });
    return shadow;
  }

  async #open({ spec }: Segment, kept: KeptState | null): Promise<Shadow> {
    const { Shadow } = await import('./shadow.ts');
    return Shadow.open(this.#run.home, spec, kept);
  }

  #nearest(step: number): { segment: Segment; kept: KeptState | null } {
    const newest = this.#run.progress.step;
    if (step > newest)
      throw new InputError(`step ${step}: not made yet, expected one up to ${newest}. Look at an earlier one.`);
    const segment = this.#segments.findLast(({ from }) => from <= step);
    if (segment) {
      const state = this.#states.before(step);
      return { segment, kept: state && state.step > segment.from ? state : segment.origin };
    }
    const { from } = this.#segments[0]!;
    throw new InputError(
      `step ${step}: before this run, which began at step ${from} of another one, expected a step from there on.`,
    );
  }

  /** The loss that the run had at a step. */
  #told(): (step: number) => number | undefined {
    const { events } = this.#run;
    for (; this.#read < events.length; this.#read++) {
      const event = events[this.#read]!;
      if (event.event === 'step') this.#losses.set(event.step, event.loss);
    }
    return (step) => this.#losses.get(step);
  }

  /** Where the loop stood after a step. */
  #progressAt(step: number): LoopProgress {
    const progress = { ...noProgress(), step };
    for (const event of this.eventsUntil(step)) {
      if (event.event === 'sample') progress.sampledAt = event.step;
      if (event.event !== 'eval') continue;
      const { validationLoss } = event;
      Object.assign(progress, { evaluatedAt: event.step, validationLoss });
      if (progress.best === null || validationLoss < progress.best.validationLoss)
        progress.best = { step: event.step, validationLoss };
    }
    return progress;
  }
}
