// What the report says of a run in words and figures: its events gathered, told in a sentence, and as numbers for the page's cursor.

import { grouped } from '../data/counted.ts';
import type { EndEvent, EvalEvent, RunEvent, SpikeEvent, StartEvent, StepEvent } from '../train/events.ts';
import type { Reference } from '../train/run_data.ts';
import { debiasedAverage, type Point } from './curve.ts';
import { byteText, lossText, metricName, shortNumber } from './format.ts';

/** Points that the cursor can stand at, of all runs of a page together. */
const CURSOR_POINTS = 3000;

export interface Run {
  readonly start: StartEvent | undefined;
  readonly end: EndEvent | undefined;
  readonly steps: readonly StepEvent[];
  readonly evals: readonly EvalEvent[];
  readonly spikes: readonly SpikeEvent[];
  readonly loss: readonly Point[];
  readonly average: readonly Point[];
  readonly validation: readonly Point[];
  /** validation loss of the averaged weights; empty where a run keeps none */
  readonly averaged: readonly Point[];
}

/** Events in order, as in `metrics.jsonl`; null stands for NaN. */
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
  const averaged = evals
    .filter(({ emaValidationLoss }) => emaValidationLoss !== undefined)
    .map(({ step, emaValidationLoss }) => ({ step, value: emaValidationLoss ?? Number.NaN }));
  const average = debiasedAverage(loss);
  return { start: of('start').at(-1), end, steps, evals, spikes: of('spike'), loss, average, validation, averaged };
}

export const finite = (points: readonly Point[]) => points.filter(({ value }) => Number.isFinite(value));
const least = (points: readonly Point[]) =>
  finite(points).reduce<Point | undefined>((a, b) => (a && a.value <= b.value ? a : b), undefined);

/** A run in a few numbers; what is not known is undefined. */
export interface Figures {
  readonly steps: number | undefined;
  /** average training loss at the last step */
  readonly trainLoss: number | undefined;
  readonly validationLoss: number | undefined;
  readonly best: Point | undefined;
  readonly parameters: number | undefined;
  /** median over the steps */
  readonly tokensPerSecond: number | undefined;
  readonly memory: number | undefined;
}

export function figuresOf(run: Run): Figures {
  const speeds = run.steps
    .map((step) => step.tokensPerSecond)
    .filter((speed) => speed > 0)
    .sort((a, b) => a - b);
  return {
    steps: run.steps.at(-1)?.step,
    trainLoss: run.average.at(-1)?.value,
    validationLoss: run.validation.at(-1)?.value,
    best: least(run.validation),
    parameters: run.start?.parameters,
    tokensPerSecond: speeds[speeds.length >> 1],
    memory: run.start?.memory.total,
  };
}

/** The same in words, one row a figure. */
export function figureRows(run: Run): [name: string, value: string | undefined][] {
  const { steps, trainLoss, validationLoss, best, parameters, tokensPerSecond, memory } = figuresOf(run);
  const told = <T>(value: T | undefined, text: (value: T) => string) => (value === undefined ? undefined : text(value));
  return [
    ['validation loss', told(validationLoss, lossText)],
    ['best validation loss', told(best, ({ step, value }) => `${lossText(value)} at ${grouped(step)}`)],
    ...metricRows(run),
    ['of averaged weights', told(run.averaged.at(-1)?.value, lossText)],
    ['training loss, average', told(trainLoss, lossText)],
    ['steps', told(steps, grouped)],
    ['parameters', told(parameters, grouped)],
    ['tokens a second, median', told(tokensPerSecond, grouped)],
    ['memory planned', told(memory, byteText)],
  ];
}

/** What the task tells of the validation rows at the last evaluation, and of the test rows at the end. */
function metricRows({ evals, end }: Run): [string, string][] {
  const rows = (part: string, figures: object | undefined) =>
    Object.entries(figures ?? {})
      .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
      .map(([name, value]): [string, string] => [`${part} ${metricName(name)}`, lossText(value)]);
  const { rows: _, ...test } = { ...(end?.test as { rows?: number } | undefined) };
  const { rows: __, ...last } = { ...(end?.validation as { rows?: number } | undefined) };
  return [
    ...rows('validation', evals.at(-1)?.validationMetrics),
    ...rows('test', test),
    // Of texts that were written from all of its sources: an evaluation on the way has some of them.
    ...('written' in last ? rows('at the end, validation', last) : []),
  ];
}

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

/** Several runs in a sentence: which came lowest, and how the others follow. */
export function ranking(runs: readonly { readonly name: string; readonly run: Run }[]): string {
  const best = runs
    .map(({ name, run }) => ({ name, point: least(run.validation) }))
    .filter((each): each is { name: string; point: Point } => each.point !== undefined)
    .sort((a, b) => a.point.value - b.point.value);
  const [first, ...others] = best;
  if (!first) return 'No run has a validation loss yet.';
  const told = others.slice(0, 8).map(({ name, point }) => `${name} ${lossText(point.value)}`);
  const more = others.length > 8 ? ` and ${others.length - 8} more` : '';
  const then = told.length ? `; then ${told.join(', ')}${more}` : '';
  return `Lowest validation loss: ${first.name} with ${lossText(first.point.value)} at step ${grouped(first.point.step)}${then}.`;
}

/** A spike in a line, for titles and the cursor. */
export function spikeText({ loss, z, skipped, text }: SpikeEvent): string {
  return `spike to ${lossText(loss)}, ${shortNumber(z ?? Number.NaN)} standard deviations up${skipped ? ', step skipped' : ''}: ${text}`;
}

/** What the script needs for the cursor, as JSON that cannot end its element. */
export function cursorData(runs: readonly Run[]): string {
  const points = Math.max(300, Math.floor(CURSOR_POINTS / Math.max(1, runs.length)));
  const short = (value: number | null) =>
    value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(6));
  const data = runs.map((run) => {
    const every = Math.max(1, Math.ceil(run.steps.length / points));
    const kept = run.steps
      .map((step, i) => ({ ...step, average: run.average[i]!.value }))
      .filter((_, i) => i % every === 0 || i === run.steps.length - 1);
    return {
      step: kept.map(({ step }) => step),
      loss: kept.map(({ loss }) => short(loss)),
      average: kept.map(({ average }) => short(average)),
      rate: kept.map(({ learningRate }) => short(learningRate)),
      norm: kept.map(({ gradNorm }) => short(gradNorm)),
      speed: kept.map(({ tokensPerSecond }) => short(tokensPerSecond)),
      evalStep: run.validation.map(({ step }) => step),
      evalLoss: run.validation.map(({ value }) => short(value)),
      averagedStep: run.averaged.map(({ step }) => step),
      averagedLoss: run.averaged.map(({ value }) => short(value)),
      spikes: run.spikes.slice(0, 100).map((spike) => [spike.step, spikeText(spike).slice(0, 300)]),
    };
  });
  return JSON.stringify({ runs: data }).replace(/</g, '\\u003c');
}
