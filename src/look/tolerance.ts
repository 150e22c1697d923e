// How far a kernel may be from the twin. A float32 operation rounds to a part in 2^24; in a sum of n terms of either sign the roundings
// come to about sqrt(n) of them, and to more than four times that hardly ever (Higham and Mary 2019, doi:10.1137/18M1226312, lambda = 4).
// WGSL lets exp, log, tanh and divisions err by some units in the last place more: 16 roundings are allowed for those and for scaling.
// All is relative to the largest size in the twin's result.
import type { Node } from '../autograd/graph.ts';
import type { Tensor } from '../tensor/tensor.ts';

const ROUNDING = 2 ** -24;
/** From a number that f16 can store to the next is a part in 2^10: two that are all but equal may be stored that far apart. */
const HALF_STEP = 2 ** -10;
const LAMBDA = 4;
const FUNCTIONS = 16;

export interface Tolerance {
  /** Relative to the largest size of the twin's result. */
  relative: number;
  /** Terms of the sums that make one value. */
  terms: number;
}

export function toleranceOf(node: Node, output: Tensor): Tolerance {
  const terms = termsOf(node);
  const relative = (LAMBDA * Math.sqrt(terms) + FUNCTIONS) * ROUNDING;
  return { relative: output.dtype === 'f16' ? relative + HALF_STEP : relative, terms };
}

/** Terms of the longest sum behind one value of a node. */
function termsOf(node: Node): number {
  const { inputs, outputs, op } = node;
  const width = (tensor: Tensor | undefined) => tensor?.shape.at(-1) ?? 1;
  const rows = (tensor: Tensor | undefined) => (tensor ? tensor.size / width(tensor) : 1);
  const all = Object.values(inputs).reduce((sum, { size }) => sum + size, 0);
  const widest = Math.max(1, ...Object.values(inputs).map(width));
  switch (op.name) {
    case 'matmul': {
      const { a, b } = inputs;
      // (M,K) (K,N): the sizes say K, whichever of them is transposed.
      return Math.round(Math.sqrt((a!.size * b!.size) / outputs.y!.size));
    }
    case 'matmul_backward_weights':
    case 'layernorm_backward_params':
    case 'rmsnorm_backward_weight':
    case 'embedding_backward':
      return Math.max(...Object.values(inputs).map(rows));
    case 'sum':
    case 'global_norm':
    case 'cross_entropy':
      return all;
    case 'attention':
    case 'attention_backward': {
      // Scores over the width of a head, weights over the tokens that are looked at.
      const tokens = Math.max(...Object.values(inputs).map(({ shape }) => shape.at(-2) ?? 1));
      return widest + tokens;
    }
    default:
      return widest;
  }
}
