// How flags, a preset and a saved run become one set of settings.
import type { TrainingState } from '../checkpoint/training_state.ts';
import { InputError } from '../errors.ts';
import { familyRow } from '../nn/families.ts';
import { type PretrainSettings, presetSettings } from '../train/presets.ts';
import { disagreement } from './disagreement.ts';
import { camelCase, type FlagSpec, isOnOff, kebabCase } from './flags.ts';
import { checkSaved } from './saved_settings.ts';
import { settingFlags } from './setting_flags.ts';

type Typed = Readonly<Record<string, unknown>>;

/** Settings that were typed. */
export function typedSettings(flags: Typed, given: ReadonlySet<string>): Partial<PretrainSettings> {
  const typed: Record<string, unknown> = {};
  for (const spec of settingFlags as readonly FlagSpec[]) {
    const name = camelCase(spec.name);
    if (given.has(name)) typed[name] = isOnOff(spec) ? flags[name] === 'on' : flags[name];
  }
  return typed as Partial<PretrainSettings>;
}

/**
 * Preset, then typed flags.
 * @param preset its name, or its settings
 * @throws InputError for settings that contradict each other
 */
export function newSettings(preset: string | PretrainSettings, typed: Partial<PretrainSettings>): PretrainSettings {
  const settings = { ...(typeof preset === 'string' ? presetSettings(preset) : preset), ...typed };
  // Most families have none unless they are asked for.
  if (typed.bias === undefined && familyRow(settings.family).bias !== true) settings.bias = false;
  if (typed.stride !== undefined && settings.windows !== 'strided')
    throw new InputError(
      `--stride: found ${typed.stride} beside --windows ${settings.windows}, expected strided windows. Add --windows strided, or leave --stride out.`,
    );
  if (typed.minLearningRate === undefined)
    settings.minLearningRate = Math.min(settings.minLearningRate, settings.learningRate);
  return withSteps(settings, settings.steps, typed);
}

/** Settings of a run of so many steps. A warm-up that was not typed keeps its shape: it shrinks with them. @throws InputError as newSettings */
export function withSteps(
  settings: PretrainSettings,
  steps: number,
  typed: Partial<PretrainSettings>,
): PretrainSettings {
  const warmupSteps = typed.warmupSteps ?? Math.min(settings.warmupSteps, Math.floor(steps / 10));
  return checked({ ...settings, steps, warmupSteps });
}

/** Settings of a saved run; typed flags must agree, except for `steps`, which may grow. @throws InputError naming the first that does not, or a saved one that no flag would take */
export function resumedSettings(
  saved: TrainingState,
  typed: Partial<PretrainSettings>,
  where: string,
): PretrainSettings {
  checkSaved(saved, `${where}/training.json`);
  const settings = Object.fromEntries(saved.settings) as unknown as PretrainSettings;
  for (const [name, value] of Object.entries(typed) as [keyof PretrainSettings, unknown][]) {
    const before = settings[name];
    if (value === before || name === 'steps') continue;
    throw disagreement(kebabCase(name), value, before, where);
  }
  if (typed.steps !== undefined && typed.steps < settings.steps) {
    throw new InputError(
      `--steps: found ${typed.steps}, expected at least ${settings.steps}, with which ${where} began (it is saved at step ${saved.step}). Give a larger number, or leave it out.`,
    );
  }
  return checked({ ...settings, ...(typed.steps !== undefined && { steps: typed.steps }) });
}

function checked(settings: PretrainSettings): PretrainSettings {
  const { warmupSteps, steps, learningRate, minLearningRate, family, heads, kvHeads, bias } = settings;
  const row = familyRow(family);
  if (kvHeads > 0 && !row.sharesHeads)
    throw new InputError(
      `--kv-heads: found ${kvHeads} beside --family ${family}, whose heads share none. Leave it out, or add --family llama.`,
    );
  if (bias && row.bias === null)
    throw new InputError(
      `--bias: found on beside --family ${family}, which has none. Leave it out, or add --family llama.`,
    );
  if (kvHeads > 0 && heads % kvHeads !== 0)
    throw new InputError(`--kv-heads: found ${kvHeads}, expected a divisor of the ${heads} heads.`);
  if (warmupSteps > steps)
    throw new InputError(
      `--warmup-steps: found ${warmupSteps}, expected at most the ${steps} steps of the run. For example: --warmup-steps ${Math.floor(steps / 10)}`,
    );
  if (minLearningRate > learningRate)
    throw new InputError(
      `--min-learning-rate: found ${minLearningRate}, expected at most the learning rate, ${learningRate}.`,
    );
  return settings;
}
