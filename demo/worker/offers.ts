// What went wrong, what is safe and what can be done: a sentence and its buttons.
import { InputError, NotFiniteError, RunError } from '../../src/index.ts';
import type { Command, News, Offer, PageSettings } from '../protocol.ts';

type Way = Omit<Extract<News, { type: 'error' }>, 'type'>;

interface RunThatFailed {
  page: PageSettings;
  defaults: PageSettings;
  /** 0 where nothing has been saved. */
  savedStep: number;
}

/** @param failed the run that ended so; null where a command could not be done and all is as it was */
export function wayOut(error: unknown, failed: RunThatFailed | null): Way {
  const message = error instanceof Error ? error.message : String(error);
  const known = error instanceof InputError || error instanceof RunError;
  if (!known) console.error(error);
  const what = known ? message : `Something of this page is broken: ${message.replace(/\.$/, '')}.`;
  if (!failed) return { sentence: what, offers: [] };
  const safe =
    failed.savedStep > 0 ? `The run is saved at step ${failed.savedStep}.` : 'Nothing of this run had been saved yet.';
  return { sentence: `${what} ${safe}`, offers: error instanceof NotFiniteError ? lower(failed) : again(failed) };
}

/** A smaller learning rate, from the last save or from nothing; and if that is still wild, the page's own. */
function lower({ page, defaults, savedStep }: RunThatFailed): Offer[] {
  const learningRate = Number((page.learningRate / 10).toPrecision(3));
  const settings = { ...page, learningRate, minLearningRate: Math.min(page.minLearningRate, learningRate) };
  const back: Offer = {
    label: `Go back to step ${savedStep} with learning rate ${learningRate}`,
    command: { type: 'start', settings, fromSave: savedStep > 0 },
  };
  if (learningRate <= 3 * defaults.learningRate) return [back];
  const { learningRate: usual, minLearningRate } = defaults;
  const own: Offer = {
    label: `Begin again with learning rate ${usual}`,
    command: { type: 'start', settings: { ...page, learningRate: usual, minLearningRate } },
  };
  return [own, back];
}

function again({ page, savedStep }: RunThatFailed): Offer[] {
  return [
    { label: savedStep > 0 ? `Go on from step ${savedStep}` : 'Try again', command: { type: 'go' } },
    { label: 'Begin again', command: { type: 'start', settings: page } },
  ];
}

/** A run that does not fit; a smaller one that does, and what the page would choose by itself. */
export function tooLarge(
  { refusal, smaller }: { refusal: string; smaller: PageSettings | null },
  defaults: PageSettings,
): Way {
  const usual: Offer = { label: 'Train what suits this machine', command: { type: 'start', settings: defaults } };
  if (!smaller) return { sentence: refusal, offers: [usual] };
  return {
    sentence: refusal,
    offers: [{ label: 'Train the smaller model', command: { type: 'start', settings: smaller } }, usual],
  };
}

/** @param command that opened the page */
export function anotherTab(command: Extract<Command, { type: 'open' }>): Way {
  return {
    sentence:
      'Another tab of this page owns the saved run, and two would write over each other. Close it, or train here and keep nothing.',
    offers: [
      { label: 'Try again', command },
      { label: 'Train here without saving', command: { ...command, hidden: false, saving: false } },
    ],
  };
}

export function notSaved(error: RunError): Way {
  const offers: Offer[] = [{ label: 'Export the run', command: { type: 'export' } }];
  return { sentence: `${error.message} The run goes on.`, offers };
}
