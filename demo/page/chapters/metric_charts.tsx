// What a lesson tells beside its loss, a chart each, under the page's one cursor: the share of right answers, the margin between a
// preferred answer and the other. With the lines of what needs no network.
import { lossText, metricName } from '../../../src/cli/format.ts';
import { Chart } from '../charts.tsx';
import type { Pen, Point } from '../pen.ts';
import type { ChartParts } from '../run_chart.ts';
import { store } from '../store.ts';
import type { Theme } from '../theme.ts';

/** Names whose values are shares. */
const SHARES = ['accuracy', 'rewardAccuracy'];

export function MetricCharts() {
  store.version.value;
  const names = [...store.record.metrics.keys()].sort((a, b) => order(a) - order(b));
  if (names.length === 0) return null;
  return (
    <div class="smalls metrics">
      {names.slice(0, 4).map((name) => (
        <div key={name} data-metric={name} data-value={last(name)?.value ?? undefined}>
          <h3>
            {capital(metricName(name))} <span class="soft">{told(name)}</span>
          </h3>
          <Chart kind="metric" label={`${capital(metricName(name))}: ${told(name)}`} parts={() => partsOf(name)} />
        </div>
      ))}
    </div>
  );
}

/** The figures that say most come first. */
const order = (name: string) => [...SHARES, 'rewardMargin'].indexOf(name) >>> 0;

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

const last = (name: string) => store.record.metrics.get(name)?.validation.findLast(({ value }) => value !== null);

function told(name: string): string {
  const validated = last(name);
  const train = store.record.metrics.get(name)?.train.findLast((value) => value !== null);
  const texts = [
    typeof train === 'number' && `last step ${lossText(train)}`,
    validated && `validation ${lossText(validated.value)}`,
    ...lines(name).map(({ name: each, value }) => `${each} ${value.toFixed(2)}`),
  ];
  return texts.filter(Boolean).join(', ');
}

/** What needs no network, where it is measured so. */
function lines(name: string) {
  const baselines = store.ready.peek()?.lesson?.prepared.baselines ?? [];
  return SHARES.includes(name) ? baselines.filter(({ unit }) => unit === 'accuracy') : [];
}

function partsOf(name: string): ChartParts {
  const metric = () => store.record.metrics.get(name) ?? { train: [], validation: [] };
  const validation = (): Point[] => metric().validation;
  return {
    series: [{ colour: 'train', width: 1, alpha: 0.6 }],
    columns: () => {
      const { train } = metric();
      return [train.length > 0 ? train : store.record.steps.map(() => null)];
    },
    range() {
      if (SHARES.includes(name)) return [0, 1];
      const values = [...metric().train, ...metric().validation.map(({ value }) => value)].filter((v) => v !== null);
      const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
      const room = 0.05 * (high - low || 1);
      return [low < 0 ? low - room : low, high + room];
    },
    logarithmic: () => false,
    numbers: true,
    below: (pen, theme) =>
      pen.inside(() => {
        for (const { value } of lines(name)) {
          const ends = [0, store.record.totalSteps].map((step) => ({ step, value }));
          pen.line(ends, theme.soft, 1, [2, 4]);
        }
      }),
    above(pen, theme, font) {
      pen.inside(() => {
        pen.line(validation(), theme.validation, 2, [6, 4]);
        pen.dots(validation(), theme.validation, 3.5);
      });
      nameLines(pen, theme, font, name);
    },
  };
}

/** In words, above their lines; below where two are too near to each other. */
function nameLines(pen: Pen, theme: Theme, font: string, name: string): void {
  const taken: number[] = [];
  for (const { name: label, value } of lines(name)) {
    const y = pen.y(value);
    const at = [y - 9 * pen.ratio, y + 9 * pen.ratio].find((place) =>
      taken.every((other) => Math.abs(other - place) >= 14 * pen.ratio),
    );
    if (at === undefined) continue;
    taken.push(at);
    const look = { align: 'right', font, behind: theme.paper } as const;
    pen.words(`${label} ${value.toFixed(2)}`, pen.box.right - 4 * pen.ratio, at, theme.soft, look);
  }
}
