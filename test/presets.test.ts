// Named sets of settings: which one a machine gets, and what the recipes of others are.
import { expect, test } from 'vitest';
import { PRESETS, presetFor, presetSettings } from '../src/train/presets.ts';

test.each([
  ['software', 'mesa', 'moby-small'],
  ['software', 'google', 'moby-small'],
  ['hardware', 'intel', 'moby-medium'],
  ['hardware', 'nvidia', 'moby-large'],
])('the kind of adapter decides: %s of %s gets %s', (kind, vendor, name) => {
  expect(presetFor({ software: kind === 'software', adapter: { info: { vendor } } }).name).toBe(name);
});

test('every preset is a model that can be made: heads divide the width', () => {
  for (const name of Object.keys(PRESETS)) {
    const { width, heads } = presetSettings(name);
    expect(width % heads, name).toBe(0);
  }
});

// karpathy/nanoGPT, README and config/train_shakespeare_char.py.
test("nanoGPT's recipes are nanoGPT's", () => {
  expect(presetSettings('shakespeare-char-cpu')).toMatchObject({
    ...{ tokenizer: 'char', layers: 4, heads: 4, width: 128, context: 64, batch: 12, steps: 2000 },
    ...{ learningRate: 1e-3, minLearningRate: 1e-4, beta2: 0.99, warmupSteps: 100 },
  });
  expect(presetSettings('shakespeare-char')).toMatchObject({
    ...{ tokenizer: 'char', layers: 6, heads: 6, width: 384, context: 256, batch: 64, steps: 5000 },
    ...{ learningRate: 1e-3, minLearningRate: 1e-4, beta2: 0.99, warmupSteps: 100 },
  });
});
