// The recorded run drawn into the page itself: what the chart shows before any script has run, at the places where the chart will be.
import { ticks, tickTexts } from '../../src/cli/curve.ts';
import { lossText } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
import { recorded } from '../recorded.ts';
import { ghost, lossFrame, referencesOf } from './loss_parts.ts';
import { store } from './store.ts';

/** Lines are drawn in a plane of this size, which is stretched; words stand beside it by percent, and are not. */
const WIDTH = 1000;
const HEIGHT = 400;

export function GhostPicture() {
  const { range } = lossFrame(store);
  const total = recorded.settings.steps;
  const share = (value: number) => (range[1] - value) / (range[1] - range[0]);
  const x = (step: number) => round((step / total) * WIDTH);
  const y = (value: number) => round(share(value) * HEIGHT);
  const down = (value: number) => `${round(100 * share(value))}%`;
  const values = ticks(range, 6);
  const steps = ticks([0, total], 4);
  const path = ghost.map(({ step, value }, i) => `${i === 0 ? 'M' : 'L'}${x(step)} ${y(value!)}`).join('');
  const end = ghost.at(-1)!.value!;
  return (
    <svg class="ghost-picture" aria-hidden="true">
      <svg
        aria-hidden="true"
        width="100%"
        height="100%"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        overflow="visible"
      >
        <path class="grid" d={values.map((value) => `M0 ${y(value)}H${WIDTH}`).join('')} />
        <path class="grid" d={steps.map((step) => `M${x(step)} 0V${HEIGHT}`).join('')} />
        {referencesOf(store).map(({ label, value }) => (
          <path key={label} class="reference" d={`M0 ${y(value)}H${WIDTH}`} />
        ))}
        <path class="ghost" data-ghost d={path} />
      </svg>
      {tickTexts(values).map((text, i) => (
        <text key={text} x="0" y={down(values[i]!)} dx="-6" dy="4" text-anchor="end">
          {share(values[i]!) > 0.95 ? '' : text}
        </text>
      ))}
      {steps.map((step) => (
        <text key={step} x={`${x(step) / 10}%`} y="100%" dy="19" text-anchor="middle">
          {grouped(step)}
        </text>
      ))}
      {referencesOf(store).map(({ label, value }) => (
        <text key={label} x="100%" y={down(value)} dx="-8" dy={share(value) < 0.05 ? 14 : -5} text-anchor="end">
          {`${label} ${value.toFixed(2)}`}
        </text>
      ))}
      <text class="name" x="100%" y={down(end)} dx="10" dy="4">
        recorded run
      </text>
      <text class="name" x="100%" y={down(end)} dx="10" dy="18">
        {lossText(end)}
      </text>
    </svg>
  );
}

const round = (value: number) => Math.round(value * 10) / 10;
