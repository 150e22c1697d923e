// Softmax attention (Vaswani et al. 2017, arXiv:1706.03762), one query at a time, with all of its scores in memory.
import { type AttentionAttrs, attentionShape, type Strides } from '../../ops/attention_shape.ts';
import { keepFactor } from '../../ops/dropout_mask.ts';
import type { Values } from '../../ops/op.ts';
import type { Inputs, References } from './reference.ts';

/** Where element (b,t,h,0) lies. */
const at = ({ start, batch, token, head }: Strides, b: number, t: number, h: number) =>
  start + b * batch + t * token + h * head;

interface Query {
  b: number;
  /** Query head and the kv head that it reads. */
  h: number;
  kv: number;
  i: number;
  /** Keys that it sees, and its score with each. */
  keys: number[];
  scores: number[];
  /** What dropout multiplies the probability of each with. */
  factors: number[];
}

/** Every query of every head, with its scores. */
function* queries(given: Inputs, tensors: Values, attrs: AttentionAttrs): Generator<Query> {
  const { qkv, q = qkv, k = qkv, keyMask, qOffset, starts, randomStep } = given;
  const shape = attentionShape(tensors, attrs);
  const { B, Tq, Tk, H, KV, D } = shape;
  const factor = attrs.dropout ? keepFactor(attrs.dropout, randomStep![0]!) : () => 1;
  for (let b = 0; b < B; b++) {
    const offset = attrs.offset + (qOffset ? qOffset[qOffset.length > 1 ? b : 0]! : 0);
    for (let h = 0; h < H; h++) {
      const kv = Math.floor(h / (H / KV));
      for (let i = 0; i < Tq; i++) {
        const query: Query = { b, h, kv, i, keys: [], scores: [], factors: [] };
        for (let j = 0; j < Tk; j++) {
          if (attrs.causal && (j > i + offset || j <= i + offset - attrs.window)) continue;
          if (starts && j < starts[b * Tq + i]!) continue;
          if (keyMask && keyMask[b * Tk + j] === 0) continue;
          let dot = 0;
          for (let d = 0; d < D; d++) dot += q![at(shape.q, b, i, h) + d]! * k![at(shape.k, b, j, kv) + d]!;
          query.keys.push(j);
          query.scores.push(attrs.scale * dot);
          query.factors.push(factor(((b * H + h) * Tq + i) * Tk + j));
        }
        yield query;
      }
    }
  }
}

export const attention: References = {
  /** y_i = sum over seen j of m_ij softmax_j(s_ij) v_j, m of dropout or 1; 0 where no key is seen */
  attention: (given, { inputs, outputs, attrs }) => {
    const v = given.v ?? given.qkv!;
    const shape = attentionShape(inputs, attrs);
    const y = new Float64Array(outputs.y!.size);
    const lse = new Float64Array(outputs.lse!.size);
    for (const { b, h, kv, i, keys, scores, factors } of queries(given, inputs, attrs)) {
      const largest = scores.reduce((a, s) => Math.max(a, s), -Infinity);
      const total = scores.reduce((sum, s) => sum + Math.exp(s - largest), 0);
      lse[(b * shape.H + h) * shape.Tq + i] = largest + Math.log(total);
      keys.forEach((j, n) => {
        const p = (factors[n]! * Math.exp(scores[n]! - largest)) / total;
        for (let d = 0; d < shape.D; d++) y[at(shape.y, b, i, h) + d]! += p * v[at(shape.v, b, j, kv) + d]!;
      });
    }
    return { y, lse };
  },

  /** ds = p * (m * dy . v - dy . y); dq = scale * ds k, dk = scale * ds^T q, dv = (m * p)^T dy */
  attention_backward: ({ y, lse, dy, ...given }, { inputs, outputs, attrs }) => {
    const { y: _y, lse: _lse, dy: _dy, ...tensors } = inputs;
    const { qkv, q = qkv!, k = qkv!, v = qkv! } = given;
    const shape = attentionShape(tensors, attrs);
    const { D } = shape;
    const dqkv = new Float64Array(outputs.dqkv!.size);
    for (const { b, h, kv, i, keys, scores, factors } of queries(given, tensors, attrs)) {
      const own = at(shape.y, b, i, h);
      let delta = 0;
      for (let d = 0; d < D; d++) delta += dy![own + d]! * y![own + d]!;
      keys.forEach((j, n) => {
        const p = Math.exp(scores[n]! - lse![(b * shape.H + h) * shape.Tq + i]!);
        let dp = 0;
        for (let d = 0; d < D; d++) dp += dy![own + d]! * v[at(shape.v, b, j, kv) + d]!;
        const ds = attrs.scale * p * (factors[n]! * dp - delta);
        for (let d = 0; d < D; d++) {
          dqkv[at(shape.dq, b, i, h) + d]! += ds * k[at(shape.k, b, j, kv) + d]!;
          dqkv[at(shape.dk, b, j, kv) + d]! += ds * q[at(shape.q, b, i, h) + d]!;
          dqkv[at(shape.dv, b, j, kv) + d]! += factors[n]! * p * dy![own + d]!;
        }
      });
    }
    return { dqkv };
  },
};
