// The layers that models are made of: what each keeps, and what it computes.
import { add } from '../ops/add.ts';
import { layernorm } from '../ops/layernorm.ts';
import { matmul } from '../ops/matmul.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { DropoutPlaces } from './dropout.ts';

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

/** residual + (x W + bias), with dropout in front of the addition; in one kernel where nothing is dropped. */
export function applyOnto(residual: Tensor, x: Tensor, linear: Linear, places: DropoutPlaces): Tensor {
  if (places.drops) return add(residual, places.apply(apply(x, linear)));
  return matmul(x, linear.weight, { bias: linear.bias ?? undefined, residual });
}

/** LayerNorm over the last axis. */
export function normalise(x: Tensor, { weight, bias }: Norm, eps: number): Tensor {
  return layernorm(x, weight, bias, { eps });
}
