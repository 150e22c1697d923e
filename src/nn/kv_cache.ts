// The cache of keys and values: state of fixed capacity, for each layer of a model.
import { type Precision, Tensor } from '../tensor/tensor.ts';
import type { LayerCache } from './attend.ts';
import type { LanguageModel } from './model.ts';

/**
 * Room for the keys and values of `rows` texts of up to `capacity` tokens each. Zeros at first: what lies behind a text's own
 * tokens is never seen.
 */
export function layerCaches(
  model: Pick<LanguageModel, 'keyWidths'>,
  rows: number,
  capacity: number,
  dtype: Precision,
): LayerCache[] {
  return model.keyWidths.map((width, i) => {
    const state = (name: string) =>
      new Tensor({ kind: 'state', name: `cache.${i}.${name}`, shape: [rows, capacity, width], dtype });
    return { keys: state('keys'), values: state('values') };
  });
}
