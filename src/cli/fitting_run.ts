// The run that pretrain and inspect make of settings: with it comes the certainty that it fits.
import type { RunParts, RunPlans } from '../train/run_plans.ts';
import { fitting } from './fit.ts';
import { forecast } from './forecast.ts';

/** Makes and plans a run. @throws InputError where it does not fit, with bytes needed and allowed, and what to change; and as forecast */
export function fittingRun(...given: Parameters<typeof forecast>): RunParts & RunPlans {
  return fitting(forecast(...given));
}
