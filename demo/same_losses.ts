// Whether the losses of two runs are the same: to the last bit, or as near as float32 rounding lets runs on two kinds of adapters be. Pure.

/** Losses that are compared. */
export const COMPARED = 20;

/** Rounding of float32, as a share of a value. */
const ROUNDING = 2 ** -24;
/** A loss ends a chain of sums, each in another order on another adapter: so many roundings. Measured: 2, seldom 130. */
const ROUNDINGS = 256;
/** By so much a step's training makes a difference larger, at most. */
const GROWTH = 1.2;
/** Whatever a step allows, a wider one would hide a mistake. */
const WIDEST = 2e-3;

/** How far a step's loss may be from the same step's on another kind of adapter. @param step from 1 @param loss nats a token */
export function bandAt(step: number, loss: number): number {
  return Math.min(WIDEST, ROUNDING * ROUNDINGS * Math.abs(loss) * GROWTH ** (step - 1));
}

/** 4.0e-7 */
export function differenceText(difference: number): string {
  return Number.isNaN(difference) ? 'no number' : difference.toExponential(1);
}

export interface Difference {
  step: number;
  /** NaN where one of both is no number. */
  difference: number;
}

/** Step and size of the first difference; null where all that is told is the same as float32. @param told of steps 1, 2, ... */
export function firstDifference(expected: readonly number[], told: readonly (number | null)[]): Difference | null {
  const at = told.slice(0, expected.length).findIndex((loss, i) => !Object.is(fround(loss), fround(expected[i]!)));
  return at < 0 ? null : { step: at + 1, difference: apart(told[at]!, expected[at]!) };
}

/** The first step outside the band; null where there is none. */
export function firstOutside(expected: readonly number[], told: readonly (number | null)[]): Difference | null {
  const at = told
    .slice(0, expected.length)
    .findIndex((loss, i) => !(apart(loss, expected[i]!) <= bandAt(i + 1, expected[i]!)));
  return at < 0 ? null : { step: at + 1, difference: apart(told[at]!, expected[at]!) };
}

/** The largest difference. */
export function largestDifference(expected: readonly number[], told: readonly (number | null)[]): Difference {
  const all = told.slice(0, expected.length).map((loss, i) => ({ step: i + 1, difference: apart(loss, expected[i]!) }));
  return all.reduce((most, each) => (each.difference > most.difference ? each : most), { step: 1, difference: 0 });
}

const fround = (loss: number | null) => Math.fround(loss ?? Number.NaN);
const apart = (a: number | null, b: number) => Math.abs(fround(a) - fround(b));
