// Lengths are rounded up to a few, so that few plans are made.

/** Lengths that get a plan: multiples of 16 up to 128, then powers of two. */
export function bucket(n: number): number {
  return n <= 128 ? Math.ceil(n / 16) * 16 : 2 ** Math.ceil(Math.log2(n));
}

/**
 * Widths of pairs, which are short, and whose padding is computed in every layer: multiples of 4, four an octave, so that about a ninth
 * is padded; two an octave above 128, since a device keeps few plans.
 */
export function pairWidth(n: number): number {
  const octave = 2 ** Math.ceil(Math.log2(n));
  const step = Math.max(4, octave / (n <= 128 ? 8 : 4));
  return Math.ceil(n / step) * step;
}

/** Widths of both sides, of which the narrower is a half, a quarter, ... of the wider where it is that short: few pairs of widths. */
export function pairWidths(source: number, target: number): [source: number, target: number] {
  const widest = pairWidth(Math.max(source, target));
  const width = (length: number) => {
    let own = widest;
    for (let half = own / 2; half >= Math.max(4, length); half /= 2) own = Math.ceil(half / 4) * 4;
    return own;
  };
  return [width(source), width(target)];
}
