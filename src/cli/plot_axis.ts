// The line below a chart in the terminal: what stands at which column.
import { grouped } from '../data/counted.ts';

/** A text that stands below a step. */
export interface AxisText {
  readonly step: number;
  readonly text: string;
}

/** The first and the last step, and the one in the middle where there is room. */
export function stepNumbers(firstStep: number, lastStep: number, gutter: number, width: number): string {
  const [first, last] = [`step ${grouped(firstStep)}`, grouped(lastStep)];
  const room = width - gutter - 1;
  const gap = room - first.length - last.length;
  const indent = ' '.repeat(gutter + 1);
  if (gap < 1) return indent + last.padStart(room);
  const middle = grouped(Math.floor((firstStep + lastStep) / 2));
  if (gap < middle.length + 6) return indent + first + ' '.repeat(gap) + last;
  const before = Math.round((room - middle.length) / 2) - first.length;
  if (before < 2) return indent + first + ' '.repeat(gap) + last;
  return indent + first + ' '.repeat(before) + middle + ' '.repeat(gap - before - middle.length) + last;
}

/** Texts below their columns: all of them, or every second, every third, as many as have room. */
export function placedTexts(texts: readonly AxisText[], columnOf: (step: number) => number, room: number): string {
  for (let every = 1; every < texts.length; every++) {
    let line = '';
    const fits = texts.every(({ step, text }, i) => {
      if (i % every !== 0) return true;
      const start = Math.min(room - text.length, Math.max(0, columnOf(step) - Math.floor(text.length / 2)));
      if (line && start < line.length + 2) return false;
      line = line.padEnd(start) + text;
      return true;
    });
    if (fits) return line;
  }
  return texts[0]?.text ?? '';
}
