// The report of a training run: one HTML file without a single outside request, with curves, samples, settings and final figures.
// Pure: what happened in, text out. All foreign text (samples, settings, paths) is escaped.
import type { Json, RunEvent, SaveEvent } from '../train/events.ts';
import { extent, type Point, type Reference, withReferences } from './curve.ts';
import { dataText, grouped, inWords, lossText, modelText, shortNumber } from './format.ts';
import { chartHtml, escapeHtml, type Line } from './report_chart.ts';
import { reportScript, reportStyle } from './report_page.ts';
import { cursorData, figures, finite, type Run, readRun, summary } from './report_run.ts';

export interface ReportOptions {
  readonly title: string;
  /** all events of the run in order, as in `metrics.jsonl`; null stands for NaN */
  readonly events: readonly RunEvent[];
  readonly settings: { readonly [name: string]: Json };
  readonly samples: readonly { readonly step: number; readonly text: string }[];
  /** losses that words can be put to: { label: 'letter pairs', value: 2.41 } */
  readonly references: readonly Reference[];
  /** planned steps: the right end of the axis, if the run is not there yet */
  readonly totalSteps?: number;
  /** what losses are counted in */
  readonly unit?: string;
}

/** Longer samples are cut: a page is no place for a megabyte without a space. */
const SAMPLE_LIMIT = 20_000;
/** Rows of the table twin. */
const TABLE_ROWS = 60;

/** @returns the whole file; open it from disk, mail it, or put it behind any server */
export function reportHtml(options: ReportOptions): string {
  const run = readRun(options.events);
  const unit = options.unit ?? 'nats a token';
  const subtitle = run.start
    ? [
        dataText(run.start.dataset),
        `${grouped(run.start.parameters)} parameters: ${modelText(run.start.config)}`,
        inWords(run.start.adapter),
      ]
        .map((part) => escapeHtml(part))
        .join(' &#183; ')
    : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeHtml(options.title)}</title>
<style>${reportStyle}</style>
</head>
<body>
<header>
<h1>${escapeHtml(options.title)}</h1>
<p class="soft">${subtitle}</p>
<p>${escapeHtml(summary(run, options.references, unit))}</p>
</header>
<main>
${figures(run)}
${run.loss.length ? charts(run, options, unit) : '<p>No step has been taken yet.</p>'}
${samplesHtml(options.samples)}
${settingsHtml(options.settings)}
${tableTwin(run)}
</main>
<footer>${run.end ? `parameter hash ${escapeHtml(run.end.parameterHash)}<br>` : ''}losses in ${escapeHtml(unit)} &#183; made by shaderformer</footer>
<script type="application/json" id="data">${cursorData(run)}</script>
<script>${reportScript}</script>
</body>
</html>
`;
}

function charts(run: Run, options: ReportOptions, unit: string): string {
  const firstStep = run.loss[0]!.step;
  const lastStep = Math.max(
    run.loss.at(-1)!.step,
    run.validation.at(-1)?.step ?? 0,
    options.totalSteps ?? 0,
    firstStep + 1,
  );
  const steps = [firstStep, lastStep] as const;
  const smooth = extent([...run.average, ...run.validation].map(({ value }) => value)) ?? [0, 1];
  const raw = extent(run.loss.map(({ value }) => value)) ?? smooth;
  // A spike may reach half a range above the averages; beyond that it would flatten everything else, and is counted in words.
  const reach = (smooth[1] - smooth[0]) / 2;
  const clipped = [Math.max(raw[0], smooth[0] - reach), Math.min(raw[1], smooth[1] + reach)] as const;
  const { range: tight, shown, left } = withReferences(clipped, options.references);
  const margin = (tight[1] - tight[0]) * 0.04;
  const range = [
    tight[0] > 0 ? Math.max(tight[0] / 2, tight[0] - margin) : tight[0] - margin,
    tight[1] + margin,
  ] as const;
  const above = run.loss.filter(({ value }) => value > range[1]).length;
  const broken = run.loss.filter(({ value }) => !Number.isFinite(value)).map(({ step }) => step);
  const lines: Line[] = [
    { points: run.loss, kind: 'raw' },
    { points: run.average, kind: 'average', label: 'train' },
    { points: run.validation, kind: 'validation', label: 'validation', marks: true },
  ];
  const description = `Loss over steps ${grouped(firstStep)} to ${grouped(run.loss.at(-1)!.step)}; ${summary(run, options.references, unit)} The same numbers are in the table below.`;
  const common = { steps, range, lines, references: shown, events: eventTicks(options.events), broken, description };
  const loss = { ...common, name: 'loss', yTicks: 6, stepNumbers: true, floor: true };
  const remarks = [
    'dim line: each step; full line: its average over about 10 steps',
    left.length
      ? `outside the chart: ${left.map(({ label, value }) => `${label} ${value.toFixed(2)}`).join(', ')}`
      : '',
    above ? `${grouped(above)} steps above the chart` : '',
    broken.length ? `${grouped(broken.length)} steps without a finite loss, first ${grouped(broken[0]!)}` : '',
  ].filter(Boolean);
  const logarithmic = range[0] > 0;
  return `<section aria-label="Curves">
<div class="head"><h2>Loss, ${escapeHtml(unit)}</h2><span class="legend"><i class="key average"></i>train <i class="key validation"></i>validation</span></div>
<div>
<input type="checkbox" id="log"${logarithmic ? '' : ' disabled'}> <label for="log">logarithmic</label>
<output class="readout soft" aria-live="off"></output>
<figure class="linear steps">${chartHtml(loss)}</figure>
${logarithmic ? `<figure class="logarithmic steps">${chartHtml({ ...loss, logarithmic: true })}</figure>` : ''}
</div>
<p class="soft">${escapeHtml(remarks.join('; '))}</p>
${small(
  'Learning rate',
  'rate',
  run.steps.map(({ step, learningRate }) => ({ step, value: learningRate ?? Number.NaN })),
  steps,
)}
${small(
  'Gradient norm, before clipping',
  'norm',
  run.steps.map(({ step, gradNorm }) => ({ step, value: gradNorm ?? Number.NaN })),
  steps,
)}
<label class="scrub" hidden>step<input type="range" id="scrub" min="0" value="0"></label>
</section>`;
}

function small(title: string, kind: string, points: readonly Point[], steps: readonly [number, number]): string {
  const range = extent([0, ...points.map(({ value }) => value)])!;
  const last = finite(points).at(-1);
  const description = `${title}, ${last ? `${shortNumber(last.value)} at the last step` : 'no finite value'}`;
  return `<figure><figcaption>${title}</figcaption>${chartHtml({ name: 'small', description, steps, range, lines: [{ points, kind }], yTicks: 2, stepNumbers: false })}</figure>`;
}

/** Saves and resumes, as ticks on the axis. */
function eventTicks(events: readonly RunEvent[]): { step: number; text: string }[] {
  const found = events
    .filter((event): event is SaveEvent => event.event === 'save')
    .map(({ step, path }) => ({ step, text: `saved ${path}` }));
  events.forEach((event, i) => {
    if (event.event !== 'start') return;
    const next = events.find((later, j) => j > i && later.event === 'step');
    if (next && next.event === 'step' && next.step > 1) found.push({ step: next.step, text: 'resumed' });
  });
  return found.slice(-200);
}

function samplesHtml(samples: ReportOptions['samples']): string {
  if (samples.length === 0) return '';
  const items = samples.map(({ step, text }) => {
    const title = `step ${grouped(step)}`;
    const shown =
      text.length > SAMPLE_LIMIT
        ? `${text.slice(0, SAMPLE_LIMIT)} ... (${grouped(text.length - SAMPLE_LIMIT)} more)`
        : text;
    return `<li data-step="${Number(step)}" data-title="${title}"><h3 class="soft">${title}</h3><pre>${escapeHtml(shown)}</pre></li>`;
  });
  return `<section aria-label="Samples"><h2>What it wrote</h2>
<label class="soft" hidden>earlier to later<input type="range" id="sample" min="0" value="0"></label>
<ol class="samples">${items.join('')}</ol></section>`;
}

function settingsHtml(settings: ReportOptions['settings']): string {
  const rows: string[] = [];
  const add = (name: string, value: Json, depth: number) => {
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && depth < 8) {
      for (const [key, each] of Object.entries(value)) add(name ? `${name}.${key}` : key, each, depth + 1);
      return;
    }
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    rows.push(`<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(text.slice(0, 2000))}</td></tr>`);
  };
  add('', settings, 0);
  return rows.length
    ? `<section aria-label="Settings"><h2>Settings</h2><div class="scroll"><table>${rows.join('')}</table></div></section>`
    : '';
}

/** The curve in numbers, for those who cannot see it: every evaluation, or evenly spaced steps where there are too many or too few. */
function tableTwin(run: Run): string {
  if (run.steps.length === 0) return '';
  const evaluated = new Map(run.validation.map(({ step, value }) => [step, value]));
  const every = Math.max(1, Math.ceil(run.steps.length / TABLE_ROWS));
  const few = evaluated.size < 5 || evaluated.size > TABLE_ROWS;
  const rows = run.steps.flatMap((step, i) => {
    const chosen = i === 0 || i === run.steps.length - 1 || (few ? i % every === 0 : evaluated.has(step.step));
    if (!chosen) return [];
    const cells = [
      lossText(step.loss),
      lossText(run.average[i]!.value),
      lossText(evaluated.get(step.step)),
      shortNumber(step.learningRate ?? Number.NaN),
      shortNumber(step.gradNorm ?? Number.NaN),
      grouped(step.tokensPerSecond),
    ];
    return [`<tr><th scope="row">${grouped(step.step)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`];
  });
  const heads = ['step', 'loss', 'average', 'validation', 'learning rate', 'gradient norm', 'tokens/s'];
  return `<section aria-label="The curve in numbers"><details><summary>The curve in numbers</summary><div class="scroll"><table class="numbers"><thead><tr>${heads
    .map((head) => `<th scope="col">${head}</th>`)
    .join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div></details></section>`;
}
