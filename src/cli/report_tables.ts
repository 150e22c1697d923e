// What the report writes out beside its curves: figures, samples, settings, and the curves in numbers, of one run or of several.
// Pure. All foreign text is escaped.
import { counted, grouped } from '../data/counted.ts';
import { lossText, shortNumber } from './format.ts';
import { escapeHtml, keyHtml, look } from './report_chart.ts';
import type { NamedRun } from './report_curves.ts';
import { figureRows, figuresOf, type Run } from './report_run.ts';
import { type SettingRow, type SettingsOfRun, settingRows, settingText } from './run_settings.ts';

/** Longer samples are cut: a page is no place for a megabyte without a space. */
const SAMPLE_LIMIT = 20_000;
const VALUE_LIMIT = 2000;
/** Rows of the table twin. */
const TABLE_ROWS = 60;

/** One run's figures as tiles. */
export function figureTiles(run: Run): string {
  const cells = figureRows(run)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return cells.length ? `<dl class="figures">${cells.join('')}</dl>` : '';
}

/** Several runs' figures: a column a run, the lowest losses bold. */
export function figureTable(runs: readonly NamedRun[]): string {
  const all = runs.map(({ run }) => ({ rows: figureRows(run), figures: figuresOf(run) }));
  const lowest: Record<string, number> = {
    'validation loss': least(all.map(({ figures }) => figures.validationLoss)),
    'best validation loss': least(all.map(({ figures }) => figures.best?.value)),
    'training loss, average': least(all.map(({ figures }) => figures.trainLoss)),
  };
  const rows = all[0]!.rows.flatMap(([name], r) => {
    if (all.every(({ rows: own }) => own[r]![1] === undefined)) return [];
    const cells = all.map(({ rows: own }, i) => {
      const text = own[r]![1] ?? '-';
      return i === lowest[name] ? `<td><b>${text}</b></td>` : `<td>${text}</td>`;
    });
    return [`<tr><th scope="row">${name}</th>${cells.join('')}</tr>`];
  });
  return `<section aria-label="Figures"><h2>Figures</h2><div class="scroll"><table class="columns">${runHeads(runs, '')}<tbody>${rows.join('')}</tbody></table></div></section>`;
}

/** Index of the lowest finite value, -1 where there is none. */
function least(values: readonly (number | undefined)[]): number {
  let best = -1;
  values.forEach((value, i) => {
    if (value !== undefined && Number.isFinite(value) && (best < 0 || value < values[best]!)) best = i;
  });
  return best;
}

function runHeads(runs: readonly { readonly name: string }[], corner: string): string {
  const heads = runs.map(
    ({ name }, i) => `<th scope="col">${keyHtml(`validation ${look(i)}`)}<span>${escapeHtml(name)}</span></th>`,
  );
  return `<thead><tr><th scope="col">${corner}</th>${heads.join('')}</tr></thead>`;
}

export interface Samples {
  readonly name: string;
  readonly samples: readonly { readonly step: number; readonly text: string }[];
}

/** What the runs wrote; of several, each folds away. */
export function samplesHtml(runs: readonly Samples[]): string {
  const written = runs.filter(({ samples }) => samples.length > 0);
  if (written.length === 0) return '';
  const blocks = written.map((run, i) => {
    const { name, samples } = run;
    const items = samples.map(({ step, text }) => {
      const title = `step ${grouped(step)}`;
      const shown =
        text.length > SAMPLE_LIMIT
          ? `${text.slice(0, SAMPLE_LIMIT)} ... (${grouped(text.length - SAMPLE_LIMIT)} more)`
          : text;
      return `<li data-step="${Number(step)}" data-title="${title}"><h3 class="soft">${title}</h3><pre>${escapeHtml(shown)}</pre></li>`;
    });
    const body = `<label class="soft" hidden>earlier to later<input type="range" class="sample" min="0" value="0"></label>
<ol class="samples">${items.join('')}</ol>`;
    return runs.length > 1
      ? `<details class="written" name="written"${i === 0 ? ' open' : ''}><summary>${keyHtml(`validation ${look(runs.indexOf(run))}`)}${escapeHtml(name)}</summary>${body}</details>`
      : `<div class="written">${body}</div>`;
  });
  return `<section aria-label="Samples"><h2>What ${runs.length > 1 ? 'they' : 'it'} wrote</h2>
${blocks.join('\n')}</section>`;
}

/** One run: all its settings. Several: those that differ, a column a run, and the common ones folded away. */
export function settingsHtml(runs: readonly (SettingsOfRun & { readonly name: string })[]): string {
  const rows = settingRows(runs);
  if (rows.length === 0) return '';
  if (runs.length === 1)
    return `<section aria-label="Settings"><h2>Settings</h2><div class="scroll"><table>${rows.map((row) => settingRow(row.name, row.values)).join('')}</table></div></section>`;
  const differing = rows.filter(({ differs }) => differs);
  const common = rows.filter(({ differs }) => !differs);
  const first = differing.length
    ? `<div class="scroll"><table class="columns">${runHeads(runs, '')}<tbody>${differing.map(({ name, values }) => settingRow(name, values)).join('')}</tbody></table></div>`
    : '<p>No setting differs.</p>';
  const partial = runs.filter((run) => run.partial).map(({ name }) => name);
  const remark = partial.length
    ? `<p class="soft">${escapeHtml(partial.join(', '))}: not saved yet, so only some settings are known</p>`
    : '';
  const shared = ({ values }: SettingRow) => values.find((value) => value !== undefined);
  const folded = `<details><summary>${counted(common.length, 'setting')} alike</summary><div class="scroll"><table>${common.map((row) => settingRow(row.name, [shared(row)])).join('')}</table></div></details>`;
  return `<section aria-label="Settings"><h2>Settings that differ</h2>${first}${remark}${common.length ? folded : ''}</section>`;
}

function settingRow(name: string, values: SettingRow['values']): string {
  const cells = values.map((value) => `<td>${escapeHtml(settingText(value).slice(0, VALUE_LIMIT))}</td>`);
  return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.join('')}</tr>`;
}

/** One run's curve in numbers, for those who cannot see it: every evaluation, or evenly spaced steps where there are too many or too few. */
export function tableTwin(run: Run): string {
  if (run.steps.length === 0) return '';
  const evaluated = new Map(run.validation.map(({ step, value }) => [step, value]));
  const every = Math.max(1, Math.ceil(run.steps.length / TABLE_ROWS));
  const few = evaluated.size < 5 || evaluated.size > TABLE_ROWS;
  const rows = run.steps.flatMap((step, i) => {
    const chosen = i === 0 || i === run.steps.length - 1 || (few ? i % every === 0 : evaluated.has(step.step));
    if (!chosen) return [];
    return [
      numberRow(step.step, [
        lossText(step.loss),
        lossText(run.average[i]!.value),
        lossText(evaluated.get(step.step)),
        shortNumber(step.learningRate ?? Number.NaN),
        shortNumber(step.gradNorm ?? Number.NaN),
        grouped(step.tokensPerSecond),
      ]),
    ];
  });
  const heads = ['step', 'loss', 'average', 'validation', 'learning rate', 'gradient norm', 'tokens/s'];
  return numbersHtml(
    'The curve in numbers',
    `<tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr>`,
    rows,
  );
}

/** Several runs' curves in numbers: at every evaluation of any of them, thinned evenly, average and validation loss of each. */
export function tableTwins(runs: readonly NamedRun[]): string {
  const steps = [...new Set(runs.flatMap(({ run }) => run.validation.map(({ step }) => step)))].sort((a, b) => a - b);
  const every = Math.max(1, Math.ceil(steps.length / TABLE_ROWS));
  const shown = steps.filter((_, i) => i % every === 0 || i === steps.length - 1);
  if (shown.length === 0) return '';
  const values = runs.map(({ run }) =>
    [run.average, run.validation].map((points) => new Map(points.map(({ step, value }) => [step, value]))),
  );
  const rows = shown.map((step) =>
    numberRow(
      step,
      values.flatMap((maps) => maps.map((map) => lossText(map.get(step)))),
    ),
  );
  const names = runs.map(({ name }) => `<th scope="colgroup" colspan="2">${escapeHtml(name)}</th>`).join('');
  const kinds = runs.map(() => '<th scope="col">average</th><th scope="col">validation</th>').join('');
  return numbersHtml(
    'The curves in numbers',
    `<tr><td></td>${names}</tr><tr><th scope="col">step</th>${kinds}</tr>`,
    rows,
  );
}

function numberRow(step: number, cells: readonly string[]): string {
  return `<tr><th scope="row">${grouped(step)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function numbersHtml(title: string, heads: string, rows: readonly string[]): string {
  return `<section aria-label="${title}"><details><summary>${title}</summary><div class="scroll"><table class="numbers"><thead>${heads}</thead><tbody>${rows.join('')}</tbody></table></div></details></section>`;
}
