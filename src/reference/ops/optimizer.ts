// The optimizer's operations over slabs.
import { LOSS_SCALE_GROWS_AFTER, MOST_LOSS_SCALE, SPIKE } from '../../ops/gate.ts';
import { SLAB_ALIGN } from '../../tensor/slab.ts';
import type { Numbers } from '../store.ts';
import { lossScore } from './loss_score.ts';
import type { References } from './reference.ts';

/** Half after an overflow, but not below 1; twice after enough steps in a row without one. */
function nextLossScale(lossScale: Numbers | undefined, overflow: boolean): Numbers | undefined {
  if (!lossScale) return undefined;
  const [scale, sound] = [lossScale[0]!, lossScale[1]! + 1];
  if (overflow) return Float64Array.of(Math.max(1, scale / 2), 0);
  return sound < LOSS_SCALE_GROWS_AFTER
    ? Float64Array.of(scale, sound)
    : Float64Array.of(Math.min(2 * scale, MOST_LOSS_SCALE), 0);
}

export const optimizer: References = {
  /** norm = sqrt of the sum of squares over all inputs */
  global_norm: (inputs) => {
    let squares = 0;
    for (const g of Object.values(inputs)) for (const x of g) squares += x * x;
    return { norm: Float64Array.of(Math.sqrt(squares)) };
  },

  /** Whether a step is applied, the factor on its gradients, Adam's bias corrections, and how the step looked; see GateInputs. */
  gate: ({ norm, control, totals, loss, lossScale }, { attrs: { maxNorm, beta1, beta2, latch, skipSpikes } }) => {
    const targets = totals?.[1] || 1;
    const scale = lossScale?.[0] ?? 1;
    const size = norm![0]! / scale / targets;
    const meanLoss = totals ? totals[0]! / targets : (loss?.[0] ?? 0);
    let [steps, correction1, correction2, halted] = control as Float64Array;
    const past = control!.subarray(4);
    const finite = Number.isFinite(size) && Number.isFinite(meanLoss);
    const overflow = halted === 0 && scale > 1 && Number.isFinite(meanLoss) && !Number.isFinite(size);
    const moved = halted === 0 && (finite || overflow) ? nextLossScale(lossScale, overflow) : lossScale;
    if (!finite && !overflow && latch) halted = 1;
    const sound = finite && halted === 0;
    const scored = (totals || loss) && sound ? lossScore(past, meanLoss) : { z: 0, past };
    const skipped = skipSpikes === true && scored.z > SPIKE;
    const applied = sound && !skipped;
    if (applied) {
      steps! += 1;
      correction1 = beta1 * correction1! + (1 - beta1);
      correction2 = beta2 * correction2! + (1 - beta2);
    }
    const factor = (maxNorm === null ? 1 : Math.min(1, maxNorm / (size + 1e-6))) / targets / scale;
    return {
      control: Float64Array.of(steps!, correction1!, correction2!, halted!, ...Array.from(scored.past)),
      gate: Float64Array.of(applied ? 1 : 0, factor, correction1!, correction2!),
      seen: Float64Array.of(size, meanLoss, scored.z, overflow ? 2 : skipped ? 1 : 0, ...(lossScale ? [scale] : [])),
      ...(moved && { lossScale: Float64Array.from(moved) }),
    };
  },

  /** totals += (loss kept, kept) */
  tally: ({ loss, kept, totals }) => ({
    totals: Float64Array.of(totals![0]! + loss![0]! * kept![0]!, totals![1]! + kept![0]!),
  }),

  /** y = 0 */
  zero: ({ y }) => ({ y: new Float64Array(y!.length) }),

  /** average += max(1 - decay, 9 / (10 + t)) (p - average) */
  ema: ({ p, average, gate, control }, { attrs: { decay } }) => {
    const share = gate![0] === 0 ? 0 : Math.max(1 - decay, 9 / (10 + control![0]!));
    return { average: Float64Array.from(average!, (a, i) => a + share * (p![i]! - a)) };
  },

  /** AdamW, algorithm 2 of Loshchilov and Hutter 2019 (arXiv:1711.05101), or Adam with the decay as part of the gradient. */
  adamw: (inputs, { attrs: { beta1, beta2, eps, decoupled } }) => {
    const { g, map, groups } = inputs;
    const [p, m, v] = [inputs.p!, inputs.m!, inputs.v!].map((x) => Float64Array.from(x)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const [applied, factor, correction1, correction2] = inputs.gate as Float64Array;
    for (let i = 0; applied !== 0 && i < g!.length; i++) {
      const entry = map![Math.floor(i / SLAB_ALIGN)]!;
      const [block, group] = [entry % 2 ** 24, Math.floor(entry / 2 ** 24)];
      const at = block * SLAB_ALIGN + (i % SLAB_ALIGN);
      const weightDecay = groups![2 * group]!;
      const learningRate = inputs.learningRate![0]! * groups![2 * group + 1]!;
      const gradient = g![i]! * factor! + (decoupled ? 0 : weightDecay * p[at]!);
      if (decoupled) p[at]! *= 1 - learningRate * weightDecay;
      m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
      v[i] = beta2 * v[i]! + (1 - beta2) * gradient * gradient;
      p[at]! -= (learningRate * (m[i]! / correction1!)) / (Math.sqrt(v[i]! / correction2!) + eps);
    }
    return { p, m, v };
  },
};
