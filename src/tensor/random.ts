// Counter-based random numbers: value number i of stream s is a pure function of (seed, s, i), so that a run continues
// anywhere from three integers, and every home draws the same numbers.

/** 32-bit finaliser of MurmurHash3 (Appleby 2011, public domain): every input bit flips about half of the output bits. */
function mix32(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit number from seed, stream and counter. */
export function randomBits(seed: number, stream: number, counter: number): number {
  return mix32(mix32(mix32(seed ^ 0x9e3779b9) ^ stream) + Math.imul(counter, 0x9e3779b1));
}

/** A number in [0, 1) with 32 random bits. */
export function uniform(seed: number, stream: number, counter: number): number {
  return randomBits(seed, stream, counter) / 2 ** 32;
}

/** `count` normal deviates of the given standard deviation (Box and Muller 1958, one of each pair used). */
export function normal(count: number, std: number, seed: number, stream: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const u = 1 - uniform(seed, stream, 2 * i);
    const v = uniform(seed, stream, 2 * i + 1);
    out[i] = std * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  }
  return out;
}
