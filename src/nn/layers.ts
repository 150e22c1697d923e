// The layers that models are made of: what each keeps, and what it computes. Values follow x: where it is f16, a product reads its
// weight as f16 too, cast where it is used; biases and norms stay f32.
import { InputError } from '../errors.ts';
import { add } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import { layernorm } from '../ops/layernorm.ts';
import { matmul } from '../ops/matmul.ts';
import { scale } from '../ops/scale.ts';
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
  /** What is added to W x beside it; see lora.ts. */
  lora?: LowRank | undefined;
}

/** A product of two narrow matrices beside a weight: scale * B A x. */
export interface LowRank {
  /** (r,in) */
  a: Tensor;
  /** (out,r) */
  b: Tensor;
  scale: number;
  /** Probability with which each element of its own x is dropped in training. */
  dropout: number;
}

/** x W + bias (+ residual). */
export function apply(x: Tensor, linear: Linear, places: DropoutPlaces, residual?: Tensor): Tensor {
  const { weight, bias, stored, lora } = linear;
  const y = matmul(x, cast(weight, x.dtype), { bias: bias ?? undefined, residual, transposeB: stored === 'out_in' });
  if (!lora) return y;
  const inner = matmul(places.own(x, lora.dropout), cast(lora.a, x.dtype), { transposeB: true });
  return matmul(scale(inner, lora.scale), cast(lora.b, x.dtype), { transposeB: true, add: y });
}

/** residual + (x W + bias), with dropout in front of the addition; in one kernel where nothing is dropped. */
export function applyOnto(residual: Tensor, x: Tensor, linear: Linear, places: DropoutPlaces): Tensor {
  return places.drops ? add(residual, places.apply(apply(x, linear, places))) : apply(x, linear, places, residual);
}

/** Layers by name, some of them exchanged. @throws InputError for a name that none has */
export function exchanged(
  linears: ReadonlyMap<string, Linear>,
  changed: ReadonlyMap<string, Linear>,
): ReadonlyMap<string, Linear> {
  for (const name of changed.keys())
    if (!linears.has(name))
      throw new InputError(`model: found no linear layer ${name}, expected a name of its linears. Correct the name.`);
  return new Map([...linears].map(([name, own]) => [name, changed.get(name) ?? own]));
}

/** LayerNorm over the last axis. */
export function normalise(x: Tensor, { weight, bias }: Norm, eps: number): Tensor {
  return layernorm(x, weight, bias, { eps });
}
