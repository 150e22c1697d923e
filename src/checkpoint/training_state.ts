// training.json of a checkpoint: what a run needs besides weights and moments to go on as if it had never stopped, and the check
// that the run that goes on is the run that stopped.

import { InputError } from '../errors.ts';
import { finiteNumber, misfit, object, text, wholeNumber } from './fields.ts';
import { described, type JsonObject, type JsonValue, parseJson, quoted } from './json.ts';

export type Scalar = string | number | boolean | null;
export type Scalars = ReadonlyMap<string, Scalar>;

export interface TrainingState {
  /** Optimizer steps done. */
  readonly step: number;
  /** Everything that flags and presets decided, by its one name: learningRate, batch, steps, seed, tokenizer, ... */
  readonly settings: Scalars;
  /** Shape of the model: vocabSize, blockSize, nLayer, ... */
  readonly model: Scalars;
  /** Learning-rate schedule: its name, warmupSteps, its own length, ... */
  readonly schedule: Scalars;
  /** State of the random generator; `seed` is compared on resume. */
  readonly random: Scalars;
  /** Where the data loader stands. */
  readonly cursor: Scalars;
  /** SHA-256, hex. */
  readonly dataHash: string;
  readonly tokenizerHash: string;
  /** Op -> form, as the run chose them; a resume obeys it. */
  readonly kernels: Scalars;
  /** `shaderformer` is compared on resume; others (node, webgpu, ...) are told. */
  readonly versions: Scalars;
  readonly adapter: string;
  /** Best evaluation so far. */
  readonly best: { readonly step: number; readonly validationLoss: number } | null;
}

/** Rises when a run that another version saved cannot be gone on with. */
const format = 2;
const groups = ['settings', 'model', 'schedule', 'random', 'cursor', 'kernels', 'versions'] as const;
const texts = ['dataHash', 'tokenizerHash', 'adapter'] as const;
const keys = new Set<string>(['format', 'step', 'best', ...groups, ...texts]);

/** The text of training.json. The same state gives the same text. @throws Error for a number that JSON cannot hold */
export function trainingStateJson(state: TrainingState): string {
  const plain: [string, unknown][] = [
    ['format', format],
    ['step', state.step],
    ...groups.map((group): [string, unknown] => [group, Object.fromEntries(state[group])]),
    ...texts.map((key): [string, unknown] => [key, state[key]]),
    ['best', state.best],
  ];
  const finite = (key: string, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`training.json: ${key} is ${value}`);
    return value;
  };
  return `${JSON.stringify(Object.fromEntries(plain), finite, 2)}\n`;
}

/** Reads training.json. @throws InputError for anything missing, unknown or of the wrong type */
export function parseTrainingState(json: string, fileName: string): TrainingState {
  const root = parseJson(json, fileName);
  if (!(root instanceof Map))
    throw new InputError(`${fileName}: found ${described(root)}, expected an object. Resume from another checkpoint.`);
  const saved = root.get('format');
  if (saved !== format) throw misfit(fileName, 'format', saved, `${format}`, 'Go on with the version that saved it.');
  const unknown = [...root.keys()].find((key) => !keys.has(key));
  if (unknown !== undefined)
    throw new InputError(
      `${fileName}: found key ${quoted(unknown)}, expected only ${[...keys].join(' ')}. Resume from another checkpoint.`,
    );
  return {
    step: wholeNumber(root, 'step', fileName, 0),
    settings: scalars(root, 'settings', fileName),
    model: scalars(root, 'model', fileName),
    schedule: scalars(root, 'schedule', fileName),
    random: scalars(root, 'random', fileName),
    cursor: scalars(root, 'cursor', fileName),
    dataHash: text(root, 'dataHash', fileName),
    tokenizerHash: text(root, 'tokenizerHash', fileName),
    kernels: scalars(root, 'kernels', fileName),
    versions: scalars(root, 'versions', fileName),
    adapter: text(root, 'adapter', fileName),
    best: readBest(root, fileName),
  };
}

function scalars(root: JsonObject, key: string, where: string): Map<string, Scalar> {
  return new Map(
    Array.from(object(root, key, where), ([name, value]) => [name, scalar(value, `${key}.${name}`, where)] as const),
  );
}

function scalar(value: JsonValue, key: string, where: string): Scalar {
  if (typeof value === 'bigint' || (typeof value === 'object' && value !== null)) {
    throw misfit(where, key, value, 'text, an exact number, true, false or null', 'Resume from another checkpoint.');
  }
  return value;
}

function readBest(root: JsonObject, where: string): TrainingState['best'] {
  if (root.get('best') === null) return null;
  const best = object(root, 'best', where);
  return {
    step: wholeNumber(best, 'step', `${where}: best`, 0),
    validationLoss: finiteNumber(best, 'validationLoss', `${where}: best`, -Number.MAX_VALUE, Number.MAX_VALUE),
  };
}

/**
 * Refuses to go on with another run than the one that was saved: other version, data, tokenizer, model shape, seed or settings.
 * `steps` may grow. The kernel table is not compared, because the saved one is obeyed.
 * @param now what this start would save at its step 0
 * @returns lines about differences that do not forbid going on (adapter, versions of what runs underneath)
 * @throws InputError naming the first differing field and both values
 */
export function compareResume(saved: TrainingState, now: TrainingState, where: string): string[] {
  const differs = (field: string, found: Scalar | undefined, expected: Scalar | undefined, advice: string) =>
    new InputError(
      `${where}: ${field}: found ${described(found)}, expected ${described(expected)} as the run was saved at step ${saved.step}. ${advice}`,
    );
  const same = (field: string, a: Scalar | undefined, b: Scalar | undefined, advice: string) => {
    if (a !== b) throw differs(field, b, a, advice);
  };
  const version = saved.versions.get('shaderformer');
  same(
    'version',
    version,
    now.versions.get('shaderformer'),
    `Go on with version ${version}, or begin a new run from its model.`,
  );
  same('dataHash', saved.dataHash, now.dataHash, 'Resume with the data the run began with.');
  same('tokenizerHash', saved.tokenizerHash, now.tokenizerHash, 'Resume with the tokenizer the run began with.');
  const flags = 'Leave the flag out, or begin a new run.';
  compareAll('model', saved.model, now.model, (field, a, b) => same(field, a, b, flags));
  same('seed', saved.random.get('seed'), now.random.get('seed'), flags);
  compareSteps(saved, now, differs);
  compareAll('', saved.settings, now.settings, (field, a, b) => {
    if (field !== 'steps') same(field, a, b, flags);
  });
  const notes: string[] = [];
  const tell = (field: string, a: Scalar | undefined, b: Scalar | undefined) => {
    if (a !== b) notes.push(`${field} was ${described(a)}, is ${described(b)}: losses may differ in the last digits`);
  };
  tell('adapter', saved.adapter, now.adapter);
  compareAll('versions', saved.versions, now.versions, tell);
  return notes;
}

function compareAll(
  group: string,
  saved: Scalars,
  now: Scalars,
  compare: (field: string, saved: Scalar | undefined, now: Scalar | undefined) => void,
): void {
  for (const key of new Set([...saved.keys(), ...now.keys()]))
    compare(group ? `${group}.${key}` : key, saved.get(key), now.get(key));
}

function compareSteps(
  saved: TrainingState,
  now: TrainingState,
  differs: (field: string, found: Scalar | undefined, expected: Scalar | undefined, advice: string) => InputError,
): void {
  const before = saved.settings.get('steps');
  const after = now.settings.get('steps');
  if (typeof before !== 'number' || typeof after !== 'number') {
    if (before !== after) throw differs('steps', after, before, 'Leave the flag out, or begin a new run.');
    return;
  }
  if (after < saved.step) {
    throw new InputError(
      `steps: saved at ${saved.step}, asked to stop at ${after}, expected at least ${before}. Raise --steps or leave it out.`,
    );
  }
  if (after < before) throw differs('steps', after, before, 'It may grow, not shrink: raise --steps or leave it out.');
}
