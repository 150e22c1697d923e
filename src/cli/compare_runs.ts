// Runs as --compare reads them: the log as it stands, the settings of the newest checkpoint that is whole. Reads only; a run that is
// being trained is not disturbed.
import fs from 'node:fs';
import { basename, dirname } from 'node:path';
import { diskLayer, systemError } from '../checkpoint/files.ts';
import { firstTen } from '../checkpoint/json.ts';
import { RunLog } from '../checkpoint/run_log.ts';
import { trimmed } from '../checkpoint/run_place.ts';
import { listSteps, stepName, stepOf, verifyStepFolder } from '../checkpoint/step_folder.ts';
import { parseTrainingState, type TrainingState } from '../checkpoint/training_state.ts';
import { InputError } from '../errors.ts';
import type { Json, RunEvent, StartEvent } from '../train/events.ts';
import type { ReportRun } from './report.ts';

export interface ComparedRun extends ReportRun {
  /** as it was typed, without a slash at its end */
  readonly path: string;
  /** where the settings are known */
  readonly tokensPerStep: number | undefined;
}

/**
 * Reads the runs.
 * @param paths run folders, each once
 * @param note told what could not be read, in a line
 * @throws InputError for what is no run folder, has no step yet, or is given twice
 */
export function readComparedRuns(paths: readonly string[], note: (line: string) => void): ComparedRun[] {
  const typed = paths.map(trimmed);
  const places = new Map<string, string>();
  for (const path of typed) {
    refuseNoRun(path);
    const place = fs.realpathSync(path);
    const earlier = places.get(place);
    if (earlier !== undefined)
      throw new InputError(
        `--compare: found ${path} twice${earlier === path ? '' : ` (as ${earlier})`}, expected each run once.`,
      );
    places.set(place, path);
  }
  const short = typed.map((path) => basename(path));
  const names = new Set(short).size === short.length && !short.some((name) => /^\.*$/.test(name)) ? short : typed;
  return typed.map((path, i) => readRunFolder(path, names[i]!, note));
}

function refuseNoRun(path: string): void {
  const found = statOf(path);
  if (found?.kind !== 'folder')
    throw new InputError(`${path}: found ${found ? 'a file' : 'nothing'}, expected a run folder. Check the path.`);
  if (stepOf(basename(path)) !== undefined)
    throw new InputError(`${path}: found a single checkpoint, expected a run folder. Compare ${dirname(path)}.`);
  if (statOf(`${path}/metrics.jsonl`)?.kind !== 'file') {
    const names = diskLayer.list(path).filter((name) => !name.startsWith('.'));
    const holds = names.length === 0 ? 'it is empty' : `it holds ${firstTen(names)}`;
    throw new InputError(
      `${path}: found no metrics.jsonl (${holds}), expected a run folder. Name one that pretrain wrote.`,
    );
  }
}

function statOf(path: string) {
  try {
    return diskLayer.stat(path);
  } catch (error) {
    throw new InputError(
      `${path}: cannot be read: ${systemError(error)}, expected a run folder. Check its permissions.`,
      { cause: error },
    );
  }
}

function readRunFolder(path: string, name: string, note: (line: string) => void): ComparedRun {
  const events = readEvents(path);
  if (!events.some(({ event }) => event === 'step'))
    throw new InputError(
      `${path}/metrics.jsonl: found no step, expected at least one. Compare again once the run has taken its first.`,
    );
  const state = newestState(path, note);
  const start = events.findLast((event): event is StartEvent => event.event === 'start');
  const settings = state ? savedSettings(state) : startSettings(start);
  const { batch, context, accumulate = 1, steps } = settings;
  const samples = events.filter((event) => event.event === 'sample');
  const planned = typeof steps === 'number' ? { totalSteps: steps } : {};
  const factors = [batch, accumulate, context];
  const tokensPerStep = factors.every((n) => typeof n === 'number') ? factors.reduce((a, b) => a * b) : undefined;
  return { path, name, events, settings, partial: state === null, samples, tokensPerStep, ...planned };
}

/** Whole events with the fields that are shown, each of its type: whoever wrote the file, what is drawn from it are numbers. */
function readEvents(path: string): RunEvent[] {
  const size = statOf(`${path}/metrics.jsonl`)?.size ?? 0;
  const events = readLog(path);
  if (events.length === 0 && size > 1e6)
    throw new InputError(
      `${path}/metrics.jsonl: found ${size} bytes without an event that can be read, expected a line of JSON an event. Check the file.`,
    );
  return events.filter((event) => {
    const shape = SHAPES.get(event.event);
    return (
      shape !== undefined &&
      (event.event === 'start' || isStep(event.step)) &&
      Object.entries(shape).every(([key, fits]) => fits(event[key]))
    );
  }) as unknown as RunEvent[];
}

function readLog(path: string) {
  try {
    return new RunLog(diskLayer, path).read();
  } catch (error) {
    throw new InputError(
      `${path}/metrics.jsonl: cannot be read: ${systemError(error)}, expected a readable file. Check its permissions.`,
      { cause: error },
    );
  }
}

const isStep = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
/** JSON has no NaN: it comes as null. */
const isNumber = (value: unknown) => value === null || typeof value === 'number';
const isText = (value: unknown) => typeof value === 'string';
const SHAPES = new Map<string, Record<string, (value: unknown) => boolean>>([
  ['start', { parameters: isStep, memory: (value) => isStep((value as { total?: unknown } | null)?.total) }],
  ['step', { loss: isNumber, learningRate: isNumber, gradNorm: isNumber, tokensPerSecond: isNumber }],
  [
    'eval',
    {
      trainLoss: isNumber,
      validationLoss: isNumber,
      emaValidationLoss: (value) => value === undefined || isNumber(value),
    },
  ],
  ['spike', { loss: isNumber, z: isNumber, text: isText }],
  ['warning', { text: isText }],
  ['sample', { text: isText }],
  ['save', { path: isText }],
  ['end', { validationLoss: isNumber, parameterHash: isText }],
]);

/** training.json of the newest step folder that is whole; null where there is none. */
function newestState(path: string, note: (line: string) => void): TrainingState | null {
  for (const step of listSteps(diskLayer, path).reverse()) {
    const folder = `${path}/${stepName(step)}`;
    const fault = verifyStepFolder(diskLayer, folder);
    if (fault !== null) {
      note(`${folder} passed over: ${fault}`);
      continue;
    }
    try {
      return parseTrainingState(fs.readFileSync(`${folder}/training.json`, 'utf8'), `${folder}/training.json`);
    } catch (error) {
      note(`${folder} passed over: ${error instanceof InputError ? error.message : systemError(error)}`);
    }
  }
  return null;
}

/** What decided the run, and what it ran on. */
function savedSettings({ settings, random, dataHash, tokenizerHash, adapter, versions }: TrainingState) {
  return {
    ...Object.fromEntries(settings),
    seed: random.get('seed') ?? null,
    dataHash: dataHash.slice(0, 12),
    tokenizerHash: tokenizerHash.slice(0, 12),
    adapter,
    version: versions.get('shaderformer') ?? null,
  } as Record<string, Json>;
}

/** The settings that a start event tells, under their flags' names. */
function startSettings(start: StartEvent | undefined): Record<string, Json> {
  const names: [string, string][] = [
    ['nLayer', 'layers'],
    ['nHead', 'heads'],
    ['nEmbd', 'width'],
    ['blockSize', 'context'],
    ['initializerRange', 'initStd'],
    ['bias', 'bias'],
  ];
  const config = { ...(start?.config as Record<string, Json> | undefined) };
  const known = names.map(([key, name]) => [name, config[key]] as const);
  known.push(['adapter', start?.adapter]);
  return Object.fromEntries(known.filter((entry): entry is readonly [string, Json] => entry[1] !== undefined));
}
