// The dispatches of attention, forward and backward, and the copies that give heads of an odd size whole vec4s.
import type { Shape } from '../tensor/shape.ts';
import type { DType, Tensor } from '../tensor/tensor.ts';
import { type AttentionAttrs, type AttentionShape, paddedShape, type Strides } from './attention_shape.ts';
import { maskSizes } from './dropout_mask.ts';
import type { Dispatch, Values } from './op.ts';

/** A node's keyMask, qOffset, starts and randomStep beside its attributes: what every kernel over queries and keys must be told. */
export interface AttentionSite {
  inputs: Values;
  attrs: AttentionAttrs;
}

/** What a gradient is made of, by binding name, and rows: scratch for lse and delta. */
export type BackwardTensors = Readonly<Record<'q' | 'k' | 'v' | 'y' | 'dy' | 'lse' | 'rows', Tensor>>;

/** Size fields of strided tensors. Kernels that read vec4s count in vec4s: unit 4. */
function stridesOf(parts: Readonly<Record<string, Strides>>, unit = 4): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const [name, { start, batch, token, head }] of Object.entries(parts)) {
    sizes[`${name}_start`] = start / unit;
    sizes[`${name}_batch`] = batch / unit;
    sizes[`${name}_token`] = token / unit;
    sizes[`${name}_head`] = head / unit;
  }
  return sizes;
}

function causalSizes({ inputs: { qOffset, starts }, attrs }: AttentionSite): Record<string, number> {
  return {
    CAUSAL: attrs.causal ? 1 : 0,
    q_offset: attrs.offset,
    HAS_OFFSET: qOffset ? 1 : 0,
    offset_batch: qOffset && qOffset.size > 1 ? 1 : 0,
    window: attrs.window,
    PACKED: starts ? 1 : 0,
  };
}

/** The one binding of the kernels for qOffset or starts. */
function positionsOf({ inputs: { qOffset, starts } }: AttentionSite): Record<string, Tensor> {
  const positions = qOffset ?? starts;
  return positions ? { positions } : {};
}

const NO_DROPOUT = { stream: 0, threshold: 0, keep_scale: 1 };

function commonSizes(site: AttentionSite, { Tq, Tk, H, KV, D, q, k, v, y }: AttentionShape): Record<string, number> {
  const lengths = { Tq, Tk, H, GROUP: H / KV, vectors: D / 4 };
  const { scale, dropout } = site.attrs;
  return {
    ...lengths,
    ...stridesOf({ q, k, v, y }),
    scale,
    ...causalSizes(site),
    HAS_MASK: site.inputs.keyMask ? 1 : 0,
    ...(dropout ? maskSizes(dropout) : NO_DROPOUT),
  };
}

/**
 * Floating-point operations of `products` products between queries and keys, 2 D for each pair. Causal counts half of the pairs, as
 * is the custom (Dao 2023, arXiv:2307.08691, section 4.1), a window its band of them, however many of them a kernel skips.
 */
function flopsOf({ attrs }: AttentionSite, { B, H, Tq, Tk, D }: AttentionShape, products: number): number {
  const seen = Math.min(1, attrs.window / Tk);
  return products * 2 * D * B * H * Tq * Tk * (attrs.causal ? seen * (1 - seen / 2) : 1);
}

/** y and lse. */
export function forwardDispatch(
  site: AttentionSite,
  shape: AttentionShape,
  given: Readonly<Record<'q' | 'k' | 'v' | 'y' | 'lse', Tensor>>,
): Dispatch {
  const { Tq, H, B } = shape;
  const flops = flopsOf(site, shape, 2);
  const bind = { ...given, ...positionsOf(site) };
  return { kernel: 'attention', sizes: commonSizes(site, shape), threads: [Tq, H, B], bind, flops };
}

/** The same by a workgroup a query, where there are few. @param LANES invocations of a workgroup */
export function decodeDispatch(
  site: AttentionSite,
  shape: AttentionShape,
  bind: Readonly<Record<'q' | 'k' | 'v', Tensor>>,
  LANES: number,
): Dispatch {
  const { Tq, H, B } = shape;
  const { stream: _, threshold: __, keep_scale: ___, PACKED: ____, ...sizes } = commonSizes(site, shape);
  const flops = flopsOf(site, shape, 2);
  return { kernel: 'attention_decode', sizes, threads: [Tq, H, B], bind, constants: { LANES }, flops };
}

/** lse and delta of each query, and one pair more for the number of the step. */
export function rowsShape({ B, H, Tq }: AttentionShape): number[] {
  return [B * H * Tq + 1, 2];
}

/** Where in rows the number of the step lies. */
const lastRow = ({ B, H, Tq }: AttentionShape) => B * H * Tq;

function deltaDispatch(site: AttentionSite, shape: AttentionShape, { y, dy, lse, rows }: BackwardTensors): Dispatch {
  const { B, Tq, H, D, y: strides } = shape;
  const dropout = { DROPOUT: site.attrs.dropout ? 1 : 0, last: lastRow(shape) };
  const sizes = { Tq, H, vectors: D / 4, ...stridesOf({ y: strides }), ...dropout };
  return { kernel: 'attention_delta', sizes, threads: [Tq, H, B], bind: { y, dy, lse, rows } };
}

/** Gradients into parts of dqkv, each kernel computing the scores it needs: no memory of size Tq x Tk. */
export function recomputingDispatches(
  site: AttentionSite,
  shape: AttentionShape,
  given: BackwardTensors,
  dqkv: Tensor,
  needs: { q: boolean; kv: boolean },
): Dispatch[] {
  const { B, Tq, Tk, H, KV, dq, dk, dv } = shape;
  const { q, k, v, dy, rows } = given;
  const common = { ...commonSizes(site, shape), last: lastRow(shape) };
  const list = [deltaDispatch(site, shape, given)];
  if (needs.q) {
    const sizes = { ...common, ...stridesOf({ dq }) };
    const bind = { q, k, v, ...positionsOf(site), dy, rows, dq: dqkv };
    list.push({ kernel: 'attention_dq', sizes, threads: [Tq, H, B], bind, flops: flopsOf(site, shape, 3) });
  }
  if (needs.kv) {
    const sizes = { ...common, ...stridesOf({ dk, dv }) };
    const bind = { q, k, v, ...positionsOf(site), dy, rows, dkv: dqkv };
    list.push({ kernel: 'attention_dkv', sizes, threads: [Tk, KV, B], bind, flops: flopsOf(site, shape, 4) });
  }
  return list;
}

/** Shape of the scratch that holds p and ds. */
export function scoresShape({ B, H, Tq, Tk }: AttentionShape): number[] {
  return [2, B, H, Tq, Math.ceil(Tk / 4) * 4];
}

/** Gradients into parts of dqkv out of p and ds, which are computed once into `scores`. */
export function scoresDispatches(
  site: AttentionSite,
  shape: AttentionShape,
  given: BackwardTensors,
  scores: Tensor,
  dqkv: Tensor,
  needs: { q: boolean; kv: boolean },
): Dispatch[] {
  const { B, Tq, Tk, H, KV, D } = shape;
  const { q, k, v, dy, rows } = given;
  const width = Math.ceil(Tk / 4) * 4;
  const sizes = { B, columns: width / 4, ...commonSizes(site, shape), last: lastRow(shape) };
  const list = [deltaDispatch(site, shape, given)];
  const bind = { q, k, v, ...positionsOf(site), dy, rows, scores };
  list.push({ kernel: 'attention_scores', sizes, threads: [Tq, H, B], bind, flops: flopsOf(site, shape, 2) });

  const ds = { w_start: B * H * Tq * width, w_head: Tq * width };
  const p = { w_start: 0, w_head: Tq * width };
  const vectors = D / 4;
  const mix = (x: Tensor, heads: number, threads: number, fields: Record<string, number>): Dispatch => ({
    kernel: 'attention_mix',
    sizes: { H, vectors, ...causalSizes(site), ...fields },
    threads: [Math.ceil(threads / 8) * vectors, heads, B],
    bind: { w: scores, x, ...positionsOf(site), y: dqkv },
    flops: flopsOf(site, shape, 1),
  });
  if (needs.q) {
    const byQuery = { R: Tq, C: Tk, heads: 1, X_GROUP: H / KV, KEY_ROWS: 0, w_row: width, w_col: 1 };
    list.push(mix(k, H, Tq, { ...byQuery, ...ds, ...stridesOf({ x: shape.k, y: shape.dq }) }));
  }
  if (needs.kv) {
    const byKey = { R: Tk, C: Tq, heads: H / KV, X_GROUP: 1, KEY_ROWS: 1, w_row: 1, w_col: width };
    list.push(mix(q, KV, Tk, { ...byKey, ...ds, ...stridesOf({ x: shape.q, y: shape.dk }) }));
    list.push(mix(dy, KV, Tk, { ...byKey, ...p, ...stridesOf({ x: shape.y, y: shape.dv }) }));
  }
  return list;
}

/** Scratch in place of a result that its kernel reads and writes many times over, where each time would round it. */
export function wideScratch(dtype: DType, shape: Shape): Record<string, { shape: Shape }> {
  return dtype === 'f32' ? {} : { wide: { shape } };
}

/** The result out of that scratch, where there is one. */
export function castDispatches(wide: Tensor | undefined, y: Tensor): Dispatch[] {
  return wide ? [{ kernel: 'cast', sizes: { N: y.size }, threads: [y.size], bind: { x: wide, y } }] : [];
}

type Part = 'q' | 'k' | 'v' | 'y' | 'dq' | 'dk' | 'dv';

/** Copies `part` from x, laid out as `from`, to y, laid out as `to`; numbers that `from` does not have become 0. */
export function padDispatch(part: Part, x: Tensor, y: Tensor, from: AttentionShape, to: AttentionShape): Dispatch {
  const { B, Tq, Tk, H: queryHeads, KV } = to;
  const [T, H] = part === 'q' || part === 'y' || part === 'dq' ? [Tq, queryHeads] : [Tk, KV];
  const N = B * T * H * to.D;
  const sizes = { N, T, H, width: to.D, D: Math.min(from.D, to.D), ...stridesOf({ x: from[part], y: to[part] }, 1) };
  return { kernel: 'attention_pad', sizes, threads: [N], bind: { x, y } };
}

/** Scratch for q, k, v, y, dy and their gradients with padded heads, in f32. */
export function paddedScratch(
  shape: AttentionShape,
): Record<'q' | 'k' | 'v' | 'y' | 'dqkv', { shape: readonly number[] }> {
  const { B, Tk, KV, D, yShape, dShape } = paddedShape(shape);
  const [q, kv] = [{ shape: yShape }, { shape: [B, Tk, KV, D] }];
  return { q, k: kv, v: kv, y: q, dqkv: { shape: dShape } };
}
