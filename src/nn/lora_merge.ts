// An adapter put into the weights that it stands beside, and taken out of them again: on the host, matrix by matrix.
import type { Machine } from '../autograd/machine.ts';
import { addLowRank, type LowRankProduct, transposed } from '../tensor/low_rank.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { AdaptedLinear, Adapter } from './lora.ts';

/** What a layer's adapter adds to its weight, laid out as the weight is stored.     a (r,in)  b (out,r) */
export function productOf({ stored, lora }: AdaptedLinear, a: Float32Array, b: Float32Array): LowRankProduct {
  const [r, fanIn] = lora.a.shape as [number, number];
  const fanOut = lora.b.shape[0]!;
  const { scale } = lora;
  if (stored === 'out_in') return { left: b, right: a, r, columns: fanIn, scale };
  return { left: transposed(a, fanIn), right: transposed(b, r), r, columns: fanOut, scale };
}

/** W + scale * B A in every layer of the adapter: the base then computes what the adapted model does. */
export function mergeAdapter(machine: Machine, adapter: Adapter): Promise<void> {
  return addAdapter(machine, adapter, 1);
}

/** Takes a merged adapter out again; weights are what they were, but for the roundings of both sums. */
export function unmergeAdapter(machine: Machine, adapter: Adapter): Promise<void> {
  return addAdapter(machine, adapter, -1);
}

async function addAdapter(machine: Machine, { layers }: Adapter, sign: 1 | -1): Promise<void> {
  const read = async (tensor: Tensor) => (await machine.read(tensor)) as Float32Array;
  for (const layer of layers.values()) {
    const product = productOf(layer, await read(layer.lora.a), await read(layer.lora.b));
    const weight = (await read(layer.weight)).slice();
    addLowRank(weight, 0, { ...product, scale: sign * product.scale });
    machine.write(layer.weight, weight);
  }
}
