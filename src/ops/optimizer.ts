// The optimizer's operations. They run over slabs: one dispatch for all parameters of a slab, however many there are.
import { alignSlab, SLAB_ALIGN } from '../tensor/slab.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectShape, expectType } from './op.ts';

/** Elements whose squares one invocation adds up. */
const PART = 256;
/** Invocations of a workgroup in the kernel `squares`, which are PART * LANES elements. */
const LANES = 64;

function partsOf(size: number): number {
  return Math.ceil(size / (PART * LANES)) * LANES;
}

export const globalNormOp = defineOp<null>({
  name: 'global_norm',
  outputs: () => ({ norm: { shape: [1] } }),
  forms: [
    {
      name: 'plain',
      scratch: ({ inputs }) => ({
        partial: { shape: [Object.values(inputs).reduce((n, g) => n + partsOf(g.size), 0)] },
      }),
      dispatches: ({ inputs, outputs }, { partial }) => {
        let start = 0;
        const squares = Object.values(inputs).map((x) => {
          const at = start;
          start += partsOf(x.size);
          return {
            kernel: 'squares',
            sizes: { N: x.size, start: at },
            threads: [x.size] as const,
            bind: { x, partial: partial! },
          };
        });
        return [
          ...squares,
          { kernel: 'root_of_sum', sizes: { N: start }, threads: [1], bind: { x: partial!, y: outputs.norm! } },
        ];
      },
    },
  ],
  backward: 'not differentiable',
});

/** sqrt of the sum of squares over all elements of all tensors. Shape (1). */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  return currentTape().push(globalNormOp, Object.fromEntries(tensors.map((t, i) => [`g${i}`, t])), null).norm!;
}

export interface AdamWAttrs {
  beta1: number;
  beta2: number;
  eps: number;
  /** True: AdamW, p shrinks by learningRate * weightDecay. False: Adam with L2, the decay joins the gradient. */
  decoupled: boolean;
}

export const adamwOp = defineOp<AdamWAttrs>({
  name: 'adamw',
  outputs: ({ p, g, m, v, map }) => {
    expectType('adamw', 'p', p!, 'f32');
    expectShape('adamw', 'm', m!, g!.shape);
    expectShape('adamw', 'v', v!, g!.shape);
    expectShape('adamw', 'map', map!, [alignSlab(g!.size) / SLAB_ALIGN]);
    return {};
  },
  writes: ['p', 'm', 'v'],
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { g }, attrs: { beta1, beta2, eps, decoupled } }) => [
        {
          kernel: 'adamw',
          sizes: {
            N: g!.size / 4,
            beta1,
            beta2,
            one_minus_beta1: 1 - beta1,
            one_minus_beta2: 1 - beta2,
            eps,
            DECOUPLED: decoupled ? 1 : 0,
          },
          threads: [g!.size / 4],
        },
      ],
    },
  ],
  backward: 'not differentiable',
});

/** What adamw() works on. g, m and v have one layout; p may have another, which `map` translates. */
export interface AdamWInputs {
  /** Slab of parameters. */
  p: Tensor;
  /** Slabs of gradients and of their first and second moments. */
  g: Tensor;
  m: Tensor;
  v: Tensor;
  /** For each 64 elements of g: the same block's number in p, and 2^24 times the number of its group. u32. */
  map: Tensor;
  /** For each group: weight decay, factor on the learning rate. */
  groups: Tensor;
  gate: Tensor;
  learningRate: Tensor;
}

/**
 * m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  p = p (1 - lr wd) - lr (m / c1) / (sqrt(v / c2) + eps)
 * Source: Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2; Kingma and Ba 2015 (arXiv:1412.6980).
 */
export function adamw(inputs: AdamWInputs, attrs: AdamWAttrs): void {
  currentTape().push(adamwOp, { ...inputs }, attrs);
}
