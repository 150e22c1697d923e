// Drawing on a chart in its own units: steps to the right, values upwards.
import './language.ts';
import uPlot from 'uplot';
import type { StepAxis } from './axis.ts';
import { unit } from './theme.ts';

export interface Point {
  step: number;
  /** null breaks a line */
  value: number | null;
}

export class Pen {
  readonly #u: uPlot;
  readonly #context: CanvasRenderingContext2D;
  readonly #axis: StepAxis;
  /** Device pixels of a CSS pixel, times the size of letters. */
  readonly ratio = uPlot.pxRatio * unit();

  constructor(u: uPlot, axis: StepAxis) {
    this.#u = u;
    this.#axis = axis;
    this.#context = u.ctx;
  }

  x(step: number): number {
    return this.#u.valToPos(this.#axis.of(step), 'x', true);
  }

  y(value: number): number {
    return this.#u.valToPos(value, 'y', true);
  }

  /** Edges of the plotting area in device pixels. */
  get box(): { left: number; right: number; top: number; bottom: number } {
    const { left, top, width, height } = this.#u.bbox;
    return { left, right: left + width, top, bottom: top + height };
  }

  /** Draws inside the plotting area only. */
  inside(draw: () => void): void {
    const { left, top, width, height } = this.#u.bbox;
    this.#context.save();
    this.#context.beginPath();
    this.#context.rect(left, top, width, height);
    this.#context.clip();
    draw();
    this.#context.restore();
  }

  /** @param width in CSS pixels @param dash lengths in CSS pixels */
  line(points: readonly Point[], colour: string, width: number, dash: readonly number[] = []): void {
    const context = this.#context;
    context.beginPath();
    let down = false;
    for (const { step, value } of points) {
      if (value !== null) {
        if (down) context.lineTo(this.x(step), this.y(value));
        else context.moveTo(this.x(step), this.y(value));
      }
      down = value !== null;
    }
    context.strokeStyle = colour;
    context.lineWidth = width * this.ratio;
    context.lineJoin = 'round';
    context.setLineDash(dash.map((length) => length * this.ratio));
    context.stroke();
    context.setLineDash([]);
  }

  /** Round marks of a radius in CSS pixels. */
  dots(points: readonly Point[], colour: string, radius: number): void {
    const context = this.#context;
    context.fillStyle = colour;
    for (const { step, value } of points) {
      if (value === null) continue;
      context.beginPath();
      context.arc(this.x(step), this.y(value), radius * this.ratio, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /** A line between two places in device pixels. */
  stroke(fromX: number, fromY: number, toX: number, toY: number, colour: string, width = 1): void {
    const context = this.#context;
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.strokeStyle = colour;
    context.lineWidth = width * this.ratio;
    context.stroke();
  }

  /** Words at a place in device pixels. @param behind colour of the ground below them */
  words(
    text: string,
    x: number,
    y: number,
    colour: string,
    look: { align?: CanvasTextAlign; font: string; behind?: string },
  ): void {
    const context = this.#context;
    context.font = look.font;
    context.textAlign = look.align ?? 'left';
    context.textBaseline = 'middle';
    if (look.behind) {
      const { width } = context.measureText(text);
      const left = look.align === 'right' ? x - width : x;
      context.fillStyle = look.behind;
      context.globalAlpha = 0.75;
      context.fillRect(left - 3 * this.ratio, y - 8 * this.ratio, width + 6 * this.ratio, 16 * this.ratio);
      context.globalAlpha = 1;
    }
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
}
