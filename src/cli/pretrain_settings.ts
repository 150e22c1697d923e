// How flags, a preset and a saved run become one set of settings.
import type { TrainingState } from '../checkpoint/training_state.ts';
import { InputError } from '../errors.ts';
import { familyRow } from '../nn/families.ts';
import { withRate, withSteps } from '../train/checked_settings.ts';
import { type PretrainSettings, presetSettings } from '../train/presets.ts';
import { camelCase, type FlagSpec, isOnOff } from './flags.ts';
import { agreeing } from './loop_settings.ts';
import { checkSaved } from './saved_settings.ts';
import { settingFlags } from './setting_flags.ts';

type Typed = Readonly<Record<string, unknown>>;

/** Settings that were typed. @param specs by default pretrain's */
export function typedSettings(
  flags: Typed,
  given: ReadonlySet<string>,
  specs: readonly FlagSpec[] = settingFlags,
): Partial<PretrainSettings> {
  const typed: Record<string, unknown> = {};
  for (const spec of specs) {
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
  return withSteps(withRate(checked(settings), typed), settings.steps, typed);
}

/** Settings of a saved run; typed flags must agree, except for `steps`, which may grow. @throws InputError naming the first that does not, or a saved one that no flag would take */
export function resumedSettings(
  saved: TrainingState,
  typed: Partial<PretrainSettings>,
  where: string,
): PretrainSettings {
  checkSaved(saved, `${where}/training.json`);
  const settings = Object.fromEntries(saved.settings) as unknown as PretrainSettings;
  return checked(agreeing(settings, typed, saved, where));
}

function checked(settings: PretrainSettings): PretrainSettings {
  const { family, heads, kvHeads, bias } = settings;
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
  return settings;
}
