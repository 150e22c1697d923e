// The layers that models are made of: what each keeps, and what it computes.
import { layernorm } from '../ops/layernorm.ts';
import { matmul } from '../ops/matmul.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface Norm {
  weight: Tensor;
  bias: Tensor | null;
}

/** Conv1D: weight (in, out). */
export interface Linear {
  weight: Tensor;
  bias: Tensor | null;
}

/** x W + bias. */
export function apply(x: Tensor, { weight, bias }: Linear): Tensor {
  return matmul(x, weight, { bias: bias ?? undefined });
}

/** LayerNorm over the last axis. */
export function normalise(x: Tensor, { weight, bias }: Norm, eps: number): Tensor {
  return layernorm(x, weight, bias, { eps });
}
