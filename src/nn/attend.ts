// The one attention site of every model: over the tokens of this pass, or over a cache of those that came before.
import { type AttentionOptions, attention, attentionPacked } from '../ops/attention.ts';
import { cacheWrite, cacheWritePacked } from '../ops/cache_write.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Keys and values of one layer: state (B,capacity,KV*D), stored as what the model computes in. */
export interface LayerCache {
  keys: Tensor;
  values: Tensor;
}

export interface KeyValueCache {
  layers: readonly LayerCache[];
  /** (B) whole numbers, f32 as attention's qOffset: how many tokens of each row stand in the cache already. */
  start: Tensor;
}

/**
 * attention(q, k, v) without a cache. With one, k and v are written to it from `start` on, and queries see all that it holds
 * up to their own token.
 * @param layer whose part of the cache is meant     @throws InputError as attention, and where the cache does not fit k and v
 */
export function attend(
  cache: KeyValueCache | undefined,
  layer: number,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions,
): Tensor {
  if (!cache) return attention(q, k, v, options);
  const { start, layers } = cache;
  const { keys, values } = layers[layer]!;
  cacheWrite(keys, values, k, v, start);
  return attention(q, keys, values, { ...options, causal: true, qOffset: start });
}

/** As attend, with q, k and v side by side: qkv (B,T,(H+2*KV)*D). */
export function attendPacked(
  cache: KeyValueCache | undefined,
  layer: number,
  qkv: Tensor,
  options: Omit<AttentionOptions, 'layout'> & { heads: number },
): Tensor {
  if (!cache) return attentionPacked(qkv, options);
  const { start, layers } = cache;
  const { keys, values } = layers[layer]!;
  cacheWritePacked(keys, values, qkv, start);
  return attentionPacked(qkv, { ...options, causal: true, qOffset: start, cached: { keys, values } });
}
