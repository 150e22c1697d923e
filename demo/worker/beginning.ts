// How a run comes to be: what it begins from, whether it fits, whether it waits for a click, and what is told of it.
import { clockText } from '../../src/cli/format.ts';
import { InputError } from '../../src/index.ts';
import { type ReadLink, ranges, writeLink } from '../link.ts';
import { type Command, type News, type PageSettings, TAB_HIDDEN } from '../protocol.ts';
import type { Receipt } from '../receipt.ts';
import { type Fit, fittingRun } from './fit.ts';
import type { Home } from './home.ts';
import { fullSettings } from './presets.ts';
import type { PageRun, RunSpec } from './run.ts';
import { type Found, savedPrompt, savedSettings } from './saves.ts';
import type { OpenText } from './text.ts';

/** A link may make a page work for so many seconds without a click. */
const WITHOUT_A_CLICK = 15 * 60;

export interface Beginning {
  page: PageSettings;
  text: OpenText;
  /** The save that it goes on from. */
  from: Found | null;
  /** Somebody asked for this run here: its settings may be other ones than the save's, and it may take long. */
  asked: boolean;
  notes: string[];
  /** Why it waits for a click; null where it starts by itself. */
  waits: string | null;
  /** What it is held to. */
  receipt?: Receipt | null;
}

/** The run, not brought to its save yet, or why it cannot be. @throws InputError for a text too short, or settings that contradict each other */
export function makeRun(home: Home, { page, text, from, asked }: Beginning): Fit {
  const base = from && savedSettings(from);
  const prompt = from ? savedPrompt(from) : undefined;
  const specOf = (chosen: PageSettings): RunSpec => {
    const settings = base && !asked ? base : fullSettings(chosen, base);
    return { settings, seed: chosen.seed, text, prompt };
  };
  return fittingRun(home, page, specOf, { maybeSmaller: from === null });
}

/** @param seconds that it will take about */
export function whyHold({ waits, from, asked }: Beginning, seconds: number): string | null {
  if (waits !== null || from || asked || seconds <= WITHOUT_A_CLICK) return waits;
  return `This run takes about ${clockText(seconds)} here.`;
}

export function whyWait({ hidden }: Extract<Command, { type: 'open' }>, { waits }: ReadLink): string | null {
  const { connection } = globalThis.navigator as { connection?: { saveData?: boolean } };
  if (waits) return 'The link says so.';
  if (hidden) return TAB_HIDDEN;
  return connection?.saveData ? 'The browser saves data.' : null;
}

export function readyNews(
  run: PageRun,
  { page, notes }: Beginning,
  { defaults, seconds }: { defaults: PageSettings; seconds: number },
): Extract<News, { type: 'ready' }> {
  return {
    type: 'ready',
    settings: page,
    defaults,
    ranges,
    parameters: run.startEvent().parameters,
    memory: run.memory,
    secondsForecast: seconds,
    parts: run.modelParts(),
    notes,
    totalSteps: run.spec.settings.steps,
    resumedAt: run.progress.step,
    prompt: run.prompt,
    link: writeLink(page),
  };
}

/** @throws InputError where a save's weights do not fit */
export function refuseOtherModel(saved: PageSettings, wanted: PageSettings): void {
  for (const name of ['layers', 'heads', 'width', 'context', 'data'] as const)
    if (saved[name] !== wanted[name])
      throw new InputError(
        `${name}: found ${wanted[name]}, expected ${saved[name]}, which the saved weights are of. Begin a new run.`,
      );
}
