// Muon on one matrix, and dividing by a norm.
import type { References } from './reference.ts';

export const muon: References = {
  /** y = x / (norm + eps) */
  normalize: ({ x, norm }, { attrs: { eps } }) => ({ y: Float64Array.from(x!, (value) => value / (norm![0]! + eps)) }),

  /** m = mu m + (1 - mu) g; u = mu m + (1 - mu) g, or m. */
  muon_momentum: ({ g, m: before, gate }, { attrs: { momentum, nesterov } }) => {
    const gradient = Float64Array.from(g!, (value) => value * gate![1]!);
    const m = Float64Array.from(before!, (value, i) => momentum * value + (1 - momentum) * gradient[i]!);
    const u = nesterov ? m.map((value, i) => momentum * value + (1 - momentum) * gradient[i]!) : m;
    return { u, m: gate![0] === 0 ? Float64Array.from(before!) : m };
  },

  /** p = p (1 - lr wd) - lr factor direction */
  muon_update: ({ p, direction, gate, learningRate }, { attrs: { weightDecay, factor } }) => {
    const rate = learningRate![0]!;
    const moved = (x: number, i: number) => x * (1 - rate * weightDecay) - rate * factor * direction![i]!;
    return { p: Float64Array.from(p!, gate![0] === 0 ? (x) => x : moved) };
  },
};
