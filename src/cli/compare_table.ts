// Runs in a terminal: a row a run with its figures, then the settings in which they differ. Where a row would not fit, the table is
// turned. Pure.

import { grouped } from '../data/counted.ts';
import { printable } from '../data/printable.ts';
import type { Json } from '../train/events.ts';
import { lossText, shortNumber } from './format.ts';
import type { Figures } from './report_run.ts';
import { type SettingRow, settingText } from './run_settings.ts';
import type { Style } from './terminal.ts';

export interface ComparedFigures extends Figures {
  readonly name: string;
  /** minutes that the steps took, evaluation and samples not counted */
  readonly minutes: number | undefined;
}

/** Longest value of a setting; of a longer one the end is shown, which tells paths apart. */
const LONGEST_VALUE = 28;

const HEADS = ['run', 'steps', 'train', 'validation', 'best', 'at', 'parameters', 'tokens/s', 'minutes'];
/** Columns of losses, whose lowest is bold. */
const LOSSES = [2, 3, 4];

/** The table of figures. @returns lines, none longer than `width` if names are short */
export function figuresTable(runs: readonly ComparedFigures[], width: number, style: Style): string[] {
  const rows = runs.map((run) => [
    printable(run.name, true),
    told(run.steps, grouped),
    told(run.trainLoss, lossText),
    told(run.validationLoss, lossText),
    told(run.best?.value, lossText),
    told(run.best?.step, grouped),
    told(run.parameters, grouped),
    told(run.tokensPerSecond, grouped),
    told(run.minutes, (minutes) => shortNumber(minutes, 2)),
  ]);
  const losses = [
    runs.map((run) => run.trainLoss),
    runs.map((run) => run.validationLoss),
    runs.map((r) => r.best?.value),
  ];
  const bold = (row: number, column: number) => {
    const values = losses[LOSSES.indexOf(column)];
    const finite = (values ?? []).filter((value) => value !== undefined && Number.isFinite(value)) as number[];
    return runs.length > 1 && finite.length > 0 && values![row] === Math.min(...finite);
  };
  const lines = table([HEADS, ...rows], style, (row, column) => bold(row - 1, column));
  if (lengthOf([HEADS, ...rows]) <= width) return lines;
  const turned = HEADS.map((head, column) => [column === 0 ? '' : head, ...rows.map((row) => row[column]!)]);
  return table(turned, style, (row, column) => bold(column - 1, row));
}

/** A row a setting, a column a run. */
export function settingsTable(names: readonly string[], rows: readonly SettingRow[], style: Style): string[] {
  const heads = ['', ...names.map((name) => printable(name, true))];
  return table([heads, ...rows.map(({ name, values }) => [printable(name, true), ...values.map(valueText)])], style);
}

function valueText(value: Json | undefined): string {
  const characters = [...printable(settingText(value), true)];
  return characters.length > LONGEST_VALUE ? `...${characters.slice(3 - LONGEST_VALUE).join('')}` : characters.join('');
}

function told(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? '-' : text(value);
}

const widthsOf = (rows: readonly (readonly string[])[]) =>
  rows[0]!.map((_, column) => Math.max(...rows.map((row) => [...row[column]!].length)));
const lengthOf = (rows: readonly (readonly string[])[]) => widthsOf(rows).reduce((sum, each) => sum + each + 2, -2);

/** Columns two spaces apart, the first to the left, the others to the right; the first row dim. */
function table(
  rows: readonly (readonly string[])[],
  style: Style,
  bold: (row: number, column: number) => boolean = () => false,
): string[] {
  const widths = widthsOf(rows);
  return rows.map((row, r) => {
    const cells = row.map((text, column) => {
      const space = ' '.repeat(widths[column]! - [...text].length);
      const painted = r === 0 ? style.dim(text) : bold(r, column) ? style.bold(text) : text;
      return column === 0 ? painted + space : space + painted;
    });
    return cells.join('  ').trimEnd();
  });
}
