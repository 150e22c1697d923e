// The weights of a model with an adapter merged into them, as whoever reads them part by part sees them.
import { addLowRank, type LowRankProduct } from '../tensor/low_rank.ts';
import type { Weights } from './weights.ts';

/** @param products what is added to a weight, by its name */
export function mergedWeights(weights: Weights, products: ReadonlyMap<string, LowRankProduct>): Weights {
  return {
    ...weights,
    async read(name, from, to) {
      const data = await weights.read(name, from, to);
      const product = products.get(name);
      if (product) addLowRank(data, from, product);
      return data;
    },
  };
}
