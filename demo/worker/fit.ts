// Does a run fit this machine? Known before anything is allocated, and where it does not, the largest smaller run that does.
import { byteText } from '../../src/cli/format.ts';
import { configOf, configParameterCount, type Limits, misfit, type RunMemory, SizeError } from '../../src/index.ts';
import type { PageSettings } from '../protocol.ts';
import { type Home, limitsOfPage } from './home.ts';
import { PageRun, type RunSpec } from './run.ts';

/** The twin walks its values one by one: beyond this many weights nobody would wait for a step. */
const MOST_OF_THE_TWIN = 5e6;

export type Fit =
  | { run: PageRun; refusal: null }
  /** `smaller` is a run that fits; null where none was found. */
  | { run: null; refusal: string; smaller: PageSettings | null };

type SpecOf = (page: PageSettings) => RunSpec;

/**
 * @param maybeSmaller false where the weights are there already: then no smaller model is looked for
 * @throws InputError for a text too short for the context, and for settings that contradict each other
 */
export function fittingRun(
  home: Home,
  page: PageSettings,
  specOf: SpecOf,
  { maybeSmaller }: { maybeSmaller: boolean },
): Fit {
  const reason = tooLarge(home, page, specOf);
  if (typeof reason !== 'string') return { run: reason, refusal: null };
  for (const smaller of maybeSmaller ? smallerOnes(page) : []) {
    const found = tooLarge(home, smaller, specOf);
    if (typeof found === 'string') continue;
    const { width, layers, batch } = smaller;
    const advice = `A model of ${layers} layers, ${width} wide, with batches of ${batch} fits: it needs ${byteText(found.memory.total)}.`;
    return { run: null, refusal: `${reason} ${advice}`, smaller };
  }
  return { run: null, refusal: reason, smaller: null };
}

/** A sentence, or the run that fits. */
function tooLarge(home: Home, page: PageSettings, specOf: SpecOf): string | PageRun {
  const limits = limitsOfPage(home);
  const spec = specOf(page);
  const parameters = configParameterCount(configOf(spec.settings, spec.text.corpus.tokenizer.vocabSize));
  const count = parameters.toLocaleString('en');
  if (!home.device && parameters > MOST_OF_THE_TWIN)
    return `model: ${count} parameters, expected at most ${MOST_OF_THE_TWIN.toLocaleString('en')} on the CPU twin.`;
  if (spec.settings.dtype === 'f16' && !home.device?.capabilities.features.has('shader-f16'))
    return 'model: this run computes in f16, expected an adapter with shader-f16. Go on with it where there is one.';
  // Weights, gradients and two moments are there in any case.
  const least = 16 * parameters;
  if (least > limits.total)
    return `model: training ${count} parameters needs more than ${byteText(least)}, ${limits.says} ${byteText(limits.total)}.`;
  try {
    const run = new PageRun(home, spec);
    return (run.plans && misfitText(run.plans.memory, limits)) ?? run;
  } catch (error) {
    if (error instanceof SizeError) return error.message;
    throw error;
  }
}

/** Why so much does not fit; null where it does. */
export function misfitText(memory: RunMemory, limits: Limits): string | null {
  const found = misfit(memory, limits);
  if (found === null) return null;
  if (found === 'total')
    return `model: training needs ${byteText(memory.total)}, ${limits.says} ${byteText(limits.total)}.`;
  return `model: one buffer (${found.name}) needs ${byteText(found.bytes)}, this adapter allows ${byteText(limits.buffer)}.`;
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
