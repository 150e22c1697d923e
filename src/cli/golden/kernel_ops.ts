// How each kind of kernel case is written with this project's operations. An op that is missing here is skipped by name.

import { flag } from '../../checkpoint/fields.ts';
import { gelu, relu, silu } from '../../ops/activations.ts';
import { attention } from '../../ops/attention.ts';
import { crossEntropy } from '../../ops/cross_entropy.ts';
import { embedding } from '../../ops/embedding.ts';
import { expand } from '../../ops/expand.ts';
import { layernorm } from '../../ops/layernorm.ts';
import { matmul } from '../../ops/matmul.ts';
import { reshape } from '../../ops/reshape.ts';
import { rmsnorm } from '../../ops/rmsnorm.ts';
import { rope } from '../../ops/rope.ts';
import { softmax } from '../../ops/softmax.ts';
import { swiglu } from '../../ops/swiglu.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Fields, number } from './fields.ts';
import type { GoldenTensor } from './folder.ts';

/** Tensors of a case by their golden names; an optional one is missing. */
type Named = Readonly<Record<string, Tensor>>;

export interface DifferentiableOp {
  /** Why this case cannot be run, or null. */
  refuses?(attrs: Fields): string | null;
  /** Outputs by their golden names. */
  forward(inputs: Named, attrs: Fields): Record<string, Tensor>;
  /** Elements of the outputs that the reference leaves open. */
  open?(given: ReadonlyMap<string, GoldenTensor>, attrs: Fields): (index: number) => boolean;
}

/** The attributes' place in messages. */
const at = 'attrs';

const activation = (f: (x: Tensor) => Tensor): DifferentiableOp => ({ forward: ({ x }) => ({ y: f(x!) }) });

export const differentiable: ReadonlyMap<string, DifferentiableOp> = new Map<string, DifferentiableOp>([
  [
    'matmul',
    {
      forward: ({ a, b, bias }, attrs) => {
        const [transposeA, transposeB] = [flag(attrs, 'transpose_a', at), flag(attrs, 'transpose_b', at)];
        // A stored transpose has its rows inside each batch entry, so a shared b is repeated for it.
        const repeat = transposeA && b!.shape.length === 2 && a!.shape.length > 2;
        const right = repeat ? repeated(b!, a!.shape.slice(0, -2)) : b!;
        return { y: matmul(a!, right, { transposeA, transposeB, bias }) };
      },
    },
  ],
  [
    'layernorm',
    {
      forward: ({ x, weight, bias }, attrs) => ({
        y: layernorm(x!, weight!, bias ?? null, { eps: number(attrs, 'eps', at) }),
      }),
    },
  ],
  ['rmsnorm', { forward: ({ x, weight }, attrs) => ({ y: rmsnorm(x!, weight!, { eps: number(attrs, 'eps', at) }) }) }],
  ['rope', { forward: ({ x, cos, sin }) => ({ y: rope(x!, { cosines: cos!, sines: sin! }) }) }],
  ['swiglu', { forward: ({ gate, up }) => ({ y: swiglu(gate!, up!) }) }],
  ['softmax', activation(softmax)],
  ['gelu_tanh', activation((x) => gelu(x, 'tanh'))],
  ['gelu_erf', activation((x) => gelu(x, 'erf'))],
  ['silu', activation(silu)],
  ['relu', activation(relu)],
  [
    'attention',
    {
      forward: ({ q, k, v, key_mask }, attrs) => ({
        y: attention(q!, k!, v!, {
          causal: flag(attrs, 'causal', at),
          qOffset: number(attrs, 'q_offset', at),
          scale: number(attrs, 'scale', at),
          keyMask: key_mask,
        }),
      }),
      open: blindQueries,
    },
  ],
  ['embedding', { forward: ({ weight, ids }) => ({ y: embedding(weight!, ids!) }) }],
  [
    'cross_entropy',
    {
      refuses: (attrs) =>
        attrs.get('reduction') === 'mean' ? null : `reduction ${attrs.get('reduction')} is not here yet`,
      forward: ({ logits, targets }, attrs) => {
        const ignoreIndex = number(attrs, 'ignore_index', at);
        const labelSmoothing = number(attrs, 'label_smoothing', at);
        const { loss, tokenLoss } = crossEntropy(logits!, targets!, { ignoreIndex, labelSmoothing });
        return { loss, token_loss: tokenLoss };
      },
    },
  ],
]);

function repeated(b: Tensor, lead: readonly number[]): Tensor {
  const ones = lead.map(() => 1);
  return expand(reshape(b, [...ones, ...b.shape]), [...lead, ...b.shape]);
}

/** Rows of y whose query may see no key: y is not defined there (and the upstream gradient is 0). */
function blindQueries(given: ReadonlyMap<string, GoldenTensor>, attrs: Fields): (index: number) => boolean {
  const [, H, Tq] = given.get('q')!.shape as [number, number, number, number];
  const Tk = given.get('k')!.shape[2]!;
  const D = given.get('v')!.shape[3]!;
  const mask = given.get('key_mask');
  const causal = flag(attrs, 'causal', at);
  const offset = number(attrs, 'q_offset', at);
  return (index) => {
    const query = Math.floor(index / D) % Tq;
    const batch = Math.floor(index / (D * Tq * H));
    for (let key = 0; key < Tk; key++) {
      const visible = (!causal || key <= query + offset) && (!mask || Number(mask.data[batch * Tk + key]) !== 0);
      if (visible) return false;
    }
    return true;
  };
}
