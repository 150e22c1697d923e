// The optimizer's operations over slabs.
import { SLAB_ALIGN } from '../../tensor/slab.ts';
import type { References } from './reference.ts';

export const optimizer: References = {
  /** norm = sqrt of the sum of squares over all inputs */
  global_norm: (inputs) => {
    let squares = 0;
    for (const g of Object.values(inputs)) for (const x of g) squares += x * x;
    return { norm: Float64Array.of(Math.sqrt(squares)) };
  },

  /** Whether a step is applied, the factor on its gradients, and Adam's bias corrections; see GateAttrs for the names. */
  gate: ({ norm, control }, { attrs: { maxNorm, beta1, beta2, latch } }) => {
    const finite = Number.isFinite(norm![0]);
    let [steps, correction1, correction2, halted] = control as Float64Array;
    if (!finite && latch) halted = 1;
    const applied = finite && halted === 0;
    if (applied) {
      steps! += 1;
      correction1 = beta1 * correction1! + (1 - beta1);
      correction2 = beta2 * correction2! + (1 - beta2);
    }
    const factor = maxNorm === null ? 1 : Math.min(1, maxNorm / (norm![0]! + 1e-6));
    return {
      control: Float64Array.of(steps!, correction1!, correction2!, halted!),
      gate: Float64Array.of(applied ? 1 : 0, factor, correction1!, correction2!),
    };
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
