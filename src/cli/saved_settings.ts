// What training.json says of a run's settings and of where its windows stand, checked before anything is built on it: a person
// may have changed it. Pure: the page checks its saves with it.
import type { Scalar, Scalars, TrainingState } from '../checkpoint/training_state.ts';
import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { allows, expectation } from './flag_value.ts';
import { camelCase, type FlagSpec, isOnOff } from './flags.ts';
import { settingFlags } from './setting_flags.ts';

/** @returns the error that refuses a field of a file */
type Refuse = (field: string, found: Scalar | undefined, expected: string) => InputError;

/**
 * The settings and the cursor of a run that is to go on.
 * @param file training.json, by its path   @throws InputError naming the first field that is wrong
 */
export function checkSaved({ settings, cursor }: TrainingState, file: string): void {
  const refuse = refuser(file);
  checkSavedSettings(settings, file);
  const shards = settings.get('shards');
  if (shards !== undefined) {
    if (!isList(shards)) throw refuse('settings.shards', shards, 'a JSON list of hashes');
    if (!isList(settings.get('data'))) throw refuse('settings.data', settings.get('data'), 'a JSON list of paths');
  }
  checkCursor(cursor, refuse);
}

/** Every setting must be there and be one that its flag would take. @param specs by default pretrain's   @throws InputError as checkSaved */
export function checkSavedSettings(settings: Scalars, file: string, specs: readonly FlagSpec[] = settingFlags): void {
  for (const spec of specs) {
    const name = camelCase(spec.name);
    const value = settings.get(name);
    // A choice between on and off is kept as a switch is.
    const isSwitch = spec.type === 'boolean' || isOnOff(spec);
    if (isSwitch ? typeof value === 'boolean' : allows(spec, value)) continue;
    throw refuser(file)(`settings.${name}`, value, isSwitch ? 'true or false' : expectation(spec));
  }
}

function refuser(file: string): Refuse {
  return (field, found, expected) =>
    new InputError(
      `${file}: ${field}: found ${shown(found)}, expected ${expected}. The file was changed: go on with another checkpoint, or correct it.`,
    );
}

function checkCursor(cursor: Scalars, refuse: Refuse): void {
  const kind = cursor.get('kind');
  if (kind !== 'random' && kind !== 'strided') throw refuse('cursor.kind', kind, 'random or strided');
  for (const name of ['length', 'blockSize', 'batch', 'stride', 'seed', 'step']) {
    const value = cursor.get(name);
    if (!(Number.isSafeInteger(value) && Number(value) >= 0))
      throw refuse(`cursor.${name}`, value, 'a whole number, 0 or more');
  }
}

/** Whether a value is a list of texts, kept as JSON. */
function isList(json: Scalar | undefined): boolean {
  try {
    const list: unknown = typeof json === 'string' ? JSON.parse(json) : null;
    return Array.isArray(list) && list.every((item) => typeof item === 'string');
  } catch {
    return false;
  }
}

function shown(value: Scalar | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? `the text "${quoted(value).replace(/^"|"$/g, '')}"` : String(value);
}
