// What a saved run says of its settings, held to what a run has before anything is built on it: a person may have changed the file.

import { InputError, type PretrainSettings, presetSettings, type TrainingState } from '../../src/index.ts';
import { FAMILIES } from '../../src/nn/families.ts';
import { MOST_BATCHES } from '../../src/train/limits.ts';

/** Texts that are one of a few. */
const CHOICES: Partial<Record<keyof PretrainSettings, readonly string[]>> = {
  family: FAMILIES,
  optimizer: ['adamw', 'muon'],
  dtype: ['f32', 'f16'],
  windows: ['random', 'strided'],
};

/**
 * Ranges of those that the page shows are checked by `checkSettings`.
 * @param where the file
 * @throws InputError naming the first that is missing or is none
 */
export function soundSettings(saved: TrainingState['settings'], where: string): PretrainSettings {
  for (const [name, usual] of Object.entries(presetSettings('moby-small'))) {
    const value = saved.get(name);
    const choices = CHOICES[name as keyof PretrainSettings];
    const most = name === 'accumulate' ? MOST_BATCHES : Number.MAX_SAFE_INTEGER;
    const least = name === 'accumulate' ? 1 : 0;
    const sound =
      typeof usual === 'number'
        ? typeof value === 'number' && value >= least && value <= most
        : typeof value === typeof usual && (choices?.includes(String(value)) ?? true);
    if (sound) continue;
    const expected =
      typeof usual === 'number' ? `a number from ${least} to ${most}` : (choices?.join(' or ') ?? `a ${typeof usual}`);
    const found = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 40);
    throw new InputError(
      `${where}: settings.${name}: found ${found}, expected ${expected}. The file was changed: take another save, or correct it.`,
    );
  }
  return Object.fromEntries(saved) as unknown as PretrainSettings;
}
