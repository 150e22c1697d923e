// Cividis, the colours of what lies between 0 and 1: alike for eyes with and without a colour-blindness, lighter for more.
// Source: Nunez, Anderton and Renslow 2018, "Optimizing colormaps with consideration for color vision deficiency", at ten places.

const STOPS = [
  '#00204d',
  '#00336f',
  '#39486b',
  '#575c6d',
  '#707173',
  '#8a8779',
  '#a69d75',
  '#c4b56c',
  '#e4cf5b',
  '#ffea46',
].map((colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)));

/** @param value from 0 to 1; what lies outside takes the colour of the end. Pure. */
export function cividis(value: number): string {
  const place = Math.min(1, Math.max(0, value)) * (STOPS.length - 1);
  const below = Math.min(STOPS.length - 2, Math.floor(place));
  const mixed = STOPS[below]!.map((from, i) => Math.round(from + (STOPS[below + 1]![i]! - from) * (place - below)));
  return `rgb(${mixed.join(' ')})`;
}
