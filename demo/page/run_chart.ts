// One chart over the steps of a run, by uPlot: a fixed axis to the planned end, redrawn in place, and the one cursor of the page.
import './language.ts';
import uPlot from 'uplot';
import { ticks, tickTexts } from '../../src/cli/curve.ts';
import { type StepAxis, stepAxis } from './axis.ts';
import { Pen } from './pen.ts';
import type { Store } from './store.ts';
import { MONO, onThemeChange, readTheme, type Theme, unit } from './theme.ts';
import { axis } from './view.ts';

export interface ChartSeries {
  colour: keyof Theme;
  /** CSS pixels. */
  width: number;
  /** From 0 to 1. */
  alpha?: number;
}

export interface ChartParts {
  series: readonly ChartSeries[];
  /** Columns beside the steps, one a series. */
  columns(): (number | null)[][];
  /** Least and greatest value on the axis. */
  range(): readonly [number, number];
  logarithmic(): boolean;
  /** Whether names stand at the lines' ends, right of the plotting area. */
  names?: boolean;
  /** Whether numbers of steps stand below. */
  numbers?: boolean;
  /** Draws below the lines, and above them. */
  below?(pen: Pen, theme: Theme): void;
  above?(pen: Pen, theme: Theme, font: string): void;
}

/** Below this width the names at the lines' ends have no room. CSS pixels. */
const WIDE = 560;
const NAME_ROOM = 120;

export class RunChart {
  readonly #host: HTMLElement;
  readonly #store: Store;
  readonly #parts: ChartParts;
  #plot: uPlot;
  #theme = readTheme();
  #unit = unit();
  #logarithmic: boolean;
  #axis: StepAxis;
  #placing = false;
  /** The pointer is over this chart. */
  #pointed = false;
  #stopListening: (() => void)[] = [];

  constructor(host: HTMLElement, store: Store, parts: ChartParts) {
    this.#host = host;
    this.#store = store;
    this.#parts = parts;
    this.#logarithmic = parts.logarithmic();
    this.#axis = stepAxis(store, axis.peek());
    this.#plot = this.#make();
    const observer = new ResizeObserver(() => {
      if (unit() !== this.#unit) this.#remake();
      else if (host.clientWidth > 0) this.#plot.setSize({ width: host.clientWidth, height: host.clientHeight });
      this.place();
    });
    observer.observe(host);
    host.onmouseenter = () => (this.#pointed = true);
    host.onmouseleave = () => {
      this.#pointed = false;
      store.hovered.value = null;
    };
    this.#stopListening = [
      () => observer.disconnect(),
      onThemeChange(() => {
        this.#theme = readTheme();
        this.#remake();
      }),
    ];
  }

  /** Draws the run as it stands. */
  update(): void {
    if (this.#parts.logarithmic() !== this.#logarithmic) this.#remake();
    else this.#plot.setData(this.#data());
    this.place();
  }

  /** Puts the cursor where the page's is. */
  place(): void {
    const step = this.#store.cursor.peek();
    const left = step === null ? -10 : this.#plot.valToPos(this.#axis.of(step), 'x');
    this.#placing = true;
    this.#plot.setCursor({ left, top: step === null ? -10 : 0 });
    this.#placing = false;
  }

  close(): void {
    for (const stop of this.#stopListening) stop();
    this.#plot.destroy();
  }

  get wide(): boolean {
    return this.#host.clientWidth >= WIDE * this.#unit;
  }

  #remake(): void {
    this.#plot.destroy();
    this.#logarithmic = this.#parts.logarithmic();
    this.#unit = unit();
    this.#plot = this.#make();
    this.place();
  }

  #data(): uPlot.AlignedData {
    this.#axis = stepAxis(this.#store, axis.peek());
    const places = this.#store.record.steps.map((step) => this.#axis.of(step));
    return [places, ...this.#parts.columns()] as uPlot.AlignedData;
  }

  #make(): uPlot {
    const { series, names, numbers, below, above, range } = this.#parts;
    const { soft, grid } = this.#theme;
    const px = this.#unit;
    const font = `${12 * px}px ${MONO}`;
    const plain = { stroke: soft, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    const options: uPlot.Options = {
      width: Math.max(100, this.#host.clientWidth),
      height: Math.max(60, this.#host.clientHeight),
      padding: [12 * px, () => (names && this.wide ? NAME_ROOM : 24) * px, numbers ? 0 : 6 * px, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: () => [0, this.#axis.end || 1] },
        y: { range: () => [...range()], distr: this.#logarithmic ? 3 : 1 },
      },
      axes: [
        {
          ...plain,
          show: numbers === true,
          size: 30 * px,
          space: 80 * px,
          gap: 8 * px,
          values: (_, splits) => splits.map((value) => this.#axis.text(value)),
        },
        {
          ...plain,
          size: 52 * px,
          gap: 6 * px,
          splits: (u) => ticks([u.scales.y!.min!, u.scales.y!.max!], names ? 6 : 3),
          // On a logarithmic axis too every line has its number.
          filter: (_, splits) => splits,
          values: (u, splits) => this.#axisTexts(u, splits),
        },
      ],
      series: [
        {},
        ...series.map(({ colour, width, alpha = 1 }) => ({
          stroke: this.#theme[colour],
          width: width * px,
          alpha,
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: {
        drawAxes: [(u) => below?.(new Pen(u, this.#axis), this.#theme)],
        draw: [(u) => above?.(new Pen(u, this.#axis), this.#theme, `${12 * px * uPlot.pxRatio}px ${MONO}`)],
        setCursor: [(u) => this.#moved(u)],
      },
    };
    return new uPlot(options, this.#data(), this.#host);
  }

  /** Nothing while there is nothing to measure. The floor of a chart with names has its own number. */
  #axisTexts(u: uPlot, splits: readonly number[]): string[] {
    const { names } = this.#parts;
    const floor = u.bbox.height / uPlot.pxRatio - 16 * this.#unit;
    const hidden = (value: number) => (names ? u.valToPos(value, 'y') > floor : this.#store.record.step === 0);
    // A run that explodes: numbers as long as that have no room.
    const long = splits.some((value) => Math.abs(value) >= 1e5);
    const texts = long
      ? splits.map((value) => (value === 0 ? '0' : value.toExponential(1).replace('.0e', 'e').replace('e+', 'e')))
      : tickTexts(splits);
    return texts.map((text, i) => (hidden(splits[i]!) ? '' : text));
  }

  /** The pointer has moved over this chart: all others follow. */
  #moved({ cursor }: uPlot): void {
    // Placed by the page, or kept where it was while the axis grew below it.
    if (this.#placing || !this.#pointed) return;
    const { left = -1, idx } = cursor;
    const step = left >= 0 && idx !== null && idx !== undefined ? this.#store.record.steps[idx] : undefined;
    this.#store.hovered.value = step ?? null;
    if (step === undefined) queueMicrotask(() => this.place());
  }
}
