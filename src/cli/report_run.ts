// What the report says of a run in words and figures: its events gathered, told in a sentence, and as numbers for the page's cursor.
import type { EndEvent, EvalEvent, RunEvent, StartEvent, StepEvent } from '../train/events.ts';
import { debiasedAverage, type Point, type Reference } from './curve.ts';
import { byteText, grouped, lossText } from './format.ts';

/** Points that the cursor can stand at. */
const CURSOR_POINTS = 3000;

export interface Run {
  readonly start: StartEvent | undefined;
  readonly end: EndEvent | undefined;
  readonly steps: readonly StepEvent[];
  readonly evals: readonly EvalEvent[];
  readonly loss: readonly Point[];
  readonly average: readonly Point[];
  readonly validation: readonly Point[];
}

export function readRun(events: readonly RunEvent[]): Run {
  const of = <K extends RunEvent['event']>(kind: K) =>
    events.filter((event): event is Extract<RunEvent, { event: K }> => event.event === kind);
  const steps = of('step');
  const evals = of('eval');
  const end = of('end').at(-1);
  const loss = steps.map(({ step, loss: value }) => ({ step, value: value ?? Number.NaN }));
  const validation = evals.map(({ step, validationLoss }) => ({ step, value: validationLoss ?? Number.NaN }));
  if (end && validation.at(-1)?.step !== end.step) {
    validation.push({ step: end.step, value: end.validationLoss ?? Number.NaN });
  }
  return { start: of('start').at(-1), end, steps, evals, loss, average: debiasedAverage(loss), validation };
}

export const finite = (points: readonly Point[]) => points.filter(({ value }) => Number.isFinite(value));
const least = (points: readonly Point[]) =>
  finite(points).reduce<Point | undefined>((a, b) => (a && a.value <= b.value ? a : b), undefined);

/** The run in a sentence or two, as one would tell it. */
export function summary(run: Run, references: readonly Reference[], unit: string): string {
  const [first, last] = [run.loss[0], run.loss.at(-1)];
  if (!first || !last) return '';
  const final = run.validation.at(-1);
  const best = least(run.validation);
  const now = final?.value ?? run.average.at(-1)!.value;
  const at = (best && final && best.value < final.value && best) || undefined;
  const beaten = references.filter(({ value }) => now < value).sort((a, b) => a.value - b.value)[0];
  const ahead = references.filter(({ value }) => now >= value).sort((a, b) => b.value - a.value)[0];
  const compared = [
    beaten && `better than ${beaten.label} (${beaten.value.toFixed(2)})`,
    ahead && `not yet as good as ${ahead.label} (${ahead.value.toFixed(2)})`,
  ].filter(Boolean);
  return (
    `From a loss of ${lossText(first.value)} at step ${grouped(first.step)} to ` +
    `${final ? 'a validation loss' : 'an average training loss'} of ${lossText(now)} ${unit} after ${grouped(last.step)} steps` +
    `${at ? ` (best ${lossText(at.value)} at step ${grouped(at.step)})` : ''}${compared.length ? `: ${compared.join(', ')}` : ''}.`
  );
}

export function figures(run: Run): string {
  const best = least(run.validation);
  const speeds = run.steps
    .map((step) => step.tokensPerSecond)
    .filter((speed) => speed > 0)
    .sort((a, b) => a - b);
  const rows: [string, string | undefined][] = [
    ['validation loss', run.validation.length ? lossText(run.validation.at(-1)!.value) : undefined],
    ['best validation loss', best && `${lossText(best.value)} at ${grouped(best.step)}`],
    ['training loss, average', run.average.length ? lossText(run.average.at(-1)!.value) : undefined],
    ['steps', run.steps.length ? grouped(run.steps.at(-1)!.step) : undefined],
    ['parameters', run.start && grouped(run.start.parameters)],
    ['tokens a second, median', speeds.length ? grouped(speeds[speeds.length >> 1]!) : undefined],
    ['memory planned', run.start && byteText(run.start.memory.total)],
  ];
  const cells = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return cells.length ? `<dl class="figures">${cells.join('')}</dl>` : '';
}

/** What the script needs for the cursor, as JSON that cannot end its element. */
export function cursorData(run: Run): string {
  const every = Math.max(1, Math.ceil(run.steps.length / CURSOR_POINTS));
  const kept = run.steps
    .map((step, i) => ({ ...step, average: run.average[i]!.value }))
    .filter((_, i) => i % every === 0 || i === run.steps.length - 1);
  const short = (value: number | null) =>
    value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(6));
  return JSON.stringify({
    step: kept.map(({ step }) => step),
    loss: kept.map(({ loss }) => short(loss)),
    average: kept.map(({ average }) => short(average)),
    rate: kept.map(({ learningRate }) => short(learningRate)),
    norm: kept.map(({ gradNorm }) => short(gradNorm)),
    speed: kept.map(({ tokensPerSecond }) => short(tokensPerSecond)),
    evalStep: run.validation.map(({ step }) => step),
    evalLoss: run.validation.map(({ value }) => short(value)),
  }).replace(/</g, '\\u003c');
}
