// States of a run, and of those that it was forked from, at some of their steps, in memory: as many as have room, and the further apart the
// longer they run.
import { parseTrainingState, type TrainingState } from '../../src/index.ts';

/** What brings a run to a step: weights, moments, and where its data stood. */
export interface KeptState {
  step: number;
  state: TrainingState;
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  bytes: number;
  /** It was trained with other settings than what goes on from it. */
  other?: boolean;
}

export const MOST_STATES = 64;
/** Of all that a page keeps so. */
export const MOST_BYTES = 64e6;

/** @param files of a save; those that a restore does not read are left out */
export function stateOf(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): KeptState {
  const state = parseTrainingState(new TextDecoder().decode(files.get('training.json')), 'training.json');
  const weights = new Map([...files].filter(([name]) => name.endsWith('.safetensors')));
  const bytes = [...weights.values()].reduce((sum, { length }) => sum + length, 0);
  return { step: state.step, state, files: weights, bytes };
}

export class KeptStates {
  readonly #room: number;
  #states: KeptState[] = [];

  /** @param taken bytes of states that are kept besides, whatever happens */
  constructor(taken = 0) {
    this.#room = MOST_BYTES - taken;
  }

  /** Steps, rising. */
  get steps(): number[] {
    return this.#states.map(({ step }) => step);
  }

  get bytes(): number {
    return this.#states.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether a state of so many bytes can stay. */
  hasRoom(bytes: number): boolean {
    return bytes <= this.#room;
  }

  /** Those after a step, until another one, beside what is taken then. */
  between(after: number, until: number, taken: number): KeptStates {
    const kept = new KeptStates(taken);
    for (const state of this.#states) if (state.step > after && state.step <= until) kept.add(state);
    return kept;
  }

  /** One that is newer than all others. Those behind it are of a run that went back, and go. Where there is no room the closest ones go. */
  add(state: KeptState): void {
    this.#states = this.#states.filter(({ step }) => step < state.step);
    this.#states.push(state);
    while (this.#tooMany()) this.#states.splice(this.#closest(), 1);
  }

  /** The newest at a step or before it. */
  before(step: number): KeptState | null {
    return this.#states.findLast((state) => state.step <= step) ?? null;
  }

  /** The one whose leaving makes the least hole; neither the first nor the newest, where there are others. */
  #closest(): number {
    const { steps } = this;
    if (steps.length < 3) return steps.length - 1;
    const holes = steps.slice(2).map((next, i) => next - steps[i]!);
    return 1 + holes.indexOf(Math.min(...holes));
  }

  #tooMany(): boolean {
    return this.#states.length > MOST_STATES || this.bytes > this.#room;
  }
}
