// Curves of what a task tells of its rows beside the loss: accuracy, the margin of rewards. Small, below that of the loss. Pure.
import { debiasedAverage, extent, type Point } from './curve.ts';
import { lossText, metricName } from './format.ts';
import { chartHtml, escapeHtml, type Line, look } from './report_chart.ts';
import { finite, type Run } from './report_run.ts';

/** Curves of one report. */
const MOST_CURVES = 4;

/** A figure for each metric that any of the runs tells; '' where none does. */
export function metricCharts(
  runs: readonly { readonly name: string; readonly run: Run }[],
  steps: readonly [number, number],
): string {
  const names = new Set(runs.flatMap(({ run }) => [...run.steps, ...run.evals].flatMap((event) => namesOf(event))));
  return [...names]
    .slice(0, MOST_CURVES)
    .map((name) => chartOf(name, runs, steps))
    .join('\n');
}

function namesOf(event: Run['steps'][number] | Run['evals'][number]): string[] {
  return Object.keys((event.event === 'step' ? event.metrics : event.validationMetrics) ?? {});
}

function chartOf(
  name: string,
  runs: readonly { readonly name: string; readonly run: Run }[],
  steps: readonly [number, number],
): string {
  const several = runs.length > 1;
  const lines = runs.flatMap((each, i): Line[] => {
    const own = several ? ` ${look(i)}` : '';
    const { train, validation } = pointsOf(name, each.run);
    return [
      ...(train.length === 0
        ? []
        : [{ points: debiasedAverage(train), kind: `average${own}`, ...(several ? {} : { label: 'train' }) }]),
      { points: validation, kind: `validation${own}`, marks: true, label: several ? each.name : 'validation' },
    ];
  });
  const range = extent([0, ...lines.flatMap(({ points }) => points.map(({ value }) => value))])!;
  const words = runs.map((each) => {
    const last = finite(pointsOf(name, each.run).validation).at(-1);
    const text = last ? `${lossText(last.value)} at the last evaluation` : 'not evaluated yet';
    return several ? `${each.name} ${text}` : text;
  });
  const title = metricName(name);
  const description = `${title}, ${words.join(', ')}`;
  const chart = chartHtml({ name: 'small', description, steps, range, lines, yTicks: 2, stepNumbers: false });
  return `<figure><figcaption>${escapeHtml(title[0]!.toUpperCase() + title.slice(1))}</figcaption>${chart}</figure>`;
}

/** Of the rows of each step, and of all validation rows; null stands for NaN. */
function pointsOf(name: string, { steps, evals }: Run): { train: Point[]; validation: Point[] } {
  const point = (step: number, metrics: Readonly<Record<string, number>> | undefined): Point[] =>
    metrics && name in metrics ? [{ step, value: metrics[name] ?? Number.NaN }] : [];
  return {
    train: steps.flatMap(({ step, metrics }) => point(step, metrics)),
    validation: evals.flatMap(({ step, validationMetrics }) => point(step, validationMetrics)),
  };
}
