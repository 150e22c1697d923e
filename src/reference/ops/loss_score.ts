// How far a loss stands above those before it.
import { LEAST_DEVIATION, LEAST_SHARE, MEAN_STEP, SCORE_AFTER, SPIKE, VARIANCE_STEP } from '../../ops/gate.ts';

/**
 * Deviations of a loss above those before it, and the statistics [mean, variance, count, last] with it in them:
 *
 *     deviation = max(sqrt(variance), 0.05 |mean|, 0.01)
 *     scored    = count >= 30
 *     z         = scored ? (loss - mean) / deviation : 0
 *     x         = scored ? min(loss, mean + 6 deviation) : loss         an outlier counts as one that is just none
 *     a         = max(0.1, 1 / (count + 1))                             plain averages first: nothing need be unbiased
 *     b         = max(0.02, 1 / (count + 1))
 *     d         = x - mean
 *     e e       = z > 6 ? d d : (x - last)^2 / 2                        the noise between neighbours, whatever the trend
 *     mean     += a d
 *     variance += b (e e - variance)
 *     count    += 1;   last = x
 *
 * A loss that is not finite is not scored (0) and changes nothing: the step's own check stops it.
 * An outlier widens the variance, so a loss that stays high is no spike any more after some steps.
 * Source: von Neumann et al. 1941 for the variance from successive differences, which a falling loss does not widen; Finch 2009, "Incremental calculation of weighted mean and variance", section 9, for the updates by differences.
 */
export function lossScore(past: ArrayLike<number>, loss: number): { z: number; past: ArrayLike<number> } {
  if (!Number.isFinite(loss)) return { z: 0, past };
  const [mean, variance, count, last] = [past[0]!, past[1]!, past[2]!, past[3]!];
  const deviation = Math.max(Math.sqrt(variance), LEAST_SHARE * Math.abs(mean), LEAST_DEVIATION);
  const scored = count >= SCORE_AFTER;
  const z = scored ? (loss - mean) / deviation : 0;
  const x = scored ? Math.min(loss, mean + SPIKE * deviation) : loss;
  const a = Math.max(MEAN_STEP, 1 / (count + 1));
  const b = Math.max(VARIANCE_STEP, 1 / (count + 1));
  const d = x - mean;
  const noise = z > SPIKE ? d * d : count > 0 ? (x - last) ** 2 / 2 : 0;
  return { z, past: [mean + a * d, variance + b * (noise - variance), count + 1, x] };
}
