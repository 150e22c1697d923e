// The layers that models are made of: what each keeps, and what it computes. Values follow x: where it is f16, a product reads its
// weight as f16 too, cast where it is used; biases and norms stay f32.
import { add } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import { layernorm } from '../ops/layernorm.ts';
import { matmul } from '../ops/matmul.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { DropoutPlaces } from './dropout.ts';

export interface Norm {
  weight: Tensor;
  bias: Tensor | null;
}

export interface Linear {
  weight: Tensor;
  bias: Tensor | null;
  /** Axes of the weight: (in, out), as GPT-2's Conv1D has them, when absent. */
  stored?: 'in_out' | 'out_in';
}

/** x W + bias. */
export function apply(x: Tensor, { weight, bias, stored }: Linear): Tensor {
  return matmul(x, cast(weight, x.dtype), { bias: bias ?? undefined, transposeB: stored === 'out_in' });
}

/** residual + (x W + bias), with dropout in front of the addition; in one kernel where nothing is dropped. */
export function applyOnto(residual: Tensor, x: Tensor, linear: Linear, places: DropoutPlaces): Tensor {
  if (places.drops) return add(residual, places.apply(apply(x, linear)));
  const { weight, bias, stored } = linear;
  return matmul(x, cast(weight, x.dtype), { bias: bias ?? undefined, residual, transposeB: stored === 'out_in' });
}

/** LayerNorm over the last axis. */
export function normalise(x: Tensor, { weight, bias }: Norm, eps: number): Tensor {
  return layernorm(x, weight, bias, { eps });
}
