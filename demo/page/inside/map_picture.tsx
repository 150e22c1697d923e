// A map of attention as a picture: a row for each token, a column for each that it can look at. What no token sees stays empty.
import { useEffect, useRef } from 'preact/hooks';
import { cividis } from '../cividis.ts';

/** Red, green and blue of 256 steps of the square root of a weight, so that small ones are seen. */
const COLOURS = Array.from({ length: 256 }, (_, i) =>
  cividis(i / 255)
    .match(/\d+/g)!
    .map(Number),
);

/** Magenta: of a model that has diverged. */
const NO_NUMBER = [255, 0, 255];

interface Props {
  /** (T,T) */
  weights: Float32Array;
  size: number;
  label?: string;
  /** Where the pointer is; null: nowhere. */
  point?(place: { row: number; column: number } | null): void;
  click?(row: number, more: boolean): void;
}

export function MapPicture({ weights, size, label, point, click }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    const image = context.createImageData(size, size);
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        const at = row * size + column;
        const weight = weights[at]!;
        image.data.set(
          [...(COLOURS[Math.round(255 * Math.sqrt(Math.min(1, weight)))] ?? NO_NUMBER), weight === 0 ? 0 : 255],
          4 * at,
        );
      }
    context.putImageData(image, 0, 0);
  }, [weights, size]);
  const place = (event: MouseEvent) => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    const within = (at: number) => Math.min(size - 1, Math.max(0, Math.floor(at * size)));
    return { row: within((event.clientY - top) / height), column: within((event.clientX - left) / width) };
  };
  return (
    <canvas
      ref={canvas}
      class="map"
      width={size}
      height={size}
      role="img"
      aria-label={label}
      aria-hidden={label === undefined}
      onPointerMove={point && ((event) => point(place(event)))}
      onPointerLeave={point && (() => point(null))}
      onClick={click && ((event) => click(place(event).row, event.shiftKey))}
    />
  );
}
