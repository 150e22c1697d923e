// Which elements dropout keeps: a pure function of (seed, site, step, element), so that no mask is ever stored and the backward
// pass computes it again. Kernels and twin decide by one comparison of 32-bit integers, which is the same everywhere.
import { InputError } from '../errors.ts';
import { elementBits, siteStream, stepKey } from '../tensor/random.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { expectType } from './op.ts';

export interface DropoutAttrs {
  /** Share of elements that are dropped, 0 <= p < 1. */
  p: number;
  /** Of the run. */
  seed: number;
  /** Of the place in the model: two places of one model have masks of their own. */
  site: number;
}

/** @throws InputError unless p, seed and site can be used and `randomStep` is one u32 */
export function expectDropout(op: string, { p, seed, site }: DropoutAttrs, randomStep: Tensor): void {
  if (!(p >= 0 && p < 1)) {
    throw new InputError(
      `${op}: found dropout ${p}, expected a number from 0 to below 1: the share of values that is dropped.`,
    );
  }
  for (const [name, n] of Object.entries({ seed, site })) {
    if (!Number.isSafeInteger(n) || n < 0)
      throw new InputError(`${op}: found ${name} ${n} of dropout, expected a whole number from 0.`);
  }
  expectType(op, 'randomStep', randomStep, 'u32');
  if (randomStep.size !== 1)
    throw new InputError(`${op}: found randomStep ${show(randomStep.shape)}, expected (1): the number of the step.`);
}

/** An element is kept if its 32 random bits, as a whole number, are not below this. 0 keeps every element. */
export function keepThreshold(p: number): number {
  return Math.min(Math.round(p * 2 ** 32), 2 ** 32 - 1);
}

/** Size fields of kernels that compute the mask. */
export function maskSizes({ p, seed, site }: DropoutAttrs): Record<string, number> {
  return { stream: siteStream(seed, site), threshold: keepThreshold(p), keep_scale: 1 / (1 - p) };
}

/** What an element, by its index, is multiplied with at a step: 1 / (1 - p) where it is kept, else 0. */
export function keepFactor({ p, seed, site }: DropoutAttrs, step: number): (element: number) => number {
  const key = stepKey(siteStream(seed, site), step);
  const [threshold, scale] = [keepThreshold(p), 1 / (1 - p)];
  return (element) => (elementBits(key, element) >= threshold ? scale : 0);
}
