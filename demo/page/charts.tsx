// The charts of the run under one cursor: losses, learning rate, norm of the gradient.
import { effect, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { lossText } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import { recorded } from '../recorded.ts';
import { axisNames } from './axis.ts';
import { GhostPicture } from './ghost_picture.tsx';
import { later } from './later.tsx';
import { ghostOf, lossFrame, lossParts } from './loss_parts.ts';
import { NumbersTable } from './numbers_table.tsx';
import { Pace } from './pace.ts';
import { type ChartParts, RunChart } from './run_chart.ts';
import { Scrub } from './scrub.tsx';
import { store } from './store.ts';
import { StoryLine } from './story_line.tsx';
import { AXES, axis, logarithmic } from './view.ts';

const MetricCharts = later(async () => (await import('./chapters/metric_charts.tsx')).MetricCharts, 'Metrics');
const Runs = later(async () => (await import('./runs.tsx')).Runs, 'The runs on this chart');

export function Charts() {
  return (
    <section id="curve" aria-label="Curves">
      <div class="head">
        <h2>
          Loss{' '}
          <span class="soft">
            {store.ready.value?.lesson?.unit ?? 'nats a token'}
            {ghostText()}
          </span>
        </h2>
        <span class="legend">
          <i class="key train" /> train <i class="key validation" /> validation
        </span>
        <label class="switch">
          by{' '}
          <select
            value={axis.value}
            onChange={({ currentTarget: { value } }) => (axis.value = AXES.find((each) => each === value)!)}
          >
            {AXES.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <label class="switch">
          <input
            type="checkbox"
            checked={logarithmic.value}
            onChange={(event) => (logarithmic.value = event.currentTarget.checked)}
          />{' '}
          logarithmic
        </label>
      </div>
      <StoryLine />
      <Chart
        kind="loss"
        label={description()}
        parts={(wide) => lossParts(store, { wide, logarithmic: () => logarithmic.value })}
      >
        <GhostPicture />
      </Chart>
      {store.ready.value?.lesson && <MetricCharts key={store.ready.value.link} />}
      <Scrub />
      {store.lineage.others.value.length > 0 && <Runs />}
      <NumbersTable />
    </section>
  );
}

/** What else a step tells, under the same cursor. */
export function MoreCharts() {
  return (
    <section id="more" aria-label="Learning rate and gradient">
      <div class="smalls">
        <div>
          <h3>Learning rate</h3>
          <Chart
            kind="small"
            label={`Learning rate by ${axisNames[axis.value]}`}
            parts={() => smallParts('rate', () => store.record.learningRate)}
          />
        </div>
        <div>
          <h3>
            Norm of the gradient <span class="soft">before clipping</span>
          </h3>
          <Chart
            kind="small"
            label={`Norm of the gradient by ${axisNames[axis.value]}`}
            parts={() => smallParts('norm', () => store.record.gradNorm)}
          />
        </div>
      </div>
    </section>
  );
}

interface ChartProps {
  kind: 'loss' | 'small' | 'metric';
  label: string;
  parts(wide: () => boolean): ChartParts;
  /** What stands there until the chart draws. */
  children?: preact.ComponentChildren;
}

export function Chart({ kind, label, parts, children }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const drawn = useSignal(false);
  useEffect(() => {
    const chart: RunChart = new RunChart(
      host.current!,
      store,
      parts(() => chart.wide),
    );
    drawn.value = true;
    const pace = new Pace(() => chart.update());
    const stops = [
      effect(() => {
        store.version.value;
        store.text.value;
        axis.value;
        logarithmic.value;
        pace.ask();
      }),
      effect(() => {
        store.cursor.value;
        chart.place();
      }),
      () => pace.close(),
    ];
    return () => {
      for (const stop of stops) stop();
      chart.close();
    };
    // The chart lives as long as the page.
  }, []);
  return (
    <div class={`plot ${kind}`} role="img" aria-label={label}>
      <div class="canvas" ref={host} />
      {children && <div hidden={drawn.value}>{children}</div>}
    </div>
  );
}

function smallParts(colour: 'rate' | 'norm', column: () => (number | null)[]): ChartParts {
  return {
    series: [{ colour, width: 1.5 }],
    columns: () => [column()],
    range() {
      const high = Math.max(0, ...column().filter((value) => value !== null));
      return [0, high > 0 ? high * 1.05 : 1];
    },
    logarithmic: () => false,
  };
}

function ghostText(): string {
  if (ghostOf(store).length === 0) return '';
  return `; grey: recorded, ${grouped(recorded.parameters)} parameters`;
}

function description(): string {
  store.version.value;
  const { record } = store;
  const { left } = lossFrame(store);
  const said = record.step === 0 ? 'no step yet' : `step ${record.step}: ${lossText(record.lastLoss)}`;
  const far = left.map(({ label, value }) => `; outside the chart: ${label} ${value.toFixed(2)}`).join('');
  return `Loss by ${axisNames[axis.value]}, ${said}${far}. The same numbers are in the table below.`;
}
