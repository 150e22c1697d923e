// The runs that the present one was forked from: they stay in the charts beside it, five in all.
import { signal } from '@preact/signals';
import type { Fork } from '../protocol/past.ts';
import type { OtherRun } from './other_runs.ts';
import type { SlowSignals } from './slow_signals.ts';

/** Runs that are drawn together. */
const MOST_RUNS = 5;

export class Lineage {
  readonly others = signal<readonly OtherRun[]>([]);
  /** Of the present run. */
  readonly number = signal(1);
  /** Where the present run parted from the one before; null where it began by itself. */
  readonly parted = signal<Fork | null>(null);
  readonly #shown: SlowSignals;

  constructor(shown: SlowSignals) {
    this.#shown = shown;
  }

  /** Another run begins. @param before the one that is left; null for the first @param forked it goes on from a step of that one */
  leave(before: Pick<OtherRun, 'record' | 'link'> | null, forked: boolean): void {
    const shown = this.#shown;
    const number = shown.latest(this.number);
    const left = before && { ...before, number, fork: shown.latest(this.parted) };
    shown.put(this.others, forked && left ? [...shown.latest(this.others), left].slice(1 - MOST_RUNS) : []);
    shown.put(this.number, forked ? number + 1 : 1);
    shown.put(this.parted, null);
  }

  part(fork: Fork): void {
    this.#shown.put(this.parted, fork);
  }
}
