// Settings of a run that goes on: what is typed must agree with them.
import type { TrainingState } from '../checkpoint/training_state.ts';
import { InputError } from '../errors.ts';
import { checkedLoop } from '../train/checked_settings.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { disagreement } from './disagreement.ts';
import { kebabCase } from './flags.ts';

/** Settings of a saved run; typed flags must agree, except for `steps`, which may grow. @throws InputError naming the first that does not */
export function agreeing<S extends TrainingSettings>(
  settings: S,
  typed: Partial<S>,
  { step }: Pick<TrainingState, 'step'>,
  where: string,
): S {
  for (const [name, value] of Object.entries(typed) as [string & keyof S, unknown][]) {
    const before = settings[name];
    if (value === before || name === 'steps') continue;
    throw disagreement(kebabCase(name), value, before, where);
  }
  const { steps } = typed;
  if (steps !== undefined && steps < settings.steps) {
    throw new InputError(
      `--steps: found ${steps}, expected at least ${settings.steps}, with which ${where} began (it is saved at step ${step}). Give a larger number, or leave it out.`,
    );
  }
  return checkedLoop({ ...settings, ...(steps !== undefined && { steps }) });
}
