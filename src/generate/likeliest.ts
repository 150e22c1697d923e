// The most probable tokens out of logits: what a beam search needs to know of a row.
import { refuseNaN } from './sampling.ts';

export interface Candidate {
  id: number;
  logProbability: number;
}

/**
 * The `count` most probable tokens, from the best on, of equal ones the lowest first.
 * Logits are compared as they are; the logarithm of their softmax is float64.
 * @param logits (V)     @throws InputError for a NaN or an infinity among them
 */
export function likeliest(logits: Float32Array, count: number): Candidate[] {
  const V = logits.length;
  const most = Math.min(count, V);
  const ids = new Int32Array(most);
  let found = 0;
  let least = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < V; id++) {
    const x = logits[id]!;
    if (found === most && !(x > least)) continue;
    if (found < most) found++;
    let at = found - 1;
    for (; at > 0 && x > logits[ids[at - 1]!]!; at--) ids[at] = ids[at - 1]!;
    ids[at] = id;
    least = logits[ids[found - 1]!]!;
  }
  const largest = logits[ids[0]!]!;
  let total = 0;
  for (let id = 0; id < V; id++) total += Math.exp(logits[id]! - largest);
  refuseNaN(Number.isNaN(total) ? -1 : 0);
  const lse = largest + Math.log(total);
  return Array.from(ids, (id) => ({ id, logProbability: logits[id]! - lse }));
}
