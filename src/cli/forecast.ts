// Will it fit? What a run needs is known from its plans before anything is allocated or written; what does not fit is refused
// with bytes needed, bytes allowed, and what to change.
import { InputError, SizeError } from '../errors.ts';
import { configParameterCount, type ModelConfig } from '../nn/families.ts';
import type { Device } from '../runtime/device.ts';
import { type Limits, misfit } from '../train/limits.ts';
import { type ByteClass, CLASSES, type RunMemory } from '../train/memory.ts';
import type { PretrainSettings } from '../train/presets.ts';
import { configOf, makeRun, planRun, type RunParts, type RunPlans, type TextSizes } from '../train/run_plans.ts';
import { sizeText } from './format.ts';
import { limitsOf } from './limits.ts';
import { flagsOf, type Proposal, propose, type Search } from './proposal.ts';

/** Parameters above which no adapter that WebGPU reaches could hold the training state. */
const MOST_PARAMETERS = 20e9;

export interface ForecastOptions {
  seed: number;
  /** MiB. */
  memoryLimit?: number | undefined;
  /** A run that is gone on with keeps its settings: nothing is proposed. Default true. */
  mayChange?: boolean;
  /** Of the model that the run goes on with; by default it follows from the settings. */
  config?: ModelConfig | null;
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
  { seed, memoryLimit, mayChange = true, config = null }: ForecastOptions,
): Forecast {
  const limits = limitsOf(device, memoryLimit);
  const smaller = config ? smallerParts(settings) : smallerSizes(settings, text.vocabSize);
  refuseState(config ?? configOf(settings, text.vocabSize), settings, limits, smaller);
  const parts = makeRun(device, settings, text.vocabSize, seed, config);
  let plans: RunPlans | null = null;
  let reason: string;
  try {
    plans = planRun(device, parts, settings, text, limits);
    const found = misfit(plans.memory, limits);
    if (found === null)
      return { limits, memory: plans.memory, run: { ...parts, ...plans }, refusal: null, proposal: null };
    const { total } = plans.memory;
    const needs = `${sizeText(total)} (${classText(plans.memory)})`;
    reason =
      found === 'total'
        ? `model: training needs ${needs}, ${limits.says} ${sizeText(limits.total)}.`
        : `model: one buffer (${found.name}) needs ${sizeText(found.bytes)}, this adapter allows ${sizeText(limits.buffer)}; in all ${needs}.`;
  } catch (error) {
    // Whoever asks for settings that contradict each other is not helped by smaller ones.
    if (!(error instanceof SizeError)) throw error;
    reason = error.message;
  }
  const memory = plans?.memory ?? null;
  if (!mayChange) {
    const refusal = `${reason} A run that is gone on with keeps its settings: go on with it where there is more memory.`;
    return { limits, memory, run: null, refusal, proposal: null };
  }
  const memoryUnder = (changed: PretrainSettings) =>
    planRun(device, makeRun(device, changed, text.vocabSize, 0, config), changed, text, limits).memory;
  const search = propose(memoryUnder, settings, limits);
  const refusal = `${reason} ${search.fits ? adviceOf(search.fits) : smallerModel(search.smallest, smaller)}`;
  return { limits, memory, run: null, refusal, proposal: search.fits };
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

function adviceOf({ changes, memory }: Proposal): string {
  return `Use ${flagsOf(changes)}: then it needs ${sizeText(memory.total)}.`;
}

/** Nothing that leaves the model as it is helps: what is too large, and what to make smaller. */
function smallerModel(smallest: Search['smallest'], smaller: string): string {
  const even = smallest && flagsOf(smallest.changes);
  const needs =
    even &&
    ` (even with ${even} it needs ${sizeText(smallest.memory.total)}, most of it ${classText(smallest.memory, 1)})`;
  return `A smaller model is needed${needs || ''}: ${smaller}.`;
}

/** Of a model that is there, less can be trained. */
function smallerParts({ train }: PretrainSettings): string {
  return train === 'all' ? 'another --model, or less of it to train (--train last-block)' : 'another --model';
}

function smallerSizes(settings: PretrainSettings, vocabSize: number): string {
  const { layers, width } = settings;
  // Most of the weights stand in the table of the tokens.
  if (2 * vocabSize * width > configParameterCount(configOf(settings, vocabSize)))
    return `a tokenizer with fewer than ${vocabSize.toLocaleString('en')} tokens (--tokenizer byte has 256) or a smaller --width (${width})`;
  return `fewer --layers (${layers}) or a smaller --width (${width})`;
}

/** `optimizer 12 MiB, activations 3.0 MiB`: classes from large to small, those that are less than a hundredth left out. */
function classText({ bytes, total }: RunMemory, most = Number.POSITIVE_INFINITY): string {
  return (Object.keys(CLASSES) as ByteClass[])
    .filter((name) => bytes[name] >= total / 100)
    .sort((a, b) => bytes[b] - bytes[a])
    .slice(0, most)
    .map((name) => `${name} ${sizeText(bytes[name])}`)
    .join(', ');
}
