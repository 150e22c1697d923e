// How far a result is from its reference, in units of the tolerance: 1 is the limit.
import type { TensorArray } from '../../checkpoint/safetensors.ts';
import type { Tolerance } from './folder.ts';

export interface Verdict {
  /** Largest |x - ref| / (atol + rtol * |ref|). NaN if any element is not comparable. */
  worst: number;
  /** Where that is, and what stands there. */
  detail: string;
}

export type Result = Float64Array | Float32Array | Int32Array | Uint32Array;

export function passes({ worst }: Verdict): boolean {
  return worst <= 1;
}

/** @param ignore elements that the reference does not define */
export function compare(
  name: string,
  got: Result,
  expected: TensorArray,
  { atol, rtol }: Tolerance,
  ignore: (index: number) => boolean = () => false,
): Verdict {
  if (got.length !== expected.length) {
    return { worst: Number.NaN, detail: `${name}: got ${got.length} numbers, expected ${expected.length}` };
  }
  let worst = 0;
  let at = 0;
  for (let i = 0; i < got.length; i++) {
    if (ignore(i)) continue;
    const reference = Number(expected[i]);
    const difference = Math.abs(got[i]! - reference);
    const error = difference === 0 ? 0 : difference / (atol + rtol * Math.abs(reference));
    if (error <= worst) continue;
    worst = error;
    at = i;
    if (Number.isNaN(error)) break;
  }
  return { worst, detail: `${name}[${at}]: got ${got[at]}, expected ${Number(expected[at])}` };
}

/** The worse of two; a NaN is the worst there is. */
export function worse(a: Verdict, b: Verdict): Verdict {
  return Number.isNaN(a.worst) || a.worst >= b.worst ? a : b;
}

export function worstOf(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce(worse);
}
