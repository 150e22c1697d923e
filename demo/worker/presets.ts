// Which run a page begins with: by how fast this machine multiplies, never larger than it can watch.
import { type PretrainSettings, presetSettings } from '../../src/index.ts';
import type { PageSettings } from '../protocol.ts';

/** The name by which settings and links know the book. */
export const BOOK = 'moby-dick';

const COMMON = { steps: 2000, warmupSteps: 50, schedule: 'cosine', weightDecay: 0.1, seed: 1337, data: BOOK } as const;

/** From slow to fast: up to so many billion floating-point operations a second. */
const PRESETS: { below: number; settings: PageSettings }[] = [
  {
    below: 2,
    settings: {
      ...COMMON,
      ...{ layers: 2, heads: 2, width: 32, context: 32, batch: 8 },
      ...{ learningRate: 1e-2, minLearningRate: 0, dropout: 0 },
    },
  },
  {
    below: 50,
    settings: {
      ...COMMON,
      ...{ layers: 4, heads: 4, width: 64, context: 64, batch: 8 },
      ...{ learningRate: 6e-3, minLearningRate: 0, dropout: 0 },
    },
  },
  {
    // nanoGPT's recipe for a CPU.
    below: 1000,
    settings: {
      ...COMMON,
      ...{ layers: 4, heads: 4, width: 128, context: 64, batch: 12, warmupSteps: 100 },
      ...{ learningRate: 1e-3, minLearningRate: 1e-4, dropout: 0 },
    },
  },
  {
    // nanoGPT's characters, with batches half as large and fewer steps.
    below: Number.POSITIVE_INFINITY,
    settings: {
      ...COMMON,
      ...{ layers: 6, heads: 6, width: 384, context: 256, batch: 32, warmupSteps: 100 },
      ...{ learningRate: 1e-3, minLearningRate: 1e-4, dropout: 0.2 },
    },
  },
];

/** The run for a machine of this speed. @param gflops null for the CPU twin, which runs the smallest */
export function pagePreset(gflops: number | null): PageSettings {
  return { ...PRESETS.find(({ below }) => (gflops ?? 0) < below)!.settings };
}

/** Narrow models start with larger weights: deviations that were tried at these widths. */
const INIT_STD: [upTo: number, std: number][] = [
  [32, 0.08],
  [64, 0.06],
  [192, 0.04],
];

/**
 * Everything that decides a run, from what a page lets one choose: the same on every machine.
 * @param base what is not chosen here, of a saved run; by default the page's own
 */
export function fullSettings(page: PageSettings, base: PretrainSettings | null = null): PretrainSettings {
  const { seed: _seed, data: _data, ...chosen } = page;
  if (base) return { ...base, ...chosen };
  const { layers, width, steps } = chosen;
  // About: what decides is how long a save takes.
  const parameters = 12 * layers * width * width;
  return {
    ...presetSettings('moby-small'),
    ...chosen,
    initStd: INIT_STD.find(([upTo]) => width <= upTo)?.[1] ?? 0.02,
    evalEvery: 100 * Math.max(1, Math.ceil(steps / 2000)),
    // The whole validation part would take longer than the steps between.
    evalBatches: 4,
    saveEvery: parameters < 1e6 ? 25 : parameters < 1e7 ? 100 : 250,
    sampleEvery: 500,
  };
}

/** Steps at which a young model is heard, besides every so many. */
export const FIRST_SAMPLES = [0, 10, 30, 100, 300];

/** The part of a saved run's settings that the page shows. */
export function pageSettingsOf(full: PretrainSettings, seed: number, data: string): PageSettings {
  const { layers, heads, width, context, batch, steps } = full;
  const { learningRate, minLearningRate, warmupSteps, schedule, weightDecay, dropout } = full;
  return {
    ...{ layers, heads, width, context, batch, steps },
    ...{ learningRate, minLearningRate, warmupSteps, schedule, weightDecay, dropout, seed, data },
  };
}
