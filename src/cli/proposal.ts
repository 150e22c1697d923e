// A model that does not fit, changed until it does: every proposal has been planned. What leaves the training as it was is tried
// first, a shorter context last.
import { InputError } from '../errors.ts';
import type { Device } from '../runtime/device.ts';
import { type Limits, misfit } from './limits.ts';
import type { RunMemory } from './memory.ts';
import type { PretrainSettings } from './presets.ts';
import { makeRun, planRun, type TextSizes } from './run_plans.ts';

type Changes = Partial<Pick<PretrainSettings, 'batch' | 'accumulate' | 'recompute' | 'context'>>;

/** Contexts below this are no language model's. */
const SHORTEST = 8;

export interface Proposal {
  changes: Changes;
  memory: RunMemory;
}

/** What the search found: settings that fit, or else the smallest ones that it tried and what they still need. */
export interface Search {
  fits: Proposal | null;
  smallest: { changes: Changes; memory: RunMemory | null };
}

/**
 * In this order until one fits: accumulate (the same rows a step in smaller batches, the largest that fits), recompute, both; then
 * the same at half the context, a quarter, and so on.
 */
export function propose(device: Device, settings: PretrainSettings, text: TextSizes, limits: Limits): Search {
  const planned = (changes: Changes) => memoryUnder(device, { ...settings, ...changes }, text, limits);
  const fitting = (changes: Changes): Proposal | null => {
    const memory = planned(changes);
    return memory && misfit(memory, limits) === null ? { changes, memory } : null;
  };
  const batches = divisorsBelow(settings.batch);
  const accumulated = (batch: number): Changes => ({
    batch,
    accumulate: (settings.accumulate * settings.batch) / batch,
  });
  /** The largest batch that fits: memory grows with it. */
  const accumulate = (changes: Changes): Proposal | null => {
    let found: Proposal | null = null;
    for (let [low, high] = [0, batches.length]; low < high; ) {
      const middle = (low + high) >> 1;
      const here = fitting({ ...accumulated(batches[middle]!), ...changes });
      if (here) [found, low] = [here, middle + 1];
      else high = middle;
    }
    return found;
  };

  let smallest: Search['smallest'] = { changes: {}, memory: null };
  for (let { context } = settings; context >= SHORTEST; context = Math.floor(context / 2)) {
    const shorter: Changes = context === settings.context ? {} : { context };
    const ways: Changes[] = settings.recompute ? [shorter] : [shorter, { recompute: true, ...shorter }];
    const least = { ...(batches.length > 0 && accumulated(1)), ...ways.at(-1)! };
    smallest = { changes: least, memory: planned(least) };
    if (!smallest.memory || misfit(smallest.memory, limits)) continue;
    for (const changes of ways) {
      const fits = fitting(changes) ?? accumulate(changes);
      if (fits) return { fits, smallest };
    }
  }
  return { fits: null, smallest };
}

/** `--batch 1 --accumulate 8 --recompute` */
export function flagsOf({ batch, accumulate, recompute, context }: Changes): string {
  return [
    batch !== undefined && `--batch ${batch}`,
    accumulate !== undefined && `--accumulate ${accumulate}`,
    recompute && '--recompute',
    context !== undefined && `--context ${context}`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** null for sizes that no adapter can address or dispatch. */
function memoryUnder(device: Device, settings: PretrainSettings, text: TextSizes, limits: Limits): RunMemory | null {
  try {
    return planRun(device, makeRun(device, settings, text.vocabSize, 0), settings, text, limits).memory;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** Numbers below n that divide it, from small to large: with them a step keeps its rows. */
function divisorsBelow(n: number): number[] {
  const found = new Set<number>();
  for (let d = 1; d * d <= n; d++) if (n % d === 0) found.add(d).add(n / d);
  return [...found].filter((d) => d < n).sort((a, b) => a - b);
}
