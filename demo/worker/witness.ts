// What is told of a run's sameness: its receipt when it is done, and how it stands beside the receipt of its link.
import type { RunEvent } from '../../src/index.ts';
import { writeLink } from '../link.ts';
import type { News, PageSettings } from '../protocol.ts';
import { type Here, kernelsHash, type Receipt, Replay, type Verdict, writeReceipt } from '../receipt.ts';
import { COMPARED } from '../same_losses.ts';
import type { AnyRun } from './any_run.ts';
import { fullSettings } from './presets.ts';
import { PageRun } from './run.ts';
import { version } from './version.ts';

/** A run beside the receipt of its link. */
export class Witness {
  readonly #replay: Replay;

  constructor(receipt: Receipt, run: PageRun) {
    this.#replay = new Replay(receipt, hereOf(run));
  }

  get first(): News {
    return newsOf(this.#replay.last);
  }

  /** @returns what is known now and was not before, or null */
  take(event: RunEvent): News | null {
    const told =
      event.event === 'step'
        ? this.#replay.step(event.step, event.loss)
        : event.event === 'end'
          ? this.#replay.end(event.parameterHash)
          : null;
    return told && newsOf(told);
  }
}

/** Of a run that is done. @param page its settings */
export function receiptNews(run: AnyRun, page: PageSettings | null): Extract<News, { type: 'receipt' }> {
  const reason =
    page && run instanceof PageRun ? whyNone(run, page) : 'It went on from a model, which no link carries.';
  if (reason !== null) return { type: 'receipt', link: null, reason };
  const { events, spec } = run as PageRun;
  const end = events.findLast((event) => event.event === 'end')!;
  const text = writeReceipt({
    ...hereOf(run as PageRun),
    losses: lossesOf(events, spec.settings.steps),
    parameterHash: end.event === 'end' ? end.parameterHash : '',
    dataHash: spec.text.corpus.hash,
  });
  return { type: 'receipt', link: `${writeLink(page!)}&receipt=${text}`, reason: null };
}

/** Why a link could not repeat it; null where one can. */
function whyNone({ events, spec }: PageRun, page: PageSettings): string | null {
  if (events.some((event) => event.event === 'start' && event.model !== undefined))
    return 'It was forked from another run, which no link carries.';
  // A save has more beside them.
  const own = new Map<string, unknown>(Object.entries(spec.settings));
  if (Object.entries(fullSettings(page)).some(([name, value]) => own.get(name) !== value))
    return 'Its settings are more than a link carries.';
  const losses = lossesOf(events, spec.settings.steps);
  if (losses.length === 0 || !losses.every(Number.isFinite)) return 'The losses of its first steps are not all known.';
  return null;
}

/** Of the first steps, as they were told last; NaN where one was not. */
function lossesOf(events: readonly RunEvent[], steps: number): number[] {
  const losses = new Array<number>(Math.min(COMPARED, steps)).fill(Number.NaN);
  for (const event of events)
    if (event.event === 'step' && event.step <= losses.length) losses[event.step - 1] = Math.fround(event.loss);
  return losses;
}

function hereOf(run: PageRun): Here {
  return { adapter: run.home.machine.name, kernels: kernelsHash(run.kernels as Record<string, string>), version };
}

const newsOf = (told: Verdict): News => ({ type: 'replay', ...told });
