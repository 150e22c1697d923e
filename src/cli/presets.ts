// Presets: named sets of settings. Flags that are typed win over a preset's.

/** Everything that decides a pretraining run; each is a flag of the same name. */
export interface PretrainSettings {
  tokenizer: string;
  layers: number;
  heads: number;
  width: number;
  context: number;
  batch: number;
  steps: number;
  learningRate: number;
  minLearningRate: number;
  warmupSteps: number;
  schedule: 'cosine' | 'linear' | 'constant' | 'wsd';
  weightDecay: number;
  beta1: number;
  beta2: number;
  eps: number;
  gradClip: number;
  labelSmoothing: number;
  initStd: number;
  bias: boolean;
  windows: 'random' | 'strided';
  stride: number;
  validationPart: number;
  evalEvery: number;
  saveEvery: number;
  sampleEvery: number;
}

const BASE: PretrainSettings = {
  tokenizer: 'char',
  layers: 4,
  heads: 4,
  width: 128,
  context: 64,
  batch: 12,
  steps: 2000,
  learningRate: 1e-3,
  minLearningRate: 1e-4,
  warmupSteps: 100,
  schedule: 'cosine',
  weightDecay: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-8,
  gradClip: 1,
  labelSmoothing: 0,
  initStd: 0.02,
  bias: true,
  windows: 'random',
  stride: 0,
  validationPart: 0.1,
  evalEvery: 500,
  saveEvery: 500,
  sampleEvery: 500,
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
    about: "nanoGPT's GPU recipe without its dropout; give the text with --data",
    settings: {
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
};

/** What kind of adapter a machine has decides the preset of a bare `pretrain`: by this table, never by a timing. */
export function presetFor(adapter: { software: boolean; vendor: string }): { name: string; kind: string } {
  if (adapter.software) return { name: 'moby-small', kind: 'software' };
  // NVIDIA's and AMD's adapters are cards more often than not; Apple's are fast and share memory; the rest are integrated.
  const discrete = /nvidia|amd|apple/i.test(adapter.vendor);
  return discrete ? { name: 'moby-large', kind: 'discrete' } : { name: 'moby-medium', kind: 'integrated' };
}

/** Defaults, then the preset's settings. */
export function presetSettings(name: string): PretrainSettings {
  return { ...BASE, ...PRESETS[name]?.settings };
}
