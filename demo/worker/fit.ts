// Does a run fit this machine? Known before anything is allocated, and where it does not, the largest smaller run that does.
import { misfit, type PretrainSettings, SizeError } from '../../src/index.ts';
import type { PageSettings } from '../protocol.ts';
import { type Home, limitsOfPage } from './home.ts';
import { PageRun } from './run.ts';
import type { OpenText } from './text.ts';

/** The twin walks its values one by one: beyond this many weights nobody would wait for a step. */
const MOST_OF_THE_TWIN = 5e6;

export type Fit =
  | { run: PageRun; refusal: null }
  /** `smaller` is a run that fits; null where none was found. */
  | { run: null; refusal: string; smaller: PageSettings | null };

/** @throws InputError for a text too short for the context, and for settings that contradict each other */
export function fittingRun(
  home: Home,
  page: PageSettings,
  text: OpenText,
  settingsOf: (page: PageSettings) => PretrainSettings,
): Fit {
  const reason = tooLarge(home, page, text, settingsOf);
  if (typeof reason !== 'string') return { run: reason, refusal: null };
  for (const smaller of smallerOnes(page)) {
    const found = tooLarge(home, smaller, text, settingsOf);
    if (typeof found === 'string') continue;
    const { width, layers, batch } = smaller;
    const advice = `A model of ${layers} layers, ${width} wide, with batches of ${batch} fits: it needs ${sizeText(found.memory.total)}.`;
    return { run: null, refusal: `${reason} ${advice}`, smaller };
  }
  return { run: null, refusal: reason, smaller: null };
}

/** A sentence, or the run that fits. */
function tooLarge(
  home: Home,
  page: PageSettings,
  text: OpenText,
  settingsOf: (page: PageSettings) => PretrainSettings,
): string | PageRun {
  const limits = limitsOfPage(home);
  const parameters = parametersOf(page, text.corpus.tokenizer.vocabSize);
  const count = parameters.toLocaleString('en');
  if (!home.device && parameters > MOST_OF_THE_TWIN)
    return `model: ${count} parameters, expected at most ${MOST_OF_THE_TWIN.toLocaleString('en')} on the CPU twin.`;
  // Weights, gradients and two moments are there in any case.
  const least = 16 * parameters;
  if (least > limits.total)
    return `model: training ${count} parameters needs more than ${sizeText(least)}, ${limits.says} ${sizeText(limits.total)}.`;
  try {
    const run = new PageRun(home, { settings: settingsOf(page), seed: page.seed, text });
    const found = run.plans && misfit(run.plans.memory, limits);
    if (found === 'total')
      return `model: training needs ${sizeText(run.memory.total)}, ${limits.says} ${sizeText(limits.total)}.`;
    if (found)
      return `model: one buffer (${found.name}) needs ${sizeText(found.bytes)}, this adapter allows ${sizeText(limits.buffer)}.`;
    return run;
  } catch (error) {
    if (error instanceof SizeError) return error.message;
    throw error;
  }
}

/** Batches first, which leave the model as it is; then half the width and half the layers in turn. */
function* smallerOnes(page: PageSettings): Generator<PageSettings> {
  for (let batch = page.batch; batch > 1; ) {
    batch = Math.floor(batch / 2);
    yield { ...page, batch };
  }
  let { width, layers, heads, context, batch } = page;
  for (let turn = 0; width > 32 || layers > 2 || context > 32 || batch > 8; turn++) {
    if (turn % 2 === 0 && width > 32) width = Math.max(32, Math.floor(width / 2));
    else if (layers > 2) layers = Math.max(2, Math.floor(layers / 2));
    else if (width > 32) width = Math.max(32, Math.floor(width / 2));
    else if (context > 32) context = Math.max(32, Math.floor(context / 2));
    else batch = Math.max(8, Math.floor(batch / 2));
    // Whole heads, of a width that kernels like.
    width = 4 * Math.floor(width / 4);
    while (width % heads !== 0) heads--;
    yield { ...page, width, layers, heads, context, batch };
  }
}

function parametersOf({ layers, width, context }: PageSettings, vocabSize: number): number {
  return (vocabSize + context) * width + layers * (12 * width * width + 13 * width) + 2 * width;
}

/** `3.2 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
