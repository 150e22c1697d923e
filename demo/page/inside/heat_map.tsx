// A matrix as a picture: a square a number, or a square the largest of several where there is no room for all.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { HeatMap } from '../../protocol/values.ts';
import { onThemeChange } from '../theme.ts';
import { css, signed } from './signed.ts';

export interface Place {
  row: number;
  column: number;
}

/** Pixels of a square, at least and at most; and how high a picture may be. */
export const SMALLEST = 4;
const LARGEST = 24;
export const HEIGHT = 320;

interface Props {
  map: HeatMap;
  /** Pixels. */
  width: number;
  /** In rows and columns of the matrix. */
  chosen: Place | null;
  label: string;
  /** What is said of the chosen one. */
  read: string;
  onChoose(place: Place): void;
  /** A square was clicked, or Enter pressed on it. */
  onOpen(place: Place): void;
  /** Escape: away from the part that is shown. */
  onLeave(): void;
}

export function HeatMapPicture({ map, width, chosen, label, read, onChoose, onOpen, onLeave }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [dark, setDark] = useState(() => isDark());
  useEffect(() => onThemeChange(() => setDark(isDark())), []);
  const size = squareOf(map, width);
  useEffect(() => draw(canvas.current!, map, size, chosen, dark), [map, size.across, size.down, chosen, dark]);

  const placeAt = (event: MouseEvent): Place => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    const column = Math.floor((event.clientX - left) / size.across);
    const row = Math.floor((event.clientY - top) / size.down);
    return inMatrix(map, row, column);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') return onLeave();
    const at = chosen ?? { row: map.window.row, column: map.window.column };
    if (event.key === 'Enter' && chosen) {
      event.preventDefault();
      return onOpen(chosen);
    }
    const to = moved(map, at, event.key, chosen !== null);
    if (!to) return;
    event.preventDefault();
    onChoose(to);
  };
  return (
    <div
      class="heat scroll"
      // Two axes, but one number that is read out when an arrow leads to it.
      role="slider"
      aria-roledescription="heat map"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={map.rows * map.columns - 1}
      aria-valuenow={chosen ? chosen.row * map.columns + chosen.column : 0}
      aria-valuetext={read}
      tabIndex={0}
      data-pool={map.pool.join('x')}
      onKeyDown={onKeyDown}
    >
      <canvas ref={canvas} onClick={(event) => onOpen(placeAt(event))} />
    </div>
  );
}

/** Pixels of a square: as large as there is room, square but in a single row. */
export function squareOf(
  map: Pick<HeatMap, 'mapRows' | 'mapColumns'>,
  width: number,
): { across: number; down: number } {
  const inRoom = (room: number, count: number) => Math.max(SMALLEST, Math.min(LARGEST, Math.floor(room / count)));
  const [across, down] = [inRoom(width, map.mapColumns), inRoom(HEIGHT, map.mapRows)];
  if (map.mapRows === 1) return { across, down: LARGEST };
  const both = Math.min(across, down);
  return { across: both, down: both };
}

/** The first row and column of a square's part of the matrix. */
function inMatrix({ window, pool, mapRows, mapColumns }: HeatMap, row: number, column: number): Place {
  const inside = (at: number, count: number) => Math.max(0, Math.min(count - 1, at));
  return {
    row: window.row + inside(row, mapRows) * pool[0],
    column: window.column + inside(column, mapColumns) * pool[1],
  };
}

/** Which square a number of the matrix lies in. */
export function squareAt({ window, pool }: HeatMap, { row, column }: Place): { down: number; across: number } {
  return { down: Math.floor((row - window.row) / pool[0]), across: Math.floor((column - window.column) / pool[1]) };
}

/** Where a key leads, in the whole matrix; null for keys that lead nowhere. */
function moved(map: HeatMap, at: Place, key: string, counts: boolean): Place | null {
  const { pool, rows, columns } = map;
  const far = 1e9;
  const steps: Record<string, readonly [number, number]> = {
    ...{ ArrowUp: [-pool[0], 0], ArrowDown: [pool[0], 0], ArrowLeft: [0, -pool[1]], ArrowRight: [0, pool[1]] },
    ...{ Home: [0, -far], End: [0, far], PageUp: [-8 * pool[0], 0], PageDown: [8 * pool[0], 0] },
  };
  const step = steps[key];
  if (!step) return null;
  // The first key only shows where one is.
  if (!counts) return at;
  const inside = (to: number, count: number, pooled: number) => {
    const last = count - 1 - ((count - 1) % pooled);
    return Math.max(0, Math.min(last, to));
  };
  return { row: inside(at.row + step[0], rows, pool[0]), column: inside(at.column + step[1], columns, pool[1]) };
}

function isDark(): boolean {
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

function draw(
  canvas: HTMLCanvasElement,
  map: HeatMap,
  { across, down }: { across: number; down: number },
  chosen: Place | null,
  dark: boolean,
): void {
  const { mapRows, mapColumns, cells, scale } = map;
  const dense = devicePixelRatio || 1;
  const [width, height] = [mapColumns * across, mapRows * down];
  canvas.width = Math.round(width * dense);
  canvas.height = Math.round(height * dense);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext('2d')!;
  pen.scale(dense, dense);
  const ink = dark ? '#fff' : '#000';
  for (const [i, value] of cells.entries()) {
    const [x, y] = [(i % mapColumns) * across, Math.floor(i / mapColumns) * down];
    pen.fillStyle = css(signed(scale > 0 ? value / scale : value, dark));
    pen.fillRect(x, y, across, down);
    if (!Number.isFinite(value)) hatch(pen, x, y, across, down);
    // A ring says that the number lies beyond the colours.
    else if (Math.abs(value) > scale) {
      pen.strokeStyle = ink;
      pen.lineWidth = 1;
      pen.strokeRect(x + 0.5, y + 0.5, across - 1, down - 1);
    }
  }
  if (!chosen) return;
  const at = squareAt(map, chosen);
  for (const [colour, wide] of [
    [dark ? '#000' : '#fff', 4],
    [ink, 2],
  ] as const) {
    pen.strokeStyle = colour;
    pen.lineWidth = wide;
    pen.strokeRect(at.across * across, at.down * down, across, down);
  }
}

function hatch(pen: CanvasRenderingContext2D, x: number, y: number, across: number, down: number): void {
  pen.strokeStyle = '#fff';
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x, y + down);
  pen.lineTo(x + across, y);
  if (across >= 8) {
    pen.moveTo(x, y + down / 2);
    pen.lineTo(x + across / 2, y);
    pen.moveTo(x + across / 2, y + down);
    pen.lineTo(x + across, y + down / 2);
  }
  pen.stroke();
}
