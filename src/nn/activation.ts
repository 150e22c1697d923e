// The functions between the two products of an MLP, by Hugging Face's names.
import { gelu, relu, silu } from '../ops/activations.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Activation } from './gpt2_config.ts';

export const ACTIVATIONS: Record<Activation, (x: Tensor) => Tensor> = {
  gelu_new: (x) => gelu(x, 'tanh'),
  gelu: (x) => gelu(x, 'erf'),
  relu,
  silu,
};
