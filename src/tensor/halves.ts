// Half-precision numbers as checkpoints and devices store them: IEEE binary16 (F16) and bfloat16 (BF16), to and from float32.
// Everything works on bit patterns, so that every half survives a round trip exactly, NaN payloads included.

/**
 * float32 bits of a binary16 pattern. Exact: every half is a float32.
 * Source: IEEE 754-2008, 3.6 (5 bits of exponent with bias 15, 10 of fraction).
 */
export function f16ToF32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  // A subnormal is fraction * 2^-24; as a float32 it is normal: shift the leading one out of the fraction.
  const shift = Math.clz32(fraction) - 21;
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13)) >>> 0;
}

/** binary16 pattern nearest to a float32, ties to even; beyond 65,520 infinity; NaN stays NaN. */
export function f32BitsToF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >> 13) & 1023 || 0x200);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const shifted = magnitude - 0x38000000;
    return sign | ((shifted + 0xfff + ((shifted >> 13) & 1)) >> 13);
  }
  const exponent = magnitude >> 23;
  if (exponent < 102) return sign;
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const half = significand >> shift;
  const rest = significand & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return sign | (half + (rest > tie || (rest === tie && half & 1) ? 1 : 0));
}

/** bfloat16 pattern nearest to a float32, ties to even; NaN stays NaN. A bfloat16 is the upper half of a float32. */
export function f32BitsToBf16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | ((bits >>> 16) & 0x7f ? 0 : 0x40);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** float32 values of halves. Exact. */
export function halvesToFloat32(halves: Uint16Array, dtype: 'F16' | 'BF16'): Float32Array {
  const bits = new Uint32Array(halves.length);
  if (dtype === 'BF16') for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  else for (let i = 0; i < bits.length; i++) bits[i] = f16ToF32Bits(halves[i]!);
  return new Float32Array(bits.buffer);
}

/** Halves nearest to float32 values, ties to even. F16 turns magnitudes of 65,520 and more into infinity. */
export function float32ToHalves(values: Float32Array, dtype: 'F16' | 'BF16'): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  const convert = dtype === 'F16' ? f32BitsToF16 : f32BitsToBf16;
  for (let i = 0; i < halves.length; i++) halves[i] = convert(bits[i]!);
  return halves;
}

/** The largest binary16. */
const LARGEST_HALF = 65504;

const [number, words] = (() => {
  const buffer = new Float64Array(1);
  return [buffer, new Uint32Array(buffer.buffer)] as const;
})();

/**
 * The binary16 number nearest to a float64, ties to even, at once: by way of float32 some numbers would be rounded twice. Beyond
 * 65,520 infinity; NaN stays NaN.
 */
export function roundToHalf(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude < LARGEST_HALF + 16)) return Number.isNaN(x) ? x : x < 0 ? -Infinity : Infinity;
  number[0] = magnitude;
  const exponent = Math.max((words[1]! >>> 20) - 1023, -14);
  // Adding this leaves room for ten bits behind the leading one: float64's own rounding is the one wanted.
  words[0] = 0;
  words[1] = (exponent + 42 + 1023) << 20;
  const rounded = magnitude + number[0]! - number[0]!;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}

/** roundToHalf of each. */
export function roundedToHalf(values: Float64Array): Float64Array {
  return values.map(roundToHalf);
}
