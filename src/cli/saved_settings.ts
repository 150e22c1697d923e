// What training.json says of a run's settings and of where its windows stand, checked before anything is built on it: a person
// may have changed it.
import type { Scalar, Scalars, TrainingState } from '../checkpoint/training_state.ts';
import { InputError } from '../errors.ts';
import { allows, expectation } from './flag_value.ts';
import { camelCase, type FlagSpec, isOnOff } from './flags.ts';
import { quoted } from './printable.ts';

/**
 * Every setting must be there and be one that its flag would take; and the cursor must be one.
 * @param where the step folder
 * @throws InputError naming the first that is not
 */
export function checkSaved({ settings, cursor }: TrainingState, specs: readonly FlagSpec[], where: string): void {
  const refuse = (field: string, found: Scalar | undefined, expected: string) =>
    new InputError(
      `${where}/training.json: ${field}: found ${shown(found)}, expected ${expected}. The file was changed: go on with another checkpoint, or correct it.`,
    );
  for (const spec of specs) {
    const name = camelCase(spec.name);
    const value = settings.get(name);
    // A choice between on and off is kept as a switch is.
    const isSwitch = spec.type === 'boolean' || isOnOff(spec);
    if (isSwitch ? typeof value === 'boolean' : allows(spec, value)) continue;
    throw refuse(`settings.${name}`, value, isSwitch ? 'true or false' : expectation(spec));
  }
  const shards = settings.get('shards');
  if (shards !== undefined) {
    if (!isList(shards)) throw refuse('settings.shards', shards, 'a JSON list of hashes');
    if (!isList(settings.get('data'))) throw refuse('settings.data', settings.get('data'), 'a JSON list of paths');
  }
  checkCursor(cursor, refuse);
}

function checkCursor(
  cursor: Scalars,
  refuse: (field: string, found: Scalar | undefined, expected: string) => InputError,
): void {
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
