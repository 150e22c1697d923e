// Lengths are rounded up to a few, so that few plans are made.

/** Lengths that get a plan: multiples of 16 up to 128, then powers of two. */
export function bucket(n: number): number {
  return n <= 128 ? Math.ceil(n / 16) * 16 : 2 ** Math.ceil(Math.log2(n));
}
