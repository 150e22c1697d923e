// A row or a column of numbers as bars, above and below a line.
import { shortNumber } from '../../../src/cli/format.ts';

interface Props {
  title: string;
  values: Float32Array;
  /** Which of them is marked; none by default. */
  at?: number;
  sum: number;
}

/** Units of the picture's height on either side of zero. */
const SIDE = 20;

export function LineBars({ title, values, at, sum }: Props) {
  const largest = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const bars = (sign: 1 | -1) =>
    [...values]
      .map((value, i) => (sign * value > 0 && Number.isFinite(value) ? bar(i, -SIDE * (value / largest)) : ''))
      .join('');
  const said = `${title}: least ${shortNumber(least(values, 1))}, most ${shortNumber(-least(values, -1))}, sum ${shortNumber(sum, 4)}`;
  return (
    <figure class="line-bars">
      <figcaption>
        {title} <span class="mono">sum {shortNumber(sum, 4)}</span>
      </figcaption>
      <svg
        viewBox={`0 ${-SIDE} ${Math.max(1, values.length)} ${2 * SIDE}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={said}
      >
        {at !== undefined && <rect class="at" x={at} y={-SIDE} width="1" height={2 * SIDE} />}
        <path class="above" d={bars(1)} />
        <path class="below" d={bars(-1)} />
        <line x1="0" x2={values.length} y1="0" y2="0" />
      </svg>
    </figure>
  );
}

function bar(i: number, to: number): string {
  return `M${i + 0.1} 0V${to.toFixed(2)}h0.8V0z`;
}

/** The least of all that are finite, each times a sign. */
function least(values: Float32Array, sign: 1 | -1): number {
  return values.reduce(
    (so, value) => (Number.isFinite(value) ? Math.min(so, sign * value) : so),
    Number.POSITIVE_INFINITY,
  );
}
