// Muon's own operations, both on one matrix: its momentum, and its step along an orthogonalized direction.
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectShape } from './op.ts';

export interface MuonMomentumAttrs {
  momentum: number;
  /** True: the direction looks one step ahead. */
  nesterov: boolean;
}

export const muonMomentumOp = defineOp<MuonMomentumAttrs>({
  name: 'muon_momentum',
  outputs: ({ g, m, gate }) => {
    expectShape('muon_momentum', 'm', m!, g!.shape);
    expectShape('muon_momentum', 'gate', gate!, [4]);
    return { u: { shape: g!.shape } };
  },
  writes: ['m'],
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { g }, attrs: { momentum, nesterov } }) => [
        {
          kernel: 'muon_momentum',
          sizes: { N: g!.size, mu: momentum, one_minus_mu: 1 - momentum, NESTEROV: nesterov ? 1 : 0 },
          threads: [g!.size],
        },
      ],
    },
  ],
  backward: 'not differentiable',
});

/**
 * m = momentum m + (1 - momentum) g     u = nesterov ? momentum m + (1 - momentum) g : m
 * g, m of one shape, gate (4) as gate() gives it: g is scaled by its factor, and m stays where no step is applied.
 * Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
 * @returns u, the direction before it is orthogonalized
 */
export function muonMomentum(inputs: { g: Tensor; m: Tensor; gate: Tensor }, attrs: MuonMomentumAttrs): Tensor {
  return currentTape().push(muonMomentumOp, inputs, attrs).u!;
}

export interface MuonUpdateAttrs {
  weightDecay: number;
  /** On the learning rate, for the direction alone. */
  factor: number;
}

export const muonUpdateOp = defineOp<MuonUpdateAttrs>({
  name: 'muon_update',
  outputs: ({ p, direction, gate, learningRate }) => {
    expectShape('muon_update', 'direction', direction!, p!.shape);
    expectShape('muon_update', 'gate', gate!, [4]);
    expectShape('muon_update', 'learningRate', learningRate!, [1]);
    return {};
  },
  writes: ['p'],
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { p }, attrs: { weightDecay, factor } }) => [
        { kernel: 'muon_update', sizes: { N: p!.size, weight_decay: weightDecay, factor }, threads: [p!.size] },
      ],
    },
  ],
  backward: 'not differentiable',
});

/** p = p (1 - learningRate weightDecay) - learningRate factor direction, unless the gate (4) is shut. */
export function muonUpdate(
  inputs: { p: Tensor; direction: Tensor; gate: Tensor; learningRate: Tensor },
  attrs: MuonUpdateAttrs,
): void {
  currentTape().push(muonUpdateOp, inputs, attrs);
}
