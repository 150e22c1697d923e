// What pretrain's settings need, before anything is allocated or written.
import { InputError } from '../errors.ts';
import { configParameterCount, type ModelConfig } from '../nn/families.ts';
import type { Device } from '../runtime/device.ts';
import type { Limits } from '../train/limits.ts';
import type { PretrainSettings } from '../train/presets.ts';
import { configOf, makeRun, planRun, type RunParts, type RunPlans, type TextSizes } from '../train/run_plans.ts';
import { type Fit, type FitOptions, fitRun } from './fit.ts';
import { sizeText } from './format.ts';

/** Parameters above which no adapter that WebGPU reaches could hold the training state. */
const MOST_PARAMETERS = 20e9;

export interface ForecastOptions extends FitOptions {
  /** Of the model that the run goes on with; by default it follows from the settings. */
  config?: ModelConfig | null;
}

export type Forecast = Fit<RunParts & RunPlans>;

/**
 * The run that pretrain would make, or why it cannot be and what would fit. Nothing is allocated on the device.
 * @throws InputError if the width is not divisible by the heads, or no plan need be made to see that the model is too large
 */
export function forecast(
  device: Device,
  settings: PretrainSettings,
  text: TextSizes,
  { config = null, ...options }: ForecastOptions,
): Forecast {
  const smaller = config ? smallerParts(settings) : smallerSizes(settings, text.vocabSize);
  const maker = {
    refuse: (asked: PretrainSettings, limits: Limits) =>
      refuseState(config ?? configOf(asked, text.vocabSize), asked, limits, smaller),
    make: (asked: PretrainSettings, seed: number) => makeRun(device, asked, text.vocabSize, seed, config),
    plan: (parts: RunParts, asked: PretrainSettings, limits: Limits) => planRun(device, parts, asked, text, limits),
    smaller,
  };
  return fitRun(device, settings, maker, options);
}

/**
 * What can be said from the sizes alone, at once: weights, gradients and moments are there in any case. Of frozen parts there are
 * only weights, and the plans tell how much the others need.
 */
function refuseState(config: ModelConfig, settings: PretrainSettings, limits: Limits, smaller: string): void {
  const { train, freeze } = settings;
  if (train !== 'all' || freeze !== '') return;
  const parameters = configParameterCount(config);
  const bytes = 4 * parameters;
  // Muon has one moment for most weights.
  const moments = settings.optimizer === 'muon' ? 1 : 2;
  const needed = (2 + moments + (settings.ema > 0 ? 1 : 0)) * bytes;
  const most = parameters > MOST_PARAMETERS ? 16 * MOST_PARAMETERS : limits.total;
  if (needed <= most) return;
  const says = parameters > MOST_PARAMETERS ? 'no adapter has more than' : limits.says;
  throw new InputError(
    `model: training ${parameters.toLocaleString('en')} parameters needs more than ${sizeText(needed)} (parameters ${sizeText(bytes)}, gradients ${sizeText(bytes)}, optimizer ${sizeText(moments * bytes)}, besides the rest), ` +
      `${says} ${sizeText(most)}. A smaller model is needed: ${smaller}.`,
  );
}

/** Of a model that is there, less can be trained. */
export function smallerParts({ train }: Pick<PretrainSettings, 'train'>): string {
  return train === 'all' ? 'another --model, or less of it to train (--train last-block)' : 'another --model';
}

function smallerSizes(settings: PretrainSettings, vocabSize: number): string {
  const { layers, width } = settings;
  // Most of the weights stand in the table of the tokens.
  if (2 * vocabSize * width > configParameterCount(configOf(settings, vocabSize)))
    return `a tokenizer with fewer than ${vocabSize.toLocaleString('en')} tokens (--tokenizer byte has 256) or a smaller --width (${width})`;
  return `fewer --layers (${layers}) or a smaller --width (${width})`;
}
