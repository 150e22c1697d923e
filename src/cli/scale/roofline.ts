// How long a plan should take, by its dispatches: each is bound by its arithmetic or by the bytes it moves, whichever takes longer,
// and costs something to start. Source: Williams, Waterman and Patterson 2009, "Roofline".
import { boundBytes } from '../../runtime/profile.ts';
import type { Plan, PlannedDispatch } from '../../schedule/plan.ts';

/** What an adapter sustains. */
export interface Rates {
  /** Floating-point operations a second, in products of matrices and attention. */
  flopPerSecond: number;
  bytesPerSecond: number;
  /** To start a dispatch. */
  secondsPerDispatch: number;
  /**
   * Where kernels were measured, their own rate: of products by operations, of the others by bytes. A product whose kernel was not
   * measured has the rate of its family.
   */
  kernels?: ReadonlyMap<string, { flopPerSecond: number } | { bytesPerSecond: number }>;
}

/** `attention_dq` belongs to `attention*`. */
export function familyOf(kernel: string): string {
  return `${kernel.split('_')[0]}*`;
}

/** Sums over a step. */
export interface StepTime {
  seconds: number;
  flops: number;
  bytes: number;
  dispatches: number;
  /** Share of the time in dispatches that are bound by their arithmetic. */
  boundByFlops: number;
}

/** Seconds of one dispatch, and whether its arithmetic takes longer than its bytes. */
export function dispatchTime(dispatch: PlannedDispatch, rates: Rates): { seconds: number; byFlops: boolean } {
  const flops = dispatch.flops ?? 0;
  const own =
    rates.kernels?.get(dispatch.kernel) ?? (flops ? rates.kernels?.get(familyOf(dispatch.kernel)) : undefined);
  if (own && 'flopPerSecond' in own)
    return { seconds: flops / own.flopPerSecond + rates.secondsPerDispatch, byFlops: true };
  const arithmetic = flops / rates.flopPerSecond;
  const traffic = boundBytes(dispatch) / (own?.bytesPerSecond ?? rates.bytesPerSecond);
  return { seconds: Math.max(arithmetic, traffic) + rates.secondsPerDispatch, byFlops: arithmetic > traffic };
}

/** A step whose last plan runs once, and each before it once for every batch. */
export function stepTime(step: readonly Plan[], accumulate: number, rates: Rates): StepTime {
  const total = { seconds: 0, flops: 0, bytes: 0, dispatches: 0 };
  let byFlops = 0;
  step.forEach((plan, i) => {
    const times = i < step.length - 1 ? accumulate : 1;
    for (const dispatch of plan.dispatches) {
      const found = dispatchTime(dispatch, rates);
      total.seconds += times * found.seconds;
      total.flops += times * (dispatch.flops ?? 0);
      total.bytes += times * boundBytes(dispatch);
      total.dispatches += times;
      if (found.byFlops) byFlops += times * found.seconds;
    }
  });
  return { ...total, boundByFlops: total.seconds > 0 ? byFlops / total.seconds : 0 };
}
