// Presets: named sets of settings. Flags that are typed win over a preset's.
import type { Family } from '../nn/families.ts';
import type { TrainingSettings } from './settings.ts';

/** The settings that presets know; each is a flag of the same name. */
export interface PretrainSettings extends TrainingSettings {
  tokenizer: string;
  family: Family;
  layers: number;
  heads: number;
  /** Heads of keys and values, which Llama's query heads share; 0: as many. */
  kvHeads: number;
  width: number;
  initStd: number;
  /** Of the token and position tables; 0 takes initStd. */
  embeddingStd: number;
  /** The head is the token table itself. */
  tied: boolean;
  bias: boolean;
  windows: 'random' | 'strided';
  stride: number;
}

const BASE: PretrainSettings = {
  tokenizer: 'char',
  family: 'gpt2',
  layers: 4,
  heads: 4,
  kvHeads: 0,
  width: 128,
  context: 64,
  batch: 12,
  accumulate: 1,
  steps: 2000,
  learningRate: 1e-3,
  minLearningRate: 1e-4,
  warmupSteps: 100,
  schedule: 'cosine',
  optimizer: 'adamw',
  weightDecay: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-8,
  gradClip: 1,
  labelSmoothing: 0,
  dropout: 0,
  train: 'all',
  freeze: '',
  ema: 0,
  recompute: false,
  skipSpikes: false,
  initStd: 0.02,
  embeddingStd: 0,
  tied: true,
  bias: true,
  dtype: 'f32',
  windows: 'random',
  stride: 0,
  validationPart: 0.1,
  evalEvery: 500,
  evalBatches: 0,
  saveEvery: 500,
  sampleEvery: 500,
};

/**
 * Raschka 2024, "Build a Large Language Model (From Scratch)", section 5.2: ten epochs of nine batches. As there, the head is a
 * table of its own and the embeddings start at PyTorch's deviation of 1: with GPT-2's 0.02 the loss stays at that of token frequencies.
 */
const VERDICT: Partial<PretrainSettings> = {
  tokenizer: 'gpt2',
  layers: 12,
  heads: 12,
  width: 768,
  context: 256,
  embeddingStd: 1,
  tied: false,
  batch: 2,
  windows: 'strided',
  steps: 90,
  learningRate: 4e-4,
  minLearningRate: 0,
  schedule: 'constant',
  warmupSteps: 0,
  weightDecay: 0.1,
  beta2: 0.999,
  gradClip: 0,
  dropout: 0.1,
  evalEvery: 9,
  saveEvery: 45,
  sampleEvery: 9,
};

export const PRESETS: Readonly<Record<string, { about: string; settings: Partial<PretrainSettings> }>> = {
  'moby-small': {
    about: 'Moby-Dick in under three minutes on a software adapter',
    settings: {
      layers: 1,
      heads: 2,
      width: 32,
      context: 64,
      batch: 8,
      steps: 3000,
      learningRate: 1e-2,
      minLearningRate: 0,
      initStd: 0.08,
      warmupSteps: 50,
      evalEvery: 1000,
      saveEvery: 1000,
      sampleEvery: 300,
    },
  },
  'moby-medium': {
    about: 'Moby-Dick, sized for an integrated GPU and not timed on one yet',
    settings: {
      layers: 3,
      heads: 4,
      width: 64,
      context: 128,
      batch: 16,
      steps: 4000,
      learningRate: 6e-3,
      minLearningRate: 0,
      initStd: 0.06,
      warmupSteps: 100,
    },
  },
  'moby-large': {
    about: 'Moby-Dick, sized for a discrete GPU and not timed on one yet',
    settings: {
      layers: 6,
      heads: 6,
      width: 384,
      context: 256,
      batch: 32,
      steps: 3000,
      learningRate: 1e-3,
      minLearningRate: 1e-4,
      warmupSteps: 100,
    },
  },
  'shakespeare-char-cpu': {
    // At this width GPT-2's 0.02 starts too small: 0.04 ends a tenth of a nat lower.
    about: "nanoGPT's CPU recipe with a larger initialisation; give the text with --data",
    settings: {
      initStd: 0.04,
      layers: 4,
      heads: 4,
      width: 128,
      context: 64,
      batch: 12,
      steps: 2000,
      learningRate: 1e-3,
      minLearningRate: 1e-4,
      evalEvery: 500,
    },
  },
  'shakespeare-char': {
    about: "nanoGPT's GPU recipe; give the text with --data",
    settings: {
      dropout: 0.2,
      layers: 6,
      heads: 6,
      width: 384,
      context: 256,
      batch: 64,
      steps: 5000,
      learningRate: 1e-3,
      minLearningRate: 1e-4,
      evalEvery: 250,
      saveEvery: 250,
    },
  },
  'verdict-124m': {
    about:
      'GPT-2 124M on a short story from nothing, as chapter 5 of "Build a Large Language Model"; give the text with --data',
    settings: VERDICT,
  },
  'verdict-124m-schedule': {
    about: "the same with the warm-up, cosine and clipping of the book's appendix D",
    settings: {
      ...VERDICT,
      steps: 135,
      learningRate: 1e-3,
      schedule: 'cosine',
      warmupSteps: 27,
      minLearningRate: 1e-5,
      gradClip: 1,
    },
  },
};

/** What is looked at of an adapter that was opened. */
interface OpenedKind {
  software: boolean;
  adapter: { info: { vendor: string } };
}

/** What kind of adapter a machine has decides the preset of a bare `pretrain`: by this table, never by a timing. */
export function presetFor({ software, adapter }: OpenedKind): { name: string; kind: string } {
  if (software) return { name: 'moby-small', kind: 'software' };
  // NVIDIA's and AMD's adapters are cards more often than not; Apple's are fast and share memory; the rest are integrated.
  const discrete = /nvidia|amd|apple/i.test(adapter.info.vendor);
  return discrete ? { name: 'moby-large', kind: 'discrete' } : { name: 'moby-medium', kind: 'integrated' };
}

/** What all presets begin from, then the named one's settings. @param name without one, what they begin from */
export function presetSettings(name?: string): PretrainSettings {
  return { ...BASE, ...(name !== undefined && PRESETS[name]?.settings) };
}
