// The loss curve in a terminal: braille dots for the training loss, round marks for the validation loss, reference lines with
// their names in words. A pure function to text.
import type { Reference } from '../train/run_data.ts';
import { debiasedAverage, extent, type Point, ticks, tickTexts, withReferences } from './curve.ts';
import { lossText } from './format.ts';
import { wrap } from './help.ts';
import { type AxisText, placedTexts, stepNumbers } from './plot_axis.ts';
import { type Style, styleFor } from './terminal.ts';

export interface PlotOptions {
  readonly train: readonly Point[];
  readonly validation: readonly Point[];
  readonly references?: readonly Reference[];
  /** columns, at least 20 */
  readonly width: number;
  /** rows of the chart itself, without axis and legend */
  readonly height?: number;
  /** braille and block characters; otherwise ASCII */
  readonly unicode?: boolean;
  readonly style?: Style;
  /** the right end of the axis, when the run is planned longer than its points */
  readonly lastStep?: number;
  /** weight of the past in the average that is drawn of `train`; 0 draws the points themselves */
  readonly decay?: number;
  /** words for the line and the marks, where they are not the two losses */
  readonly names?: readonly [line: string, marks: string];
  /** texts below the axis, by step; by default the numbers of the steps */
  readonly axis?: readonly AxisText[];
}

type Kind = 'empty' | 'train' | 'validation' | 'reference' | 'broken';
interface Cell {
  text: string;
  kind: Kind;
}

/** Bits of a braille character (U+2800) by row and column of its dots. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** Draws both losses (nats) over the step. No line is longer than `width`; lines carry no trailing spaces. */
export function plotLoss(options: PlotOptions): string {
  const { validation, references = [], unicode = true, style = styleFor(false) } = options;
  const width = Math.max(20, Math.floor(options.width));
  const height = Math.max(4, options.height ?? Math.min(14, Math.max(8, Math.round(width / 6))));
  const train = debiasedAverage(options.train, options.decay);
  const data = extent([...train, ...validation].map(({ value }) => value));
  if (!data) return 'no loss to draw yet';
  const { range, shown, left } = withReferences(data, references);

  const yTicks = ticks(range, height / 3);
  const yTexts = tickTexts(yTicks);
  const gutter = Math.max(...yTexts.map((text) => text.length), 1);
  const columns = width - gutter - 1;
  const scale = scaleOf(options, range);
  const cells = Array.from({ length: height }, () =>
    Array.from({ length: columns }, (): Cell => ({ text: ' ', kind: 'empty' })),
  );
  drawLine(train, cells, unicode, scale);
  drawMarks(options, cells, unicode, scale);
  drawReferences(shown, cells, unicode, (value) => scale.rowOf(value, height));

  const labels = new Map(yTicks.map((value, i) => [scale.rowOf(value, height), yTexts[i]!]));
  const axis = unicode
    ? { tick: '┤', line: '│', corner: '└', across: '─' }
    : { tick: '+', line: '|', corner: '+', across: '-' };
  const rows = cells.map((row, r) => {
    const label = labels.get(r);
    return (label ?? '').padStart(gutter) + (label === undefined ? axis.line : axis.tick) + paint(row, style);
  });
  rows.push(' '.repeat(gutter) + axis.corner + axis.across.repeat(columns));
  rows.push(
    options.axis
      ? ' '.repeat(gutter + 1) + placedTexts(options.axis, (step) => scale.columnOf(step, columns), columns)
      : stepNumbers(scale.firstStep, scale.lastStep, gutter, width),
  );
  const outside = left.map(({ label, value }) => `${label} ${lossText(value)}`).join(', ');
  return [
    ...legend(options, train, width, unicode, style),
    ...rows,
    ...(outside ? wrap(`outside the chart: ${outside}`, width, '').map(style.dim) : []),
  ]
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Where a loss and a step stand among so many rows and columns. */
interface Scale {
  firstStep: number;
  lastStep: number;
  rowOf(value: number, rows: number): number;
  columnOf(step: number, columns: number): number;
}

function scaleOf(
  { train, validation, lastStep: planned = 0 }: PlotOptions,
  [low, high]: readonly [number, number],
): Scale {
  const steps = [...train, ...validation].map(({ step }) => step);
  const firstStep = steps.reduce((a, b) => Math.min(a, b));
  const lastStep = Math.max(
    steps.reduce((a, b) => Math.max(a, b)),
    planned,
    firstStep + 1,
  );
  return {
    firstStep,
    lastStep,
    rowOf: (value, rows) => Math.min(rows - 1, Math.max(0, Math.round(((high - value) / (high - low)) * (rows - 1)))),
    columnOf: (step, columns) => Math.round(((step - firstStep) / (lastStep - firstStep)) * (columns - 1)),
  };
}

/** Validation losses, and a cross at the top where a loss is not finite. */
function drawMarks(
  { train, validation }: PlotOptions,
  cells: Cell[][],
  unicode: boolean,
  { rowOf, columnOf }: Scale,
): void {
  const put = (row: number, step: number, text: string, kind: Kind) => {
    cells[row]![columnOf(step, cells[0]!.length)] = { text, kind };
  };
  const cross = (step: number) => put(0, step, unicode ? '×' : 'x', 'broken');
  for (const { step, value } of train) if (!Number.isFinite(value)) cross(step);
  for (const { step, value } of validation) {
    if (Number.isFinite(value)) put(rowOf(value, cells.length), step, unicode ? '●' : 'o', 'validation');
    else cross(step);
  }
}

/** The average of each dot column, joined; a gap stays where a value is not finite. */
function drawLine(points: readonly Point[], cells: Cell[][], unicode: boolean, { rowOf, columnOf }: Scale): void {
  const [dotColumns, dotRows] = [cells[0]!.length * (unicode ? 2 : 1), cells.length * (unicode ? 4 : 1)];
  const sums = new Map<number, { sum: number; count: number }>();
  for (const { step, value } of points) {
    const column = columnOf(step, dotColumns);
    const before = sums.get(column) ?? { sum: 0, count: 0 };
    sums.set(column, { sum: before.sum + value, count: before.count + 1 });
  }
  let last: { column: number; row: number } | undefined;
  for (const [column, { sum, count }] of [...sums].sort(([a], [b]) => a - b)) {
    if (!Number.isFinite(sum)) {
      last = undefined;
      continue;
    }
    const row = rowOf(sum / count, dotRows);
    const from: { column: number; row: number } = last ?? { column, row };
    const strokes = Math.max(1, Math.abs(column - from.column), Math.abs(row - from.row));
    for (let i = 0; i <= strokes; i++) {
      const x = Math.round(from.column + ((column - from.column) * i) / strokes);
      const y = Math.round(from.row + ((row - from.row) * i) / strokes);
      dot(cells, x, y, unicode);
    }
    last = { column, row };
  }
}

function dot(cells: Cell[][], x: number, y: number, unicode: boolean): void {
  if (!unicode) {
    cells[y]![x] = { text: '*', kind: 'train' };
    return;
  }
  const cell = cells[y >> 2]![x >> 1]!;
  const bits = cell.kind === 'train' ? cell.text.charCodeAt(0) : 0x2800;
  cell.text = String.fromCharCode(bits | DOTS[y & 3]![(x & 1) as 0 | 1]);
  cell.kind = 'train';
}

/** A dashed row for each, behind the curve; its name at the end, or on the row beside, where it covers least of the curve. */
function drawReferences(
  references: readonly Reference[],
  cells: Cell[][],
  unicode: boolean,
  rowOf: (value: number) => number,
): void {
  const names = new Map<number, string[]>();
  const columns = cells[0]!.length;
  for (const { label, value } of references) {
    const row = rowOf(value);
    const number = ` ${value.toFixed(2)}`;
    const words = [...label].slice(0, columns - number.length).join('');
    names.set(row, [...(names.get(row) ?? []), words + number]);
    for (const cell of cells[row]!) {
      if (cell.kind === 'empty') Object.assign(cell, { text: unicode ? '┄' : '-', kind: 'reference' });
    }
  }
  for (const [row, all] of names) {
    const text = [...all.join(', ')].slice(0, columns);
    const places = [row, row - 1, row + 1]
      .filter((r) => r >= 0 && r < cells.length && (r === row || !names.has(r)))
      .flatMap((r) => [columns - text.length, 0].map((start) => ({ r, start })));
    const covered = ({ r, start }: { r: number; start: number }) =>
      cells[r]!.slice(start, start + text.length).filter(({ kind }) => kind !== 'reference' && kind !== 'empty').length;
    const best = places.reduce((a, b) => (covered(b) < covered(a) ? b : a));
    text.forEach((character, i) => {
      cells[best.r]![best.start + i] = { text: character, kind: 'reference' };
    });
  }
}

/** Neighbours of one kind share one colour code. */
function paint(row: readonly Cell[], style: Style): string {
  const paints: Record<Kind, (text: string) => string> = {
    empty: (text) => text,
    train: style.train,
    validation: style.validation,
    reference: style.dim,
    broken: style.error,
  };
  let painted = '';
  for (let i = 0; i < row.length; ) {
    let end = i + 1;
    while (end < row.length && row[end]!.kind === row[i]!.kind) end++;
    const text = row
      .slice(i, end)
      .map((cell) => cell.text)
      .join('');
    painted += paints[row[i]!.kind](text);
    i = end;
  }
  return painted;
}

function legend(
  options: PlotOptions,
  train: readonly Point[],
  width: number,
  unicode: boolean,
  style: Style,
): string[] {
  const lastTrain = train.at(-1);
  const lastValidation = options.validation.at(-1);
  const parts = [
    lastTrain && {
      text: `${unicode ? '⠒⠒' : '**'} ${options.names?.[0] ?? `train ${lossText(lastTrain.value)}`}`,
      paint: style.train,
    },
    lastValidation && {
      text: `${unicode ? '●' : 'o'} ${options.names?.[1] ?? `validation ${lossText(lastValidation.value)}`}`,
      paint: style.validation,
    },
  ].filter((part) => part !== undefined);
  const together = parts.reduce((sum, { text }) => sum + text.length + 3, 0) - 3;
  const painted = parts.map(({ text, paint: colour }) => colour(text));
  return together <= width ? [painted.join('   ')] : painted;
}
