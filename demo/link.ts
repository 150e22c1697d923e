// Settings as a link's query and back. What a link says wrongly is left out and told; what it does not say stays as the page would
// have chosen. Pure: page and worker use it.
import { allows, expectation, readValue } from '../src/cli/flag_value.ts';
import { camelCase, type FlagSpec } from '../src/cli/flags.ts';
import { settingFlags } from '../src/cli/setting_flags.ts';
import { quoted } from '../src/data/printable.ts';
import { InputError } from '../src/errors.ts';
import { fittingHeads } from '../src/nn/gpt2_config.ts';
import type { PageSettings, Range } from './protocol.ts';

/** A longer query was not made here. Characters. */
const LONGEST = 2048;

type Name = keyof PageSettings;

/** By setting its short name in a link. */
const SHORT: Readonly<Record<Name, string>> = {
  layers: 'layers',
  heads: 'heads',
  width: 'width',
  context: 'context',
  batch: 'batch',
  steps: 'steps',
  learningRate: 'lr',
  minLearningRate: 'minlr',
  warmupSteps: 'warmup',
  schedule: 'schedule',
  weightDecay: 'wd',
  dropout: 'dropout',
  seed: 'seed',
  data: 'data',
};

const NAMES = Object.keys(SHORT) as Name[];

/** What is no setting of the command line. */
const OWN: readonly FlagSpec[] = [
  { name: 'seed', type: 'integer', min: 0, max: 2 ** 32 - 1, help: '' },
  { name: 'data', type: 'text', help: '' },
];

/** The setting that a link and messages call so. */
export const nameOf = (short: string): Name | undefined => NAMES.find((name) => SHORT[name] === short);

/** What a setting may be, as the command line's flag says it, under the name that messages have for it. */
function flagOf(name: Name): FlagSpec {
  const flag = [...settingFlags, ...OWN].find((spec) => camelCase(spec.name) === name)!;
  return { ...flag, name: SHORT[name] };
}

/** What each setting may be, for a form. */
export const ranges: Readonly<Record<Name, Range>> = Object.fromEntries(
  NAMES.map((name) => {
    const { type, min, max, above, below, choices } = flagOf(name);
    const expected =
      name === 'data' ? 'moby-dick, or the first 12 digits of the hash of a text' : expectation(flagOf(name));
    return [name, { min, max, above, below, choices, whole: type === 'integer', expected }];
  }),
) as unknown as Record<Name, Range>;

export interface ReadLink {
  /** The settings that the link gives, each of its kind and within its range. */
  given: Partial<PageSettings>;
  /** `run=0`: nothing starts without a click. */
  waits: boolean;
  /** As it stands there: the receipt of the run that is to be repeated. null where there is none. */
  receipt: string | null;
  /** A sentence for each thing that was left out. */
  notes: string[];
}

/** @param search location.search */
export function readLink(search: string): ReadLink {
  if (search.length > LONGEST)
    return {
      given: {},
      waits: false,
      receipt: null,
      notes: [`link: found ${search.length} characters, expected at most ${LONGEST}; left out.`],
    };
  const given = new Map<Name, number | string>();
  const notes: string[] = [];
  let waits = false;
  let receipt: string | null = null;
  const seen = new Set<string>();
  for (const [key, text] of new URLSearchParams(search)) {
    const name = nameOf(key);
    if (seen.has(key)) notes.push(`${quoted(key)}: given twice; the first was taken.`);
    else if (key === 'run') {
      waits = text === '0';
      if (text !== '0' && text !== '1') notes.push(`run: found ${quoted(text)}, expected 0 or 1; left out.`);
    } else if (key === 'receipt') receipt = text;
    else if (name === undefined) notes.push(`${quoted(key)}: not a setting of this page; left out.`);
    else {
      const value = settingValue(name, text);
      if (value === null) notes.push(`${key}: found ${quoted(text)}, expected ${ranges[name].expected}; left out.`);
      else given.set(name, value);
    }
    seen.add(key);
  }
  return { given: Object.fromEntries(given) as Partial<PageSettings>, waits, receipt, notes };
}

function settingValue(name: Name, text: string): number | string | null {
  if (name === 'data') return isData(text) ? text : null;
  try {
    return readValue(flagOf(name), text);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

function isData(text: string): boolean {
  return text === 'moby-dick' || /^[0-9a-f]{12}$/.test(text);
}

/** What a page would choose, changed by a link. Settings that follow from others follow the link's; those that contradict are told. */
export function linkedSettings(defaults: PageSettings, { given, notes }: ReadLink): PageSettings {
  const settings = { ...defaults, ...given };
  const { steps, width, heads, learningRate } = settings;
  if (given.minLearningRate === undefined) settings.minLearningRate = Math.min(settings.minLearningRate, learningRate);
  else if (settings.minLearningRate > learningRate) {
    notes.push(
      `minlr: found ${settings.minLearningRate}, expected at most the learning rate, ${learningRate}; 0 was taken.`,
    );
    settings.minLearningRate = 0;
  }
  const shorter = Math.min(defaults.warmupSteps, Math.floor(steps / 10));
  if (given.warmupSteps === undefined) settings.warmupSteps = shorter;
  else if (settings.warmupSteps > steps) {
    notes.push(
      `warmup: found ${settings.warmupSteps}, expected at most the ${steps} steps of the run; ${shorter} was taken.`,
    );
    settings.warmupSteps = shorter;
  }
  if (width % heads !== 0) {
    settings.heads = [...Array(heads).keys()].map((n) => heads - n).find((n) => width % n === 0)!;
    notes.push(`heads: found ${heads} for a width of ${width}, expected a divisor; ${settings.heads} was taken.`);
  }
  return settings;
}

/** @throws InputError for the first setting that is out of its range or contradicts another */
export function checkSettings(settings: PageSettings): void {
  for (const name of NAMES) {
    const value: unknown = settings[name];
    const sound = name === 'data' ? typeof value === 'string' && isData(value) : allows(flagOf(name), value);
    if (!sound)
      throw new InputError(`${SHORT[name]}: found ${quoted(String(value))}, expected ${ranges[name].expected}.`);
  }
  const { width, heads, warmupSteps, steps, learningRate, minLearningRate } = settings;
  if (width % heads !== 0)
    throw new InputError(
      `heads: found ${heads}, expected a divisor of the width, ${width}. Use ${fittingHeads(width, heads)}.`,
    );
  if (warmupSteps > steps)
    throw new InputError(`warmup: found ${warmupSteps}, expected at most the ${steps} steps of the run.`);
  if (minLearningRate > learningRate)
    throw new InputError(`minlr: found ${minLearningRate}, expected at most the learning rate, ${learningRate}.`);
}

/** All settings as a query: the same run on every machine, whatever its page would choose. */
export function writeLink(settings: PageSettings): string {
  return `?${NAMES.map((name) => `${SHORT[name]}=${settings[name]}`).join('&')}`;
}

/** Whether a run is one that a link means: it agrees in everything that the link says. */
export function agrees(settings: PageSettings, given: Partial<PageSettings>): boolean {
  return (Object.keys(given) as Name[]).every((name) => settings[name] === given[name]);
}
