// States of a run at some of its steps, in memory: as many as have room, and the further apart the longer it runs.
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
export const MOST_BYTES = 64e6;

/** @param files of a save; those that a restore does not read are left out */
export function stateOf(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): KeptState {
  const state = parseTrainingState(new TextDecoder().decode(files.get('training.json')), 'training.json');
  const weights = new Map([...files].filter(([name]) => name.endsWith('.safetensors')));
  const bytes = [...weights.values()].reduce((sum, { length }) => sum + length, 0);
  return { step: state.step, state, files: weights, bytes };
}

export class KeptStates {
  #states: KeptState[] = [];

  /** Steps, rising. */
  get steps(): number[] {
    return this.#states.map(({ step }) => step);
  }

  get bytes(): number {
    return this.#states.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** One that is newer than all others. Those behind it are of a run that went back, and go. Where there is no room the closest ones go. */
  add(state: KeptState): void {
    this.cut(state.step - 1);
    this.#states.push(state);
    while (this.#tooMany()) this.#states.splice(this.#closest(), 1);
  }

  /** The newest at a step or before it. */
  before(step: number): KeptState | null {
    return this.#states.findLast((state) => state.step <= step) ?? null;
  }

  /** Forgets what came after a step. */
  cut(step: number): void {
    this.#states = this.#states.filter((state) => state.step <= step);
  }

  /** The one whose leaving makes the least hole; neither the first nor the newest, where there are others. */
  #closest(): number {
    const { steps } = this;
    if (steps.length < 3) return steps.length - 1;
    const holes = steps.slice(2).map((next, i) => next - steps[i]!);
    return 1 + holes.indexOf(Math.min(...holes));
  }

  #tooMany(): boolean {
    return this.#states.length > MOST_STATES || this.bytes > MOST_BYTES;
  }
}
