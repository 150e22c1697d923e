// Colours of what has a sign: orange below zero, grey at zero, blue above, each the stronger the larger. Pure.

type Rgb = readonly [red: number, green: number, blue: number];

const LIGHT: readonly Rgb[] = [
  [213, 94, 0],
  [226, 226, 223],
  [0, 114, 178],
];
const DARK: readonly Rgb[] = [
  [230, 159, 0],
  [50, 54, 60],
  [86, 180, 233],
];
/** What is not finite. */
const MAGENTA: Rgb = [204, 0, 204];

/** @param value -1 to 1; what lies outside takes the colour of the end @param dark on a dark page */
export function signed(value: number, dark: boolean): Rgb {
  if (!Number.isFinite(value)) return MAGENTA;
  const [below, zero, above] = (dark ? DARK : LIGHT) as [Rgb, Rgb, Rgb];
  const end = value < 0 ? below : above;
  const share = Math.min(1, Math.abs(value));
  return zero.map((from, i) => Math.round(from + share * (end[i]! - from))) as unknown as Rgb;
}

export function css(colour: Rgb): string {
  return `rgb(${colour.join(' ')})`;
}

/** Black or white, whichever is read better on it: at least 4.5 to 1 on every colour. */
export function inkOn(colour: Rgb): string {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000' : '#fff';
}
