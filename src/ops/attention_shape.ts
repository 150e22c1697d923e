// Where attention finds its numbers: batch, heads and lengths out of the shapes, and for each of q, k, v, y and the gradients
// a start and strides. The kernels and the twin read through these, so that one form serves every layout and packed input.
import { InputError } from '../errors.ts';
import { type Shape, show } from '../tensor/shape.ts';
import { bytesOf, type DType, Tensor } from '../tensor/tensor.ts';
import { type DropoutAttrs, expectDropout } from './dropout_mask.ts';
import { expectReal, expectType, type Values } from './op.ts';

/** More keys than there can be. Added to a position it still fits i32. */
export const NO_WINDOW = 2 ** 30;

/** Axes of q and y: (B,T,H*D) or (B,T,H,D), or (B,H,T,D). k and v lie likewise. */
export type AttentionLayout = 'bthd' | 'bhtd';

export interface AttentionAttrs {
  /** Query heads H; query head h reads kv head floor(h / (H / kvHeads)). */
  heads: number;
  kvHeads: number;
  causal: boolean;
  /** Scores are scale * q . k. */
  scale: number;
  layout: AttentionLayout;
  /** Causal: query i sees keys j <= i + offset (+ the input qOffset). */
  offset: number;
  /** Causal: of those it sees the last `window`; all of them at NO_WINDOW. */
  window: number;
  /** Of the probabilities, or null. With it goes the input randomStep. */
  dropout: DropoutAttrs | null;
}

/** The element (b,t,h,d) lies at start + b * batch + t * token + h * head + d. */
export interface Strides {
  start: number;
  batch: number;
  token: number;
  head: number;
}

export interface AttentionShape {
  /** Of q, k, v, y and their gradients. */
  dtype: DType;
  B: number;
  Tq: number;
  Tk: number;
  H: number;
  KV: number;
  D: number;
  q: Strides;
  k: Strides;
  v: Strides;
  /** y and dy, as one tensor of shape yShape. */
  y: Strides;
  yShape: Shape;
  /** Parts of one gradient tensor dqkv of shape dShape: packed as qkv is, or three parts one behind the other. */
  dq: Strides;
  dk: Strides;
  dv: Strides;
  dShape: Shape;
}

/** The three parts of packed input are one tensor, read at three starts. */
export function queriesAndKeys({ qkv, q = qkv, k = qkv, v = qkv }: Values): Record<'q' | 'k' | 'v', Tensor> {
  return { q: q!, k: k!, v: v! };
}

/** @throws InputError if the shapes and head counts do not fit together */
export function attentionShape(inputs: Values, attrs: AttentionAttrs): AttentionShape {
  const { heads: H, kvHeads: KV } = attrs;
  if (![H, KV].every((n) => Number.isSafeInteger(n) && n >= 1) || H % KV !== 0) {
    throw new InputError(
      `attention: found heads ${H} and kvHeads ${KV}, expected whole numbers of which heads is a multiple.`,
    );
  }
  const shape = !inputs.qkv
    ? separateShape(inputs as Record<'q' | 'k' | 'v', Tensor>, attrs)
    : inputs.k
      ? cachedShape(inputs, attrs)
      : packedShape(inputs.qkv, H, KV);
  checkOthers(inputs, shape, attrs);
  return shape;
}

/** As `attentionShape` for heads of the next multiple of 4, q, k, v, y and gradients each (B,T,H,D), f32 and tensors of their own. */
export function paddedShape({ B, Tq, Tk, H, KV, D: own }: AttentionShape): AttentionShape {
  const D = Math.ceil(own / 4) * 4;
  const [q, kv] = [laidOut('bthd', Tq, H, D), laidOut('bthd', Tk, KV, D)];
  return {
    dtype: 'f32',
    B,
    Tq,
    Tk,
    H,
    KV,
    D,
    q,
    k: kv,
    v: kv,
    y: q,
    yShape: [B, Tq, H, D],
    ...gradientParts('f32', B, Tq, Tk, H, KV, D, q, kv),
  };
}

function packedShape(qkv: Tensor, H: number, KV: number): AttentionShape {
  const [B, T, C] = qkv.shape as [number, number, number];
  const D = C / (H + 2 * KV);
  if (qkv.shape.length !== 3 || !Number.isInteger(D)) {
    throw new InputError(
      `attention: found qkv ${show(qkv.shape)}, expected (B,T,(H+2*KV)*D) with H = ${H} heads and KV = ${KV} kv heads.`,
    );
  }
  const at = (head: number): Strides => ({ start: head * D, batch: T * C, token: C, head: D });
  const [q, k, v] = [at(0), at(H), at(H + KV)];
  const y = laidOut('bthd', T, H, D);
  const { dtype, shape: dShape } = qkv;
  return { dtype, B, Tq: T, Tk: T, H, KV, D, q, k, v, y, yShape: [B, T, H * D], dq: q, dk: k, dv: v, dShape };
}

/** Queries out of packed input, keys and values out of tensors of their own. */
function cachedShape({ qkv, k, v }: Values, attrs: AttentionAttrs): AttentionShape {
  const { q, B, Tq, H, D, y, yShape } = packedShape(qkv!, attrs.heads, attrs.kvHeads);
  const queries = new Tensor({ kind: 'activation', shape: [B, Tq, H * D], dtype: qkv!.dtype });
  return { ...separateShape({ q: queries, k: k!, v: v! }, attrs), q, y, yShape };
}

function separateShape(
  { q, k, v }: Record<'q' | 'k' | 'v', Tensor>,
  { heads: H, kvHeads: KV, layout }: AttentionAttrs,
): AttentionShape {
  const [B, Tq, D] = axesOf('q', q, H, layout);
  const [Bk, Tk, Dk] = axesOf('k', k, KV, layout);
  const [Bv, Tv, Dv] = axesOf('v', v, KV, layout);
  if (Bk !== B || Bv !== B || Dk !== D || Dv !== D || Tv !== Tk) {
    throw new InputError(
      `attention: found q ${show(q.shape)}, k ${show(k.shape)} and v ${show(v.shape)} with heads ${H} and kvHeads ${KV}, expected one batch size, one head size, and as many keys as values.`,
    );
  }
  const [own, kv] = [laidOut(layout, Tq, H, D), laidOut(layout, Tk, KV, D)];
  return {
    dtype: q.dtype,
    B,
    Tq,
    Tk,
    H,
    KV,
    D,
    q: own,
    k: kv,
    v: kv,
    y: own,
    yShape: q.shape,
    ...gradientParts(q.dtype, B, Tq, Tk, H, KV, D, own, kv),
  };
}

/** Batch, length and head size of q, k or v. */
function axesOf(name: string, tensor: Tensor, heads: number, layout: AttentionLayout): [number, number, number] {
  const { shape } = tensor;
  const [B, first, second, last] = shape as [number, number, number, number];
  if (layout === 'bthd' && shape.length === 3 && second % heads === 0) return [B, first, second / heads];
  if (layout === 'bthd' && shape.length === 4 && second === heads) return [B, first, last];
  if (layout === 'bhtd' && shape.length === 4 && first === heads) return [B, second, last];
  const expected = layout === 'bthd' ? `(B,T,${heads}*D) or (B,T,${heads},D)` : `(B,${heads},T,D)`;
  throw new InputError(
    `attention: found ${name} ${show(shape)}, expected ${expected} with ${heads} heads in layout ${layout}.`,
  );
}

function laidOut(layout: AttentionLayout, T: number, H: number, D: number): Strides {
  const [token, head] = layout === 'bthd' ? [H * D, D] : [D, T * D];
  return { start: 0, batch: T * H * D, token, head };
}

/** Parts start where a binding may start: at multiples of 256 bytes. */
function gradientParts(
  dtype: DType,
  B: number,
  Tq: number,
  Tk: number,
  H: number,
  KV: number,
  D: number,
  q: Strides,
  kv: Strides,
) {
  const unit = 256 / bytesOf(1, dtype);
  const [sizeQ, sizeK] = [Tq * H, Tk * KV].map((n) => Math.ceil((B * n * D) / unit) * unit) as [number, number];
  return { dq: q, dk: { ...kv, start: sizeQ }, dv: { ...kv, start: sizeQ + sizeK }, dShape: [sizeQ + 2 * sizeK] };
}

function checkOthers(inputs: Values, shape: AttentionShape, attrs: AttentionAttrs): void {
  const { B, Tk, dtype } = shape;
  const { keyMask, qOffset, randomStep, starts, ...rest } = inputs;
  const { dropout, window, causal } = attrs;
  if (!Number.isSafeInteger(window) || window < 1 || window > NO_WINDOW)
    throw new InputError(`attention: found window ${window}, expected a whole number of keys, 1 to ${NO_WINDOW}.`);
  if (window < NO_WINDOW && !causal)
    throw new InputError(
      `attention: found window ${window} without causal: a window ends at the query's own key. Pass causal.`,
    );
  if (dropout && randomStep) expectDropout('attention', dropout, randomStep);
  for (const [name, tensor] of Object.entries(rest)) {
    expectReal('attention', name, tensor);
    expectType('attention', name, tensor, dtype);
  }
  if (keyMask && (keyMask.shape.length !== 2 || keyMask.shape[0] !== B || keyMask.shape[1] !== Tk)) {
    throw new InputError(
      `attention: found keyMask ${show(keyMask.shape)}, expected ${show([B, Tk])}: a number a key, 1 to keep it.`,
    );
  }
  if (starts) checkStarts(starts, shape, attrs, qOffset);
  if (!qOffset) return;
  expectType('attention', 'qOffset', qOffset, 'f32');
  if (qOffset.shape.length !== 1 || (qOffset.size !== 1 && qOffset.size !== B)) {
    throw new InputError(
      `attention: found qOffset ${show(qOffset.shape)}, expected (1), or (${B}) for one a batch row.`,
    );
  }
}

function checkStarts(
  starts: Tensor,
  { B, Tq, Tk }: AttentionShape,
  { causal, offset }: AttentionAttrs,
  qOffset: Tensor | undefined,
): void {
  expectType('attention', 'starts', starts, 'i32');
  if (starts.shape.length !== 2 || starts.shape[0] !== B || starts.shape[1] !== Tq)
    throw new InputError(
      `attention: found starts ${show(starts.shape)}, expected ${show([B, Tq])}: of each query the column at which its example begins.`,
    );
  if (!causal)
    throw new InputError('attention: found starts without causal: a query sees its example up to itself. Pass causal.');
  if (qOffset || offset !== 0 || Tq !== Tk)
    throw new InputError(
      `attention: found starts with ${Tq} queries, ${Tk} keys and ${qOffset ? 'a qOffset' : `qOffset ${offset}`}, expected as many keys as queries and no offset: packed rows have no cache.`,
    );
}
