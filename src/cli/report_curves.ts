// The curves of the report: loss, learning rate and gradient norm, of one run in full or of several in one picture. Pure.

import { counted, grouped } from '../data/counted.ts';
import type { RunEvent, SaveEvent, WarningEvent } from '../train/events.ts';
import type { Reference } from '../train/run_data.ts';
import { extent, type Point, withReferences } from './curve.ts';
import { lossText, shortNumber } from './format.ts';
import { chartHtml, escapeHtml, keyHtml, type Line, look } from './report_chart.ts';
import { metricCharts } from './report_metrics.ts';
import { finite, type Run, ranking, spikeText, summary } from './report_run.ts';

export interface NamedRun {
  readonly name: string;
  readonly run: Run;
  readonly events: readonly RunEvent[];
}

export interface CurvesOptions {
  /** at least one has a step */
  readonly runs: readonly NamedRun[];
  readonly references: readonly Reference[];
  readonly unit: string;
  /** the right end of the axis, when the one run is planned longer than its steps */
  readonly totalSteps: number;
}

/** The section with all curves, the cursor's readings above them. */
export function curvesHtml(options: CurvesOptions): string {
  const { runs, unit } = options;
  const several = runs.length > 1;
  const frame = frameOf(options);
  const loss = lossChart(options, frame);
  const logarithmic = frame.range[0] > 0;
  const reading = several ? readingTable(runs) : '<output class="readout soft" aria-live="off"></output>';
  const small = (title: string, kind: string, of: (run: Run) => Point[]) =>
    smallHtml(
      title,
      runs.map(({ name, run }, i) => ({ name, kind: several ? `${kind} ${look(i)}` : kind, points: of(run) })),
      frame.steps,
    );
  return `<section aria-label="Curves"${several ? ' class="several"' : ''}>
<div class="head"><h2>Loss, ${escapeHtml(unit)}</h2>${several ? '' : legendHtml(runs[0]!.run)}</div>
<div>
<input type="checkbox" id="log"${logarithmic ? '' : ' disabled'}> <label for="log">logarithmic</label>
${reading}
<figure class="linear steps">${chartHtml(loss)}</figure>
${logarithmic ? `<figure class="logarithmic steps">${chartHtml({ ...loss, logarithmic: true })}</figure>` : ''}
</div>
<p class="soft">${escapeHtml(remarksOf(runs, frame, loss).join('; '))}</p>
${metricCharts(runs, frame.steps)}
${small('Learning rate', 'rate', ({ steps: all }) => all.map(({ step, learningRate }) => ({ step, value: learningRate ?? Number.NaN })))}
${small('Gradient norm, before clipping', 'norm', ({ steps: all }) => all.map(({ step, gradNorm }) => ({ step, value: gradNorm ?? Number.NaN })))}
<label class="scrub" hidden>step<input type="range" id="scrub" min="0" value="0"></label>
</section>`;
}

/** What the chart of the losses shows: its ranges, and the references inside and outside of them. */
interface Frame {
  steps: readonly [number, number];
  range: readonly [number, number];
  shown: Reference[];
  left: Reference[];
}

function frameOf({ runs, references, totalSteps }: CurvesOptions): Frame {
  const several = runs.length > 1;
  const first = Math.min(...runs.map(({ run }) => run.loss[0]?.step ?? Number.POSITIVE_INFINITY));
  const last = Math.max(
    ...runs.map(({ run }) => Math.max(run.loss.at(-1)?.step ?? 0, run.validation.at(-1)?.step ?? 0)),
    several ? 0 : totalSteps,
    first + 1,
  );
  const values = (of: (run: Run) => readonly Point[]) => runs.flatMap(({ run }) => of(run).map(({ value }) => value));
  const smooth = extent([
    ...values((r) => r.average),
    ...values((r) => r.validation),
    ...values((r) => r.averaged),
  ]) ?? [0, 1];
  const raw = (several ? undefined : extent(values((r) => r.loss))) ?? smooth;
  // A spike may reach half a range above the averages; beyond that it would flatten everything else, and is counted in words.
  const reach = (smooth[1] - smooth[0]) / 2;
  const clipped = [Math.max(raw[0], smooth[0] - reach), Math.min(raw[1], smooth[1] + reach)] as const;
  const { range: tight, shown, left } = withReferences(clipped, references);
  const margin = (tight[1] - tight[0]) * 0.04;
  const low = tight[0] > 0 ? Math.max(tight[0] / 2, tight[0] - margin) : tight[0] - margin;
  return { steps: [first, last], range: [low, tight[1] + margin], shown, left };
}

/** The losses with their references, spikes and events. */
function lossChart({ runs, references, unit }: CurvesOptions, { steps, range, shown }: Frame) {
  const several = runs.length > 1;
  const told = several ? ranking(runs) : summary(runs[0]!.run, references, unit);
  const brokenSteps = runs.flatMap(({ run }) => run.loss.filter(({ value }) => !Number.isFinite(value)));
  return {
    name: 'loss',
    description: `Loss over steps ${grouped(steps[0])} to ${grouped(steps[1])}; ${told} The same numbers are in the table below.`,
    steps,
    range,
    lines: several ? runs.flatMap(linesAmongSeveral) : linesOfOne(runs[0]!.run),
    references: shown,
    events: several ? [] : eventTicks(runs[0]!.events),
    broken: [...new Set(brokenSteps.map(({ step }) => step))].sort((a, b) => a - b),
    spikes: runs.flatMap((each, i) => spikesOf(each, several ? look(i) : '', several)),
    yTicks: 6,
    stepNumbers: true,
    floor: true,
  };
}

/** What the lines mean, and what the chart leaves out. */
function remarksOf(
  runs: readonly NamedRun[],
  { range, left }: Frame,
  { lines, broken, spikes }: ReturnType<typeof lossChart>,
): string[] {
  const several = runs.length > 1;
  const above = several ? 0 : runs[0]!.run.loss.filter(({ value }) => value > range[1]).length;
  return [
    several
      ? 'thin line: training loss, its average over about 10 steps; bold line with dots: validation loss'
      : 'dim line: each step; full line: its average over about 10 steps',
    lines.some(({ kind }) => kind.startsWith('averaged'))
      ? 'thin line with dots: validation loss of the averaged weights'
      : '',
    left.length
      ? `outside the chart: ${left.map(({ label, value }) => `${label} ${value.toFixed(2)}`).join(', ')}`
      : '',
    above ? `${grouped(above)} steps above the chart` : '',
    broken.length ? `${grouped(broken.length)} steps without a finite loss, first ${grouped(broken[0]!)}` : '',
    spikes.length ? `ticks on the curve: ${counted(spikes.length, 'spike')}` : '',
  ].filter(Boolean);
}

function legendHtml(run: Run): string {
  const averaged = run.averaged.length ? ' <i class="key averaged"></i>averaged weights' : '';
  return `<span class="legend"><i class="key average"></i>train <i class="key validation"></i>validation${averaged}</span>`;
}

function linesOfOne(run: Run): Line[] {
  return [
    { points: run.loss, kind: 'raw' },
    { points: run.average, kind: 'average', label: 'train' },
    { points: run.validation, kind: 'validation', label: 'validation', marks: true },
    ...(run.averaged.length ? [{ points: run.averaged, kind: 'averaged', label: 'averaged', marks: true }] : []),
  ];
}

/** Single steps are left out: several runs' noise would hide each other. */
function linesAmongSeveral({ name, run }: NamedRun, i: number): Line[] {
  // A run without an evaluation has its name at its training loss.
  const validated = finite(run.validation).length > 0;
  return [
    { points: run.average, kind: `average ${look(i)}`, ...(validated ? {} : { label: name }) },
    ...(run.averaged.length ? [{ points: run.averaged, kind: `averaged ${look(i)}`, marks: true }] : []),
    { points: run.validation, kind: `validation ${look(i)}`, marks: true, ...(validated ? { label: name } : {}) },
  ];
}

function spikesOf({ name, run }: NamedRun, kind: string, several: boolean) {
  // Among several runs the curve shown is the average, so that is where the tick stands.
  const average = new Map(run.average.map(({ step, value }) => [step, value]));
  return run.spikes.map((spike) => ({
    step: spike.step,
    value: (several ? average.get(spike.step) : spike.loss) ?? spike.loss ?? Number.NaN,
    kind,
    text: several ? `${name}: ${spikeText(spike)}` : spikeText(spike),
  }));
}

/** Legend and reading in one: a row a run with its line, its last figures, and, once the cursor stands somewhere, those there. */
function readingTable(runs: readonly NamedRun[]): string {
  const heads = ['run', 'loss, average', 'validation', 'learning rate', 'gradient norm', 'tokens/s'];
  const rows = runs.map(({ name, run }, i) => {
    const last = run.steps.at(-1);
    const cells = [
      lossText(run.average.at(-1)?.value),
      lossText(run.validation.at(-1)?.value),
      last ? shortNumber(last.learningRate ?? Number.NaN) : '-',
      last ? shortNumber(last.gradNorm ?? Number.NaN) : '-',
      last ? grouped(last.tokensPerSecond) : '-',
    ];
    return `<tr data-run="${i}"><th scope="row">${keyHtml(`validation ${look(i)}`)}<span>${escapeHtml(name)}</span></th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return `<div class="scroll"><table class="reading"><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>
<output class="readout soft" aria-live="off">each run at its last step</output>`;
}

function smallHtml(
  title: string,
  lines: readonly { name: string; kind: string; points: readonly Point[] }[],
  steps: readonly [number, number],
): string {
  const range = extent([0, ...lines.flatMap(({ points }) => points.map(({ value }) => value))])!;
  const words = lines.map(({ name, points }) => {
    const last = finite(points).at(-1);
    const text = last ? `${shortNumber(last.value)} at the last step` : 'no finite value';
    return lines.length > 1 ? `${name} ${text}` : text;
  });
  const description = `${title}, ${words.join(', ')}`;
  return `<figure><figcaption>${title}</figcaption>${chartHtml({ name: 'small', description, steps, range, lines, yTicks: 2, stepNumbers: false })}</figure>`;
}

/** Saves, warnings and resumes, as ticks on the axis. */
function eventTicks(events: readonly RunEvent[]): { step: number; text: string }[] {
  const found = events
    .filter((event): event is SaveEvent | WarningEvent => event.event === 'save' || event.event === 'warning')
    .map((event) => ({
      step: event.step,
      text: event.event === 'save' ? `saved ${event.path}` : `warning: ${event.text}`,
    }));
  events.forEach((event, i) => {
    if (event.event !== 'start') return;
    const next = events.find((later, j) => j > i && later.event === 'step');
    if (next && next.event === 'step' && next.step > 1) found.push({ step: next.step, text: 'resumed' });
  });
  return found.slice(-200);
}
