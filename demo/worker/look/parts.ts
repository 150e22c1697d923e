// What each part of the model costs of a step: measured once while somebody looks, since sizes stay the same from step to step.
import { InputError, timeStep } from '../../../src/index.ts';
import type { StepShares } from '../../protocol/parts.ts';
import type { Look } from './look.ts';
import { deviceOf, keptOf, nextStep, partOf } from './step.ts';

/** @throws InputError on the twin, and for a model that is too large to be there twice */
export async function sharesOfStep(look: Look): Promise<StepShares> {
  const kept = keptOf(look);
  if (kept.shares) return kept.shares;
  const { step } = nextStep(look);
  const time = await timeStep(deviceOf(look), step, look.stopped);
  if (!time) throw new InputError('shares: the measurement was stopped. Measure again.');
  const parts = new Map<string, number>();
  let sumMs = 0;
  for (const [i, { dispatch, times }] of step.dispatches.entries()) {
    const ms = times * time.ms[i]!;
    sumMs += ms;
    parts.set(partOf(dispatch), (parts.get(partOf(dispatch)) ?? 0) + ms);
  }
  return (kept.shares = { parts: [...parts].map(([part, ms]) => ({ part, ms })), ...time, sumMs });
}
