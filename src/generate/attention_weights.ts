// How much every query looks at every key, on the host: what a picture of attention shows. The kernels never have these numbers in
// memory, so they are made again from queries and keys.

export interface AttentionLook {
  /** Query heads. */
  heads: number;
  /** Heads of the keys, each shared by heads / kvHeads query heads. Default: as many. */
  kvHeads?: number;
  /** Scores are scale * q . k. Default 1 / sqrt(D). */
  scale?: number;
  /** Query i sees only keys j <= i + qOffset. */
  causal?: boolean;
  /** Causal: of those it sees the last so many. Default: all of them. */
  window?: number;
  /** Position of query 0 among the keys. Default 0. */
  qOffset?: number;
  /** (Tk): 1 keeps a key, 0 hides it. */
  mask?: ArrayLike<number> | undefined;
}

/**
 * softmax over j of scale * q_i . k_j, over the keys j that query i sees, in float64. A query that sees none has zeros.
 * q (Tq,H*D)  k (Tk,KV*D)  ->  for each head (Tq,Tk)
 */
export function attentionWeights(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  width: number,
  { heads, kvHeads = heads, scale, causal = false, window, qOffset = 0, mask }: AttentionLook,
): Float32Array[] {
  const D = width / heads;
  const kvWidth = D * kvHeads;
  const [Tq, Tk] = [q.length / width, k.length / kvWidth];
  const factor = scale ?? 1 / Math.sqrt(D);
  const scores = new Float64Array(Tk);
  return Array.from({ length: heads }, (_, head) => {
    const weights = new Float32Array(Tq * Tk);
    const kv = Math.floor(head / (heads / kvHeads));
    for (let i = 0; i < Tq; i++) {
      const end = causal ? Math.min(Tk, i + qOffset + 1) : Tk;
      const begin = causal && window !== undefined ? Math.max(0, i + qOffset + 1 - window) : 0;
      let largest = Number.NEGATIVE_INFINITY;
      for (let j = begin; j < end; j++) {
        if (mask && !mask[j]) continue;
        let score = 0;
        for (let d = 0; d < D; d++) score += q[i * width + head * D + d]! * k[j * kvWidth + kv * D + d]!;
        scores[j] = factor * score;
        largest = Math.max(largest, scores[j]!);
      }
      let total = 0;
      for (let j = begin; j < end; j++) if (!mask || mask[j]) total += Math.exp(scores[j]! - largest);
      for (let j = begin; j < end; j++)
        if (!mask || mask[j]) weights[i * Tk + j] = Math.exp(scores[j]! - largest) / total;
    }
    return weights;
  });
}
