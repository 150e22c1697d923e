// Softmax attention over heads: fused, with nothing of size Tq x Tk in memory. The backward pass computes the scores again from
// lse, the logarithm of each query's sum of exponentials: once, into scratch, where that is small, else in each of its kernels.
import { InputError } from '../errors.ts';
import { show, sizeOf } from '../tensor/shape.ts';
import { bytesOf, type Tensor } from '../tensor/tensor.ts';
import {
  castDispatches,
  forwardDispatch,
  padDispatch,
  paddedScratch,
  recomputingDispatches,
  rowsShape,
  scoresDispatches,
  scoresShape,
  wideScratch,
} from './attention_dispatch.ts';
import {
  type AttentionAttrs,
  type AttentionLayout,
  attentionShape,
  paddedShape,
  type Strides,
} from './attention_shape.ts';
import { type DropoutAttrs, expectDropout } from './dropout_mask.ts';
import { currentTape, defineOp, expectType, type Values } from './op.ts';
import { part } from './part.ts';

/** Bytes up to which the backward pass keeps p and ds between its kernels. */
const MAX_SCORES = 32 * 2 ** 20;

/** The three parts of packed input are one tensor, read at three starts. */
function queriesAndKeys({ qkv, q = qkv, k = qkv, v = qkv }: Values): Record<'q' | 'k' | 'v', Tensor> {
  return { q: q!, k: k!, v: v! };
}

export const attentionOp = defineOp<AttentionAttrs>({
  name: 'attention',
  outputs: (inputs, attrs) => {
    const { dtype, B, H, Tq, yShape } = attentionShape(inputs, attrs);
    return { y: { shape: yShape, dtype }, lse: { shape: [B, H, Tq] } };
  },
  forms: [
    {
      name: 'fused',
      when: ({ inputs, attrs }) => attentionShape(inputs, attrs).D % 4 === 0,
      scratch: ({ inputs, attrs }) => {
        const { dtype, yShape } = attentionShape(inputs, attrs);
        return wideScratch(dtype, yShape);
      },
      dispatches: (site, { wide }) => {
        const { y, lse } = site.outputs as Record<'y' | 'lse', Tensor>;
        const bind = { ...queriesAndKeys(site.inputs), y: wide ?? y, lse };
        return [forwardDispatch(site, attentionShape(site.inputs, site.attrs), bind), ...castDispatches(wide, y)];
      },
    },
    {
      name: 'padded',
      scratch: ({ inputs, attrs }) => {
        const { q, k, v, y } = paddedScratch(attentionShape(inputs, attrs));
        return { wideQ: q, wideK: k, wideV: v, wideY: y };
      },
      dispatches: (site, scratch) => {
        const shape = attentionShape(site.inputs, site.attrs);
        const wide = paddedShape(shape);
        const { q, k, v } = queriesAndKeys(site.inputs);
        const [wideQ, wideK, wideV, wideY] = [scratch.wideQ!, scratch.wideK!, scratch.wideV!, scratch.wideY!];
        return [
          padDispatch('q', q, wideQ, shape, wide),
          padDispatch('k', k, wideK, shape, wide),
          padDispatch('v', v, wideV, shape, wide),
          forwardDispatch(site, wide, { q: wideQ, k: wideK, v: wideV, y: wideY, lse: site.outputs.lse! }),
          padDispatch('y', wideY, site.outputs.y!, wide, shape),
        ];
      },
    },
  ],
  backward: ({ inputs, outputs, attrs, grads, needs }) => {
    if (!grads.y) return {};
    const needed = { needsQ: needs('q') || needs('qkv'), needsKV: needs('k') || needs('v') || needs('qkv') };
    const given = { ...inputs, y: outputs.y, lse: outputs.lse, dy: grads.y };
    const dqkv = currentTape().push(attentionBackwardOp, given, { ...attrs, ...needed }).dqkv!;
    if (inputs.qkv) return { qkv: dqkv };
    const { dq, dk, dv } = attentionShape(inputs, attrs);
    const view = (input: string, { start }: Strides) =>
      needs(input) ? part(dqkv, start, inputs[input]!.shape) : undefined;
    return { q: view('q', dq), k: view('k', dk), v: view('v', dv) };
  },
});

export interface AttentionBackwardAttrs extends AttentionAttrs {
  /** Which gradients are wanted. A part of dqkv that is not wanted holds anything. */
  needsQ: boolean;
  needsKV: boolean;
}

/** The inputs of attention without what only the backward pass has. */
function backwardShape({ y, lse, dy, ...inputs }: Values, attrs: AttentionAttrs) {
  const shape = attentionShape(inputs, attrs);
  for (const [name, tensor] of Object.entries({ y, dy })) expectType('attention', name, tensor!, shape.dtype);
  return shape;
}

function backwardTensors(inputs: Values, rows: Tensor) {
  return { ...queriesAndKeys(inputs), y: inputs.y!, dy: inputs.dy!, lse: inputs.lse!, rows };
}

/** Inputs of attention, its outputs y and lse, and dy  ->  dqkv: its parts lie as `attentionShape` says of dq, dk, dv. */
export const attentionBackwardOp = defineOp<AttentionBackwardAttrs>({
  name: 'attention_backward',
  outputs: (inputs, attrs) => {
    const { dShape, dtype } = backwardShape(inputs, attrs);
    return { dqkv: { shape: dShape, dtype } };
  },
  forms: [
    {
      name: 'scores',
      when: ({ inputs, attrs }) => {
        const shape = backwardShape(inputs, attrs);
        return shape.D % 4 === 0 && bytesOf(sizeOf(scoresShape(shape)), shape.dtype) <= MAX_SCORES;
      },
      scratch: ({ inputs, attrs }) => {
        const shape = backwardShape(inputs, attrs);
        return { rows: { shape: rowsShape(shape) }, scores: { shape: scoresShape(shape), dtype: shape.dtype } };
      },
      dispatches: (site, { rows, scores }) => {
        const { inputs, attrs, outputs } = site;
        const needs = { q: attrs.needsQ, kv: attrs.needsKV };
        const given = backwardTensors(inputs, rows!);
        return scoresDispatches(site, backwardShape(inputs, attrs), given, scores!, outputs.dqkv!, needs);
      },
    },
    {
      name: 'recompute',
      when: ({ inputs, attrs }) => backwardShape(inputs, attrs).D % 4 === 0,
      scratch: ({ inputs, attrs }) => {
        const shape = backwardShape(inputs, attrs);
        return { rows: { shape: rowsShape(shape) }, ...wideScratch(shape.dtype, shape.dShape) };
      },
      dispatches: (site, { rows, wide }) => {
        const { inputs, attrs } = site;
        const needs = { q: attrs.needsQ, kv: attrs.needsKV };
        const given = backwardTensors(inputs, rows!);
        const dqkv = site.outputs.dqkv!;
        const list = recomputingDispatches(site, backwardShape(inputs, attrs), given, wide ?? dqkv, needs);
        return [...list, ...castDispatches(wide, dqkv)];
      },
    },
    {
      name: 'padded',
      scratch: ({ inputs, attrs }) => {
        const shape = backwardShape(inputs, attrs);
        const { q, k, v, y, dqkv } = paddedScratch(shape);
        const rows = { shape: rowsShape(shape) };
        return { wideQ: q, wideK: k, wideV: v, wideY: y, wideDy: y, wideGradient: dqkv, rows };
      },
      dispatches: (site, scratch) => {
        const { inputs, attrs, outputs } = site;
        const shape = backwardShape(inputs, attrs);
        const wide = paddedShape(shape);
        const narrow = backwardTensors(inputs, scratch.rows!);
        const given = {
          ...narrow,
          q: scratch.wideQ!,
          k: scratch.wideK!,
          v: scratch.wideV!,
          y: scratch.wideY!,
          dy: scratch.wideDy!,
        };
        const gradient = scratch.wideGradient!;
        const needs = { q: attrs.needsQ, kv: attrs.needsKV };
        const parts = [...(needs.q ? (['dq'] as const) : []), ...(needs.kv ? (['dk', 'dv'] as const) : [])];
        return [
          padDispatch('q', narrow.q, given.q, shape, wide),
          padDispatch('k', narrow.k, given.k, shape, wide),
          padDispatch('v', narrow.v, given.v, shape, wide),
          padDispatch('y', narrow.y, given.y, shape, wide),
          padDispatch('y', narrow.dy, given.dy, shape, wide),
          ...recomputingDispatches(site, wide, given, gradient, needs),
          ...parts.map((name) => padDispatch(name, gradient, outputs.dqkv!, wide, shape)),
        ];
      },
    },
  ],
  backward: 'not differentiable',
});

export interface AttentionOptions {
  /** Query heads. Needed where the shapes do not say it: q (B,Tq,H*D), or packed. */
  heads?: number;
  /** Heads of k and v, each shared by heads / kvHeads query heads. As many as query heads when absent. */
  kvHeads?: number;
  /** Query i sees only keys j <= i + qOffset. */
  causal?: boolean;
  /** Scores are scale * q . k; 1 / sqrt(D) when absent. */
  scale?: number;
  /** 'bhtd' for four axes, 'bthd' for three, when absent. */
  layout?: AttentionLayout;
  /** Position of query 0 among the keys, where they come from a cache: a number, or a tensor (1) or (B) sent with each replay. */
  qOffset?: Tensor | number;
  /** (B,Tk), f32 or i32: 1 keeps a key, 0 hides it from all queries. */
  keyMask?: Tensor | undefined;
  /** Drops probabilities; element ((b*H + h)*Tq + i)*Tk + j of the mask belongs to query i and key j. step: (1) u32. */
  dropout?: AttentionDropout | undefined;
}

export interface AttentionDropout extends DropoutAttrs {
  step: Tensor;
}

/**
 * y_i = sum over j of softmax_j(scale * q_i . k_j) v_j over the keys j that query i sees.
 * q (B,Tq,H*D) or (B,Tq,H,D), k and v (B,Tk,KV*D) or (B,Tk,KV,D)  ->  y as q.     'bhtd': q (B,H,Tq,D), k and v (B,KV,Tk,D)
 * With p the softmax, dp_ij = dy_i . v_j and delta_i = dy_i . y_i:
 *   ds = p * (dp - delta)    dq = scale * ds k    dk = scale * ds^T q    dv = p^T dy, dk and dv summed over the heads that share a kv head
 * With dropout m_ij p_ij takes the place of p_ij in y and dv, and m_ij dp_ij that of dp_ij, m_ij being 0 or 1 / (1-p).
 * A query that sees no key has y = 0 and passes no gradient. keyMask and qOffset have none. y and the gradients have the type of q, k, v.
 * Source: Vaswani et al. 2017 (arXiv:1706.03762); online softmax and recomputation: Dao et al. 2022 (arXiv:2205.14135);
 * shared kv heads: Ainslie et al. 2023 (arXiv:2305.13245).
 * @throws InputError if the shapes and head counts do not fit, or q, k and v differ in type
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const layout = options.layout ?? (q.shape.length === 4 ? 'bhtd' : 'bthd');
  const headAxis = layout === 'bhtd' ? 1 : 2;
  const heads = options.heads ?? (q.shape.length === 4 ? q.shape[headAxis]! : Number.NaN);
  if (Number.isNaN(heads))
    throw new InputError(`attention: q ${show(q.shape)} does not say how many heads it has. Pass heads.`);
  const kvHeads = options.kvHeads ?? (k.shape.length === 4 ? k.shape[headAxis]! : heads);
  return push({ q, k, v }, heads, kvHeads, layout, options);
}

/**
 * Attention with q, k and v side by side on the last axis, as GPT-2 projects them. No part is copied out.
 * qkv (B,T,(H+2*KV)*D)  ->  y (B,T,H*D); otherwise as `attention`.
 * @throws InputError if the shapes and head counts do not fit
 */
export function attentionPacked(qkv: Tensor, options: Omit<AttentionOptions, 'layout'> & { heads: number }): Tensor {
  return push({ qkv }, options.heads, options.kvHeads ?? options.heads, 'bthd', options);
}

function push(
  given: Values,
  heads: number,
  kvHeads: number,
  layout: AttentionLayout,
  options: AttentionOptions,
): Tensor {
  const { causal = false, qOffset = 0, keyMask } = options;
  const offset = typeof qOffset === 'number' ? qOffset : 0;
  if (!Number.isSafeInteger(offset))
    throw new InputError(`attention: found qOffset ${offset}, expected a whole number.`);
  const { step, ...mask } = options.dropout ?? { step: undefined, p: 0, seed: 0, site: 0 };
  if (step) expectDropout('attention', mask, step);
  const dropout = mask.p > 0 ? mask : null;
  const inputs = {
    ...given,
    keyMask,
    qOffset: typeof qOffset === 'number' ? undefined : qOffset,
    randomStep: dropout ? step : undefined,
  };
  const attrs: AttentionAttrs = { heads, kvHeads, causal, scale: 1, layout, offset, dropout };
  const { D } = attentionShape(given, attrs);
  return currentTape().push(attentionOp, inputs, { ...attrs, scale: options.scale ?? 1 / Math.sqrt(D) }).y!;
}
