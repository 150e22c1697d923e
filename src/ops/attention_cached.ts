// Attention of one new token over a cache, and the writing of that token's key and value to it, in one dispatch.
import { type AttentionAttrs, attentionShape, queriesAndKeys } from './attention_shape.ts';
import { cacheShape } from './cache_write.ts';
import type { Dispatch, Neighbour, Site } from './op.ts';

/** Numbers of a head: a lane of 8 has 8 of them at most. */
const MOST = 64;

/** Whether `neighbour` is the cache_write in front that writes the token of the only query. */
export function writesFor({ inputs, attrs }: Site<AttentionAttrs>, name: string, neighbour: Neighbour): boolean {
  if (name !== 'k' || neighbour.op !== 'cache_write') return false;
  const { keys, values, start } = neighbour.inputs;
  const { Tq, D } = attentionShape(inputs, attrs);
  const { T } = cacheShape(neighbour.inputs);
  const same = inputs.k === keys && inputs.v === values && inputs.qOffset === start;
  return (
    same && Tq === 1 && T === 1 && D % 4 === 0 && D <= MOST && attrs.causal && attrs.offset === 0 && !inputs.keyMask
  );
}

/** Both, with all heads that share a kv head in one workgroup. */
export function cachedDispatch(site: Site<AttentionAttrs>, { inputs }: Neighbour): Dispatch {
  const { B, Tk, H, KV, D, q, y } = attentionShape(site.inputs, site.attrs);
  const { columns } = cacheShape(inputs);
  const { keys, values, qkv, k = qkv!, v = qkv! } = inputs;
  const lengths = { Tk, H, KV, vectors: D / 4 };
  const queries = { q_start: q.start / 4, q_batch: q.batch / 4, q_head: q.head / 4 };
  const tokens = { k_start: columns.k / 4, v_start: columns.v / 4, kv_batch: columns.token / 4 };
  const results = { y_start: y.start / 4, y_batch: y.batch / 4, y_head: y.head / 4 };
  const { scale, window } = site.attrs;
  return {
    kernel: 'attention_cached8',
    sizes: { ...lengths, ...queries, ...tokens, ...results, scale, window },
    threads: [KV, B],
    constants: { PER: Math.ceil(D / 32) },
    bind: { q: queriesAndKeys(site.inputs).q, k, v, keys: keys!, values: values! },
    flops: 4 * B * H * Tk * D,
  };
}
