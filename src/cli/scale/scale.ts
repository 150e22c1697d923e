// What training a model of a known size takes on an adapter, by its plans alone: the settings that fit, bytes by class, time a step.

import { InputError } from '../../errors.ts';
import { misfit } from '../../train/limits.ts';
import type { RunMemory } from '../../train/memory.ts';
import type { PretrainSettings } from '../../train/presets.ts';
import { planRun, type RunPlans, trainingOf } from '../../train/run_plans.ts';
import { newSettings } from '../pretrain_settings.ts';
import { propose, type Search } from '../proposal.ts';
import type { ScaleAdapter } from './adapters.ts';
import { type StepTime, stepTime } from './roofline.ts';
import type { ModelSize } from './sizes.ts';

export interface ScaleRow {
  model: ModelSize;
  adapter: ScaleAdapter;
  /** Those that fit, or those that need the least of all that were tried. */
  settings: PretrainSettings;
  fits: boolean;
  /** null where no plan can be made. */
  memory: RunMemory | null;
  /** null where it does not fit, or nothing is known of the adapter's speed. */
  time: StepTime | null;
  tokensPerStep: number;
}

/** Windows of a step, unless flags say otherwise: batches of them are accumulated where they do not fit at once. */
const ROWS = 32;
/** Evaluations are of as many tokens as there may be. */
const TEXT = { validationTokens: Number.POSITIVE_INFINITY, promptTokens: 1 };

/**
 * The largest batch that fits, values computed again where they must be; AdamW, or where that does not fit Muon, which has one
 * moment less for most weights.
 * @param typed settings that a person gave
 */
export function scaleRow(model: ModelSize, adapter: ScaleAdapter, typed: Partial<PretrainSettings> = {}): ScaleRow {
  const optimizers = typed.optimizer ? [typed.optimizer] : (['adamw', 'muon'] as const);
  let least: ScaleRow | null = null;
  for (const optimizer of optimizers) {
    const row = rowWith(model, adapter, { ...typed, optimizer });
    if (row.fits) return row;
    if (!least || (row.memory?.total ?? Number.POSITIVE_INFINITY) < (least.memory?.total ?? Number.POSITIVE_INFINITY))
      least = row;
  }
  return least!;
}

function rowWith(model: ModelSize, adapter: ScaleAdapter, typed: Partial<PretrainSettings>): ScaleRow {
  const sizes = { accumulate: 1, batch: Math.max(1, Math.round(ROWS / (typed.accumulate ?? 1))), sampleEvery: 0 };
  const asked = newSettings('', {
    ...sizes,
    ...typed,
    ...model.settings,
    ...(typed.context && { context: typed.context }),
  });
  const { limits } = adapter;
  const plansOf = (settings: PretrainSettings): RunPlans => {
    const parts = trainingOf(adapter.planner, model.make(settings.context), settings, 0);
    return planRun(adapter.planner, parts, settings, { ...TEXT, vocabSize: model.vocabSize }, limits);
  };
  const row = (settings: PretrainSettings, memory: RunMemory | null, plans: RunPlans | null): ScaleRow => ({
    model,
    adapter,
    settings,
    fits: plans !== null,
    memory,
    time: plans && adapter.rates && stepTime(plans.step, settings.accumulate, adapter.rates),
    tokensPerStep: settings.batch * settings.accumulate * settings.context,
  });
  // Weights, gradients and moments are there with any batch: where they alone are too much, the smallest is planned to be told.
  const moments = asked.optimizer === 'muon' ? 1 : 2;
  const small = { ...asked, batch: 1, accumulate: asked.batch * asked.accumulate, recompute: true };
  if (4 * (2 + moments) * model.parameters > limits.total)
    return row(
      small,
      attempt(() => plansOf(small).memory),
      null,
    );
  const whole = attempt(() => plansOf(asked));
  if (whole && misfit(whole.memory, limits) === null) return row(asked, whole.memory, whole);
  const { fits, smallest }: Search = propose((settings) => plansOf(settings).memory, asked, limits, asked.context);
  if (fits) {
    const settings = { ...asked, ...fits.changes };
    return row(settings, fits.memory, plansOf(settings));
  }
  return row({ ...asked, ...smallest?.changes }, smallest?.memory ?? null, null);
}

/** null for sizes that no adapter can address or dispatch. */
function attempt<T>(plan: () => T): T | null {
  try {
    return plan();
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}
