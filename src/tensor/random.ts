// Counter-based random numbers: value number i of stream s is a pure function of (seed, s, i), so that a run continues
// anywhere from three integers, and every home draws the same numbers.

/** 2^32 divided by the golden ratio, odd: multiples of it spread evenly. */
const GOLDEN = 0x9e3779b1;

/** 32-bit finaliser of MurmurHash3 (Appleby 2011, public domain): every input bit flips about half of the output bits. */
function mix32(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit number from seed, stream and counter. */
export function randomBits(seed: number, stream: number, counter: number): number {
  return mix32(mix32(mix32(seed ^ 0x9e3779b9) ^ stream) + Math.imul(counter, GOLDEN));
}

/** What the numbers of one step of one stream start from. */
export type StepKey = readonly [number, number];

/** A stream that belongs to a place in a model, such as a mask. */
export function siteStream(seed: number, site: number): number {
  return mix32(mix32(seed ^ 0x9e3779b9) ^ site);
}

/** The key of a stream's numbers at a step. In shaders: `step_key` of lib/random.wgsl. */
export function stepKey(stream: number, step: number): StepKey {
  return [mix32(stream + Math.imul(step, GOLDEN)), mix32(stream ^ mix32(step + GOLDEN))];
}

/**
 * 32 random bits for an element of a step. In shaders: `random_bits` of lib/random.wgsl, the same bits.
 * The finaliser over a Weyl sequence (as SplitMix does it: Steele, Lea and Flood 2014) with the second half of the key in its
 * middle: without that all streams would be one sequence, read from different places.
 */
export function elementBits([first, second]: StepKey, element: number): number {
  let h = (Math.imul(element, GOLDEN) + first) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ second, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number in [0, 1) with 32 random bits. */
export function uniform(seed: number, stream: number, counter: number): number {
  return randomBits(seed, stream, counter) / 2 ** 32;
}

/**
 * `count` normal deviates of the given standard deviation, of a stream's those from number `start` on (Box and Muller 1958, one
 * of each pair used).
 */
export function normal(count: number, std: number, seed: number, stream: number, start = 0): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const at = 2 * (start + i);
    const u = 1 - uniform(seed, stream, at);
    const v = uniform(seed, stream, at + 1);
    out[i] = std * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  }
  return out;
}
