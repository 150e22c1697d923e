// What is done about a GPU that is lost: how often it is begun anew, how long an adapter is waited for, and what is said of it.
import { grouped } from '../../src/data/counted.ts';
import type { News, Offer, RunState } from '../protocol.ts';
import type { Driver } from './driver.ts';

/** Losses in a row without a step between. */
const WITHOUT_A_STEP = 3;
/** Losses in a row none of which came after a step that had not been made before. */
const WITHOUT_A_NEW_STEP = 10;

/** Milliseconds that an adapter is waited for before anything is said, then before it is said that a new page may be needed to get one. */
export const QUIET = 2500;
export const LONG = 180_000;
/** Milliseconds between two tries. */
export const RETRY = 250;
export const SLOW_RETRY = 2000;

/** What was asked beside the run when its device was lost, and had begun to be answered. */
export const INTERRUPTED = 'The GPU device was lost in the midst of this. The run is being rebuilt: ask again.';
/** What the button says. */
export const ON_CPU = 'Go on on the CPU';
export const NO_ADAPTER = 'There is no graphics adapter at the moment. Ask again when the run goes on.';

/** A run whose device is gone, until it is there again. */
export interface Lost {
  driver: Driver;
  /** The last step that was told. */
  step: number;
  /** When that was found out. */
  at: number;
  state: RunState;
  waits: string | null;
  /** Where the machine computed. */
  name: string;
  /** What it was to do, as its control said before it ended; null until then. */
  wanted: Wanted | null;
  /** That there is no adapter has been said. */
  told: boolean;
}

export interface Wanted {
  going: boolean;
  /** The step after which it was to hold; null where it held or went. */
  until: number | null;
}

/** Counts losses, so that a GPU that dies of the run itself is not begun for ever. */
export class Losses {
  #still = 0;
  #behind = 0;
  #furthest = 0;

  /**
   * One more.
   * @param begunAt the step that the run went on from before it @param reached the last step told
   * @returns a sentence where it is one too many
   */
  add(begunAt: number, reached: number): string | null {
    this.#still = reached > begunAt ? 1 : this.#still + 1;
    this.#behind = reached > this.#furthest ? 1 : this.#behind + 1;
    this.#furthest = Math.max(this.#furthest, reached);
    if (this.#still > WITHOUT_A_STEP) return `The GPU device was lost ${this.#still} times without a step between.`;
    if (this.#behind > WITHOUT_A_NEW_STEP) return `The GPU device was lost ${this.#behind} times without a new step.`;
    return null;
  }

  reset(): void {
    [this.#still, this.#behind, this.#furthest] = [0, 0, 0];
  }
}

/** @param from the step that the run is at again @param name the adapter, where it is another one */
export function lostText({ step, from, ms, name }: { step: number; from: number; ms: number; name?: string }): string {
  const again =
    step <= from
      ? 'no step repeated'
      : step === from + 1
        ? `step ${grouped(step)} repeated`
        : `steps ${grouped(from + 1)} to ${grouped(step)} repeated`;
  const took = ms < 10_000 ? `${grouped(Math.round(ms))} ms` : `${grouped(Math.round(ms / 1000))} s`;
  return `device lost at step ${grouped(step)}, rebuilt in ${took}${name ? ` on ${name}` : ''}, ${again}`;
}

/** @param step of the last save; 0 where there is none @param long whether it has been gone for longer than a browser takes one away @param twin whether the run can go on on the CPU */
export function noAdapter(step: number, long: boolean, twin: boolean): Extract<News, { type: 'error' }> {
  const safe = step > 0 ? `The run is saved at step ${grouped(step)}.` : 'Nothing of this run had been saved yet.';
  const cpu = twin ? ' On the CPU it goes on too: slower, with other last digits.' : '';
  const sentence = long
    ? `The browser has given this page no graphics adapter for ${LONG / 60_000} minutes. ${safe} Reload the page; if that does not help, restart the browser.${cpu}`
    : `The GPU was lost and the browser gives this page no new one, as after its GPU process has ended twice. ${safe} Reload the page with the browser's own button to go on at once, or wait about 2 minutes: it goes on by itself when there is one.${cpu}`;
  const offers: Offer[] = [{ label: 'Try now', command: { type: 'go' } }];
  // A page that loads itself anew is refused an adapter as before; that is why no button does it.
  if (twin) offers.push({ label: ON_CPU, command: { type: 'go', cpu: true } });
  return { type: 'error', sentence, offers, until: 'adapter' };
}

/**
 * Has a run that is there again do what the lost one was to do.
 * @param from the step that it is at @returns whether it holds there
 */
export function goOn(driver: Pick<Driver, 'control' | 'run'>, { wanted, step, state }: Lost, from: number): boolean {
  const { control, run } = driver;
  const ending = state === 'training' && step >= run.totalSteps;
  // Where it was to hold, it does so after the last step that was told, which may have to be repeated.
  const until = Math.max(step, wanted?.until ?? 0);
  if (wanted?.going || ending) control.go();
  else if (until > from) control.one(until);
  return control.held;
}
