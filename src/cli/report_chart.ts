// One chart of the report: an SVG that stretches with the page, with its numbers and words as HTML beside it so that they keep their
// size. Pure: options to HTML text.

import { grouped } from '../data/counted.ts';
import { printable } from '../data/printable.ts';
import type { Reference } from '../train/run_data.ts';
import { type Point, thinned, ticks, tickTexts } from './curve.ts';
import { lossText, shortNumber } from './format.ts';

/** Foreign text in HTML, in elements and in quoted attributes; control codes become symbols. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return printable(text).replace(/[&<>"']/g, (c) => entities[c]!);
}

export interface Line {
  readonly points: readonly Point[];
  /** CSS class: raw, average, validation, averaged, rate, norm; among several runs with the run's own (see `look`) */
  readonly kind: string;
  /** drawn at the line's end with its last value */
  readonly label?: string;
  /** round marks at the points */
  readonly marks?: boolean;
}

/** CSS classes of a run among several: its colour and its dashes. Six of each, paired differently every six runs. */
export function look(i: number): string {
  return `c${i % 6} d${(i + Math.floor(i / 6)) % 6}`;
}

/** A short piece of a run's line. */
export function keyHtml(kind: string): string {
  return `<svg class="swatch" viewBox="0 0 28 8" preserveAspectRatio="xMinYMid slice" aria-hidden="true"><path class="${kind}" d="M0 4H28"/></svg>`;
}

export interface ChartOptions {
  /** CSS class of the figure */
  readonly name: string;
  /** what a screen reader says in place of the picture */
  readonly description: string;
  readonly steps: readonly [number, number];
  readonly range: readonly [number, number];
  readonly logarithmic?: boolean;
  readonly lines: readonly Line[];
  readonly references?: readonly Reference[];
  /** steps with a tick on the axis, and what happened there */
  readonly events?: readonly { step: number; text: string }[];
  /** steps whose value was not finite: marks on the top edge */
  readonly broken?: readonly number[];
  /** losses that stood out: ticks on the curve */
  readonly spikes?: readonly { step: number; value: number; kind: string; text: string }[];
  readonly yTicks: number;
  readonly stepNumbers: boolean;
  /** also write the lowest value of the axis, so that nobody takes it for zero */
  readonly floor?: boolean;
}

/** Spans that a path is thinned to: more than the pixels of a wide page would show nothing more. */
const BUCKETS = 700;

/** Names at the lines' ends beyond which they would not find room below each other. */
const MOST_ENDS = 8;

/** The figure as HTML. Coordinates in the SVG run from 0 to 1000 on both axes. */
export function chartHtml(options: ChartOptions): string {
  const { steps, range, lines } = options;
  const scale = options.logarithmic ? Math.log : (value: number) => value;
  const [low, high] = [scale(range[0]), scale(range[1])];
  const x = (step: number) => round(((step - steps[0]) / (steps[1] - steps[0])) * 1000);
  const y = (value: number) => round(Math.min(1, Math.max(0, (high - scale(value)) / (high - low))) * 1000);

  const tickValues = options.logarithmic ? logTicks(range, options.yTicks) : ticks(range, options.yTicks);
  const tickWords =
    Math.max(...tickValues.map(Math.abs)) < 0.01 || options.logarithmic
      ? tickValues.map((value) => shortNumber(value))
      : tickTexts(tickValues);
  const grid = tickValues.map((value) => `<path class="grid" d="M0 ${y(value)}H1000"/>`).join('');
  const references = options.references ?? [];
  const drawn = [
    ...references.map(({ value }) => `<path class="reference" d="M0 ${y(value)}H1000"/>`),
    ...lines.map(({ points, kind, marks }) => {
      const path = pathOf(thinned(points, BUCKETS), x, y);
      // A line of no length with a round cap is a dot that does not stretch with the picture.
      const dots = points.filter(({ value }) => Number.isFinite(value)).map((p) => `M${x(p.step)} ${y(p.value)}h0`);
      return `<path class="${kind}" d="${path}"/>${marks ? `<path class="${kind} mark" d="${dots.join('')}"/>` : ''}`;
    }),
  ].join('');

  const floor = options.floor && tickValues.every((value) => y(value) < 945) ? lossText(range[0]) : undefined;
  const words = [
    ...(floor ? [`<span class="y" style="top:100%">${floor}</span>`] : []),
    ...tickValues.map((value, i) => `<span class="y" style="top:${percent(y(value))}">${tickWords[i]}</span>`),
    ...referenceLabels(references, lines, x, y),
    ...endLabels(lines, y, options.name === 'small' ? 430 : 110),
    ...(options.events ?? []).map(
      ({ step, text }) =>
        `<i class="event" style="left:${percent(x(step))}" title="step ${grouped(step)}: ${escapeHtml(text)}"></i>`,
    ),
    ...(options.broken ?? [])
      .slice(0, 100)
      .map(
        (step) =>
          `<b class="broken" style="left:${percent(x(step))}" title="step ${grouped(step)}: the loss is not a finite number">&#215;</b>`,
      ),
    ...(options.spikes ?? [])
      .slice(0, 200)
      .map(
        ({ step, value, kind, text }) =>
          `<b class="spike ${kind}" style="left:${percent(x(step))};top:${percent(Number.isFinite(value) ? y(value) : 0)}" title="step ${grouped(step)}: ${escapeHtml(text)}"></b>`,
      ),
    ...(options.stepNumbers ? stepLabels(steps, x) : []),
  ];
  return `<div class="plot ${options.name}" data-from="${steps[0]}" data-to="${steps[1]}">
<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(options.description)}">${grid}${drawn}</svg>
${words.join('\n')}
<div class="cursor" hidden></div>
</div>`;
}

function pathOf(points: readonly Point[], x: (step: number) => number, y: (value: number) => number): string {
  let path = '';
  let pen = 'M';
  for (const { step, value } of points) {
    if (Number.isFinite(value)) path += `${pen}${x(step)} ${y(value)}`;
    pen = Number.isFinite(value) ? 'L' : 'M';
  }
  return path;
}

/** A name above its line, at the end of the chart where the curve is further off; below it where another name is in the way. */
function referenceLabels(
  references: readonly Reference[],
  lines: readonly Line[],
  x: (step: number) => number,
  y: (value: number) => number,
): string[] {
  const curve = lines
    .flatMap(({ points }) => points)
    .filter(({ value }) => Number.isFinite(value))
    .map(({ step, value }) => ({ x: x(step), y: y(value) }));
  const distance = (at: number, from: number, to: number) =>
    curve.reduce(
      (least, point) => (point.x >= from && point.x <= to ? Math.min(least, Math.abs(point.y - at)) : least),
      1000,
    );
  const taken: { side: string; at: number }[] = [];
  return [...references]
    .sort((a, b) => a.value - b.value)
    .map(({ label, value }) => {
      const at = y(value);
      const side = distance(at, 0, 180) > distance(at, 820, 1000) ? 'left' : 'right';
      const below = taken.some((other) => other.side === side && Math.abs(other.at - at) < 55) ? ' below' : '';
      taken.push({ side, at });
      return `<span class="name ${side}${below}" style="top:${percent(at)}">${escapeHtml(label)} ${value.toFixed(2)}</span>`;
    });
}

/** Names at the lines' ends, pushed apart where they would cover each other. @param room that one takes, in the chart's thousandths */
function endLabels(lines: readonly Line[], y: (value: number) => number, room: number): string[] {
  const ends = lines
    .map(({ label, kind, points }) => ({
      label,
      kind,
      value: points.findLast(({ value }) => Number.isFinite(value))?.value,
    }))
    .filter(
      (end): end is { label: string; kind: string; value: number } =>
        end.label !== undefined && end.value !== undefined,
    )
    .map((end) => ({ ...end, at: y(end.value) }))
    .sort((a, b) => a.at - b.at);
  if (ends.length > MOST_ENDS) return [];
  for (let i = 1; i < ends.length; i++) ends[i]!.at = Math.max(ends[i]!.at, ends[i - 1]!.at + room);
  const over = Math.max(0, (ends.at(-1)?.at ?? 0) - 980);
  return ends.map(
    ({ label, kind, value, at }) =>
      `<span class="end" style="top:${percent(at - over)}">${kind.includes(' ') ? keyHtml(kind) : `<i class="key ${kind}"></i>`}${escapeHtml(label)} <b>${lossText(value)}</b></span>`,
  );
}

function stepLabels(steps: readonly [number, number], x: (step: number) => number): string[] {
  const round = ticks(steps, 5).filter((step) => Number.isInteger(step) && x(step) > 60 && x(step) < 940);
  const place = (step: number, side: string) =>
    `<span class="x ${side}" style="left:${percent(x(step))}">${side === 'first' ? 'step ' : ''}${grouped(step)}</span>`;
  return [place(steps[0], 'first'), ...round.map((step) => place(step, '')), place(steps[1], 'last')];
}

/** 1, 2 and 5 times powers of ten where a range spans more than a factor of 20, else evenly spaced round numbers. */
function logTicks(range: readonly [number, number], count: number): number[] {
  if (range[1] / range[0] < 20) return ticks(range, count);
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(range[0])); power <= Math.log10(range[1]); power++) {
    for (const factor of range[1] / range[0] > 1e4 ? [1] : [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= range[0] && value <= range[1]) found.push(value);
    }
  }
  return found;
}

const percent = (thousandth: number) => `${round(thousandth / 10)}%`;
const round = (value: number) => Math.round(value * 100) / 100;
