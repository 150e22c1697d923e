// The report of training runs: one HTML file without a single outside request, with curves, samples, settings and final figures.
// One run is shown in full; several lie over each other under one cursor. Pure: what happened in, text out. All foreign text
// (names, samples, settings, paths) is escaped.

import { grouped } from '../data/counted.ts';
import type { Json, RunEvent } from '../train/events.ts';
import type { Reference } from '../train/run_data.ts';
import { dataText, inWords, modelText } from './format.ts';
import { escapeHtml } from './report_chart.ts';
import { curvesHtml, type NamedRun } from './report_curves.ts';
import { reportScript, reportStyle } from './report_page.ts';
import { cursorData, ranking, readRun, summary } from './report_run.ts';
import { figureTable, figureTiles, samplesHtml, settingsHtml, tableTwin, tableTwins } from './report_tables.ts';

/** What the report shows of a run. */
export interface ReportRun {
  /** short; tells runs apart */
  readonly name: string;
  /** all events of the run in order, as in `metrics.jsonl`; null stands for NaN */
  readonly events: readonly RunEvent[];
  readonly settings: { readonly [name: string]: Json };
  /** not all settings are known */
  readonly partial?: boolean;
  readonly samples: readonly { readonly step: number; readonly text: string }[];
  /** planned steps: the right end of the axis of a single run, if it is not there yet */
  readonly totalSteps?: number;
}

export interface ReportOptions {
  readonly title: string;
  /** at least one */
  readonly runs: readonly ReportRun[];
  /** losses that words can be put to: { label: 'letter pairs', value: 2.41 } */
  readonly references: readonly Reference[];
  /** what losses are counted in */
  readonly unit?: string;
}

/** @returns the whole file; open it from disk, mail it, or put it behind any server */
export function reportHtml(options: ReportOptions): string {
  const { title, references } = options;
  const unit = options.unit ?? 'nats a token';
  const runs = options.runs.map(({ name, events }): NamedRun => ({ name, events, run: readRun(events) }));
  const page = runs.length === 1 ? onePage : severalPage;
  const { subtitle, told, before, after } = page(runs, options, unit);
  const totalSteps = options.runs[0]?.totalSteps ?? 0;
  const begun = runs.some(({ run }) => run.loss.length > 0);
  const hash = runs.length === 1 ? runs[0]!.run.end?.parameterHash : undefined;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${reportStyle}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="soft">${subtitle.map((part) => escapeHtml(part)).join(' &#183; ')}</p>
<p>${escapeHtml(told)}</p>
</header>
<main>
${before}
${begun ? curvesHtml({ runs, references, unit, totalSteps }) : '<p>No step has been taken yet.</p>'}
${after}
</main>
<footer>${hash ? `parameter hash ${escapeHtml(hash)}<br>` : ''}losses in ${escapeHtml(unit)} &#183; made by shaderformer</footer>
<script type="application/json" id="data">${cursorData(runs.map(({ run }) => run))}</script>
<script>${reportScript}</script>
</body>
</html>
`;
}

interface PageParts {
  subtitle: string[];
  told: string;
  /** what stands before the curves and after them, as HTML */
  before: string;
  after: string;
}

function onePage(runs: readonly NamedRun[], { runs: given, references }: ReportOptions, unit: string): PageParts {
  const { run } = runs[0]!;
  return {
    subtitle: run.start
      ? [
          dataText(run.start.dataset),
          `${grouped(run.start.parameters)} parameters: ${modelText(run.start.config)}`,
          inWords(run.start.adapter),
        ]
      : [],
    told: summary(run, references, unit),
    before: figureTiles(run),
    after: [samplesHtml(given), settingsHtml(given), tableTwin(run)].join('\n'),
  };
}

function severalPage(runs: readonly NamedRun[], { runs: given }: ReportOptions): PageParts {
  // What all runs share is said once.
  const shared = [
    runs.map(({ run }) => run.start && dataText(run.start.dataset)),
    runs.map(({ run }) => run.start && `${grouped(run.start.parameters)} parameters: ${modelText(run.start.config)}`),
    runs.map(({ run }) => run.start && inWords(run.start.adapter)),
  ].flatMap((texts) => (texts[0] !== undefined && new Set(texts).size === 1 ? [texts[0]] : []));
  return {
    subtitle: [`${runs.length} runs`, ...shared],
    told: ranking(runs),
    before: '',
    after: [figureTable(runs), settingsHtml(given), samplesHtml(given), tableTwins(runs)].join('\n'),
  };
}
