// What the chart of the losses draws: the recorded run as a ghost, lines that words can be put to, the run's own losses, and what
// happened when.

import { lossText } from '../../src/cli/format.ts';
import type { Reference } from '../../src/train/run_data.ts';
import { recorded } from '../recorded.ts';
import { apart, type Frame, frameOf } from './curve_frame.ts';
import { colourOf, nameOfRun, type OtherRun } from './other_runs.ts';
import type { Pen, Point } from './pen.ts';
import type { ChartParts } from './run_chart.ts';
import type { Store } from './store.ts';
import type { Theme } from './theme.ts';

/** Names of lines stand at least so far from each other. CSS pixels. */
const GAP = 30;

export const ghost: Point[] = recorded.curve.map(([step, value]) => ({ step, value }));

/** Losses that words can be put to, from the text that is learnt. */
export function referencesOf(store: Store): Reference[] {
  const { lesson } = store.ready.value ?? {};
  if (lesson) return [...lesson.references];
  const { guessing, letters, pairs } = (store.text.value ?? recorded.text).references;
  return [
    { label: 'guessing', value: guessing },
    ...(letters === null ? [] : [{ label: 'letter frequencies', value: letters }]),
    ...(pairs === null ? [] : [{ label: 'letter pairs', value: pairs }]),
  ];
}

/** The recorded run says something beside a run on the same text. */
export function ghostOf(store: Store): Point[] {
  if (store.ready.value?.lesson) return [];
  const data = store.ready.value?.settings.data ?? recorded.settings.data;
  return data === recorded.settings.data ? ghost.filter(({ step }) => step <= store.record.totalSteps) : [];
}

export function lossFrame(store: Store): Frame {
  const { average, loss, validation } = store.record;
  const others = store.lineage.others.peek().map((other) => other.record.average);
  const told = validation.map((each) => finiteOrNull(each.loss));
  const lines = [average, told, ghostOf(store).map(({ value }) => value), ...others];
  return frameOf({ lines, raw: loss, references: referencesOf(store) });
}

/** @param chart whether names have room, and whether the axis is logarithmic */
export function lossParts(store: Store, chart: { wide(): boolean; logarithmic(): boolean }): ChartParts {
  let frame = lossFrame(store);
  const validation = (): Point[] =>
    store.record.validation.map(({ step, loss }) => ({ step, value: finiteOrNull(loss) }));
  return {
    series: [
      { colour: 'train', width: 1, alpha: 0.35 },
      { colour: 'train', width: 2 },
    ],
    columns: () => [store.record.loss, store.record.average],
    range: () => (frame = lossFrame(store)).range,
    logarithmic: chart.logarithmic,
    names: true,
    numbers: true,
    below: (pen, theme) =>
      pen.inside(() => {
        for (const { value } of frame.shown) {
          const at = [0, store.record.totalSteps].map((step) => ({ step, value }));
          pen.line(at, theme.soft, 1, [2, 4]);
        }
        pen.line(ghostOf(store), theme.ghost, 1);
        for (const other of store.lineage.others.peek()) pen.line(averageOf(other), theme[colourOf(other.number)], 1.5);
      }),
    above(pen, theme, font) {
      pen.inside(() => {
        pen.line(validation(), theme.validation, 2, [6, 4]);
        pen.dots(validation(), theme.validation, 3.5);
        nameReferences(pen, theme, font, frame.shown, store);
      });
      drawEvents(pen, theme, font, store);
      drawFloor(pen, theme, font, frame.range[0]);
      if (chart.wide()) nameLines(pen, theme, font, store, validation());
      else nameOthers(pen, theme, font, store);
    },
  };
}

/** A tick a thing that happened, a cross at the upper edge a loss that was no number. */
function drawEvents(pen: Pen, theme: Theme, font: string, { record }: Store): void {
  const { top, bottom } = pen.box;
  for (const { step } of record.ticks) pen.stroke(pen.x(step), bottom, pen.x(step), bottom + 6 * pen.ratio, theme.soft);
  // A lost device is seen from further off.
  for (const step of record.lostAt)
    pen.stroke(pen.x(step), bottom - 10 * pen.ratio, pen.x(step), bottom + 6 * pen.ratio, theme.bad);
  for (const step of record.broken.slice(0, 100)) {
    pen.words('\u00d7', pen.x(step), top + 4 * pen.ratio, theme.bad, { align: 'center', font });
  }
}

function drawFloor(pen: Pen, theme: Theme, font: string, floor: number): void {
  const { left, bottom } = pen.box;
  pen.stroke(left, bottom, pen.box.right, bottom, theme.edge);
  pen.words(floor.toFixed(2), left - 6 * pen.ratio, bottom - 2 * pen.ratio, theme.soft, { align: 'right', font });
}

/** In words, above the lines, at the end of the chart where the curve is further off. */
function nameReferences(pen: Pen, theme: Theme, font: string, shown: readonly Reference[], store: Store): void {
  const { left, right } = pen.box;
  const curve = [
    ...ghostOf(store),
    ...store.record.steps.map((step, i) => ({ step, value: store.record.average[i]! })),
  ];
  const total = store.record.totalSteps;
  const distance = (y: number, from: number, to: number) =>
    curve.reduce(
      (least, { step, value }) =>
        value !== null && step >= from * total && step <= to * total
          ? Math.min(least, Math.abs(pen.y(value) - y))
          : least,
      1e6,
    );
  const taken: number[] = [];
  for (const { label, value } of shown) {
    const y = pen.y(value);
    // Above its line; below where the chart ends or another name stands; nowhere where a run explodes and leaves no room.
    const free = (at: number) => taken.every((other) => Math.abs(other - at) >= 14 * pen.ratio);
    const [above, below] = [y - 9 * pen.ratio, y + 9 * pen.ratio];
    const at = [y - pen.box.top < 18 * pen.ratio ? below : above, below].find(free);
    if (at === undefined) continue;
    taken.push(at);
    const atRight = distance(y, 0.7, 1) >= Math.min(distance(y, 0, 0.3), 40 * pen.ratio);
    pen.words(`${label} ${value.toFixed(2)}`, atRight ? right - 8 * pen.ratio : left + 8 * pen.ratio, at, theme.soft, {
      align: atRight ? 'right' : 'left',
      font,
      behind: theme.paper,
    });
  }
}

/** Names and last values at the right, instead of a legend. */
function nameLines(pen: Pen, theme: Theme, font: string, store: Store, validation: readonly Point[]): void {
  const { right, bottom } = pen.box;
  const average = store.record.average.findLast((value) => value !== null);
  const lines = [
    { name: 'train', value: average, colour: theme.train },
    { name: 'validation', value: validation.findLast(({ value }) => value !== null)?.value, colour: theme.validation },
    { name: 'recorded run', value: ghostOf(store).at(-1)?.value, colour: theme.soft },
    ...otherNames(store, theme),
  ].filter((line): line is { name: string; value: number; colour: string } => typeof line.value === 'number');
  const places = apart(
    lines.map(({ value }) => pen.y(value)),
    GAP * pen.ratio,
    bottom - 16 * pen.ratio,
  );
  lines.forEach(({ name, value, colour }, i) => {
    const x = right + 10 * pen.ratio;
    pen.words(name, x, places[i]!, colour, { font });
    pen.words(lossText(value), x, places[i]! + 14 * pen.ratio, colour, { font });
  });
}

/** The average of another run. */
const averageOf = ({ record }: OtherRun): Point[] =>
  record.steps.map((step, i) => ({ step, value: record.average[i] ?? null }));

/** Names, last values and colours of the other runs. */
function otherNames(store: Store, theme: Theme) {
  const others = store.lineage.others.peek();
  const links = [...others.map(({ link }) => link), store.ready.peek()?.link ?? ''];
  return others.map((other) => ({
    name: nameOfRun(other, links),
    value: other.record.average.findLast((value) => value !== null),
    colour: theme[colourOf(other.number)],
    step: other.record.step,
  }));
}

/** Where there is no room beside the chart: in it, above the lines' ends. */
function nameOthers(pen: Pen, theme: Theme, font: string, store: Store): void {
  const others = otherNames(store, theme).filter(({ value }) => typeof value === 'number');
  const gap = 15 * pen.ratio;
  // Upwards from the lines, where the curves come from above and leave room.
  const heights = others.map(({ value }, i) => pen.y(value!) - 2 * gap - i * gap);
  const places = apart(heights, gap, pen.box.bottom - gap);
  others.forEach(({ name, colour, step }, i) => {
    const x = Math.min(pen.x(step), pen.box.right) - 4 * pen.ratio;
    pen.words(name, x, places[i]!, colour, { align: 'right', font, behind: theme.paper });
  });
}

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
