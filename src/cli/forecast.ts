// Will it fit? What a run needs is known from its plans before anything is allocated or written; what does not fit is refused
// with bytes needed, bytes allowed, and what to change.
import { InputError } from '../errors.ts';
import { type GPT2Config, gpt2ParameterCount } from '../nn/gpt2_config.ts';
import { mib } from '../runtime/buffers.ts';
import type { Device } from '../runtime/device.ts';
import { type Limits, limitsOf, misfit } from './limits.ts';
import { type ByteClass, CLASSES, type RunMemory } from './memory.ts';
import type { PretrainSettings } from './presets.ts';
import { flagsOf, type Proposal, propose, type Search } from './proposal.ts';
import { configOf, makeRun, planRun, type RunParts, type RunPlans, type TextSizes } from './run_plans.ts';

/** Parameters above which no adapter that WebGPU reaches could hold the training state. */
const MOST_PARAMETERS = 20e9;

export interface ForecastOptions {
  seed: number;
  /** MiB. */
  memoryLimit?: number | undefined;
  /** A run that is gone on with keeps its settings: nothing is proposed. Default true. */
  mayChange?: boolean;
}

export interface Forecast {
  limits: Limits;
  /** null where the sizes alone are too large for a plan. */
  memory: RunMemory | null;
  /** What pretrain runs; null if it does not fit. */
  run: (RunParts & RunPlans) | null;
  /** The sentence that refuses it. */
  refusal: string | null;
  proposal: Proposal | null;
}

/**
 * Makes and plans a run, or says why it cannot be and what would fit. Nothing is allocated on the device.
 * @throws InputError if the width is not divisible by the heads, or no plan need be made to see that the model is too large
 */
export function forecast(
  device: Device,
  settings: PretrainSettings,
  text: TextSizes,
  { seed, memoryLimit, mayChange = true }: ForecastOptions,
): Forecast {
  const limits = limitsOf(device, memoryLimit);
  refuseState(configOf(settings, text.vocabSize), settings, limits);
  const parts = makeRun(device, settings, text.vocabSize, seed);
  let plans: RunPlans | null = null;
  let reason: string;
  try {
    plans = planRun(device, parts, settings, text, limits);
    const found = misfit(plans.memory, limits);
    if (found === null)
      return { limits, memory: plans.memory, run: { ...parts, ...plans }, refusal: null, proposal: null };
    const { total } = plans.memory;
    const needs = `${mib(total)} (${classText(plans.memory)})`;
    reason =
      found === 'total'
        ? `model: training needs ${needs}, ${limits.says} ${mib(limits.total)}.`
        : `model: one buffer (${found.name}) needs ${mib(found.bytes)}, this adapter allows ${mib(limits.buffer)}; in all ${needs}.`;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    reason = error.message;
  }
  const memory = plans?.memory ?? null;
  if (!mayChange) {
    const refusal = `${reason} A run that is gone on with keeps its settings: go on with it where there is more memory.`;
    return { limits, memory, run: null, refusal, proposal: null };
  }
  const search = propose(device, settings, text, limits);
  const refusal = `${reason} ${search.fits ? adviceOf(search.fits) : smallerModel(settings, search.smallest)}`;
  return { limits, memory, run: null, refusal, proposal: search.fits };
}

/** As forecast, where only a run that fits is of use. @throws InputError with bytes needed and allowed, and what to change */
export function fittingRun(...given: Parameters<typeof forecast>): RunParts & RunPlans {
  const { run, refusal } = forecast(...given);
  if (run === null) throw new InputError(refusal!);
  return run;
}

/** What can be said from the sizes alone, at once: weights, gradients and moments are there in any case. */
function refuseState(config: GPT2Config, settings: PretrainSettings, limits: Limits): void {
  const parameters = gpt2ParameterCount(config);
  const bytes = 4 * parameters;
  // Muon has one moment for most weights.
  const moments = settings.optimizer === 'muon' ? 1 : 2;
  const needed = (2 + moments + (settings.ema > 0 ? 1 : 0)) * bytes;
  const most = parameters > MOST_PARAMETERS ? 16 * MOST_PARAMETERS : limits.total;
  if (needed <= most) return;
  const says = parameters > MOST_PARAMETERS ? 'no adapter has more than' : limits.says;
  throw new InputError(
    `model: training ${parameters.toLocaleString('en')} parameters needs more than ${mib(needed)} (parameters ${mib(bytes)}, gradients ${mib(bytes)}, optimizer ${mib(moments * bytes)}, besides the rest), ` +
      `${says} ${mib(most)}. A smaller model is needed: ${smallerSizes(settings)}.`,
  );
}

function adviceOf({ changes, memory }: Proposal): string {
  return `Add ${flagsOf(changes)}: then it needs ${mib(memory.total)}.`;
}

/** Nothing that leaves the model as it is helps: what is too large, and what to make smaller. */
function smallerModel(settings: PretrainSettings, { changes, memory }: Search['smallest']): string {
  const even = flagsOf(changes);
  const needs = memory ? ` it needs ${mib(memory.total)}, most of it ${classText(memory, 1)}` : ' it does not fit';
  return `A smaller model is needed${even ? ` (even with ${even}${needs})` : ''}: ${smallerSizes(settings)}.`;
}

function smallerSizes({ layers, width }: PretrainSettings): string {
  return `fewer --layers (${layers}) or a smaller --width (${width})`;
}

/** `optimizer 12 MiB, activations 3.0 MiB`: classes from large to small, those that are less than a hundredth left out. */
function classText({ bytes, total }: RunMemory, most = Number.POSITIVE_INFINITY): string {
  return (Object.keys(CLASSES) as ByteClass[])
    .filter((name) => bytes[name] >= total / 100)
    .sort((a, b) => bytes[b] - bytes[a])
    .slice(0, most)
    .map((name) => `${name} ${mib(bytes[name])}`)
    .join(', ');
}
