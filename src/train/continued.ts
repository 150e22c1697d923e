// Settings of a run that begins from a model that is there.
import { type PretrainSettings, presetSettings } from './presets.ts';

/**
 * What a run that goes on with a model begins with; its sizes are the model's. The learning rate is far below that of training from
 * nothing, so that little is forgotten, and it warms up and decays again, as Ibrahim et al. 2024 (arXiv:2403.08763) find best. A large
 * model wants less: nanoGPT's finetune_shakespeare.py has 3e-5 for the largest GPT-2.
 */
export function continuedSettings(blockSize: number): PretrainSettings {
  return {
    ...presetSettings(),
    context: Math.min(256, blockSize),
    batch: 8,
    steps: 500,
    learningRate: 1e-4,
    minLearningRate: 1e-5,
    warmupSteps: 30,
    evalEvery: 100,
    saveEvery: 100,
    sampleEvery: 100,
  };
}
