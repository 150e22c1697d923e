// Softmax attention over heads: fused, with nothing of size Tq x Tk in memory.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { attentionBackwardOp } from './attention_backward.ts';
import { cachedDispatch, writesFor } from './attention_cached.ts';
import {
  castDispatches,
  decodeDispatch,
  forwardDispatch,
  padDispatch,
  paddedScratch,
  wideScratch,
} from './attention_dispatch.ts';
import {
  type AttentionAttrs,
  type AttentionLayout,
  attentionShape,
  NO_WINDOW,
  paddedShape,
  queriesAndKeys,
  type Strides,
} from './attention_shape.ts';
import { type DropoutAttrs, expectDropout } from './dropout_mask.ts';
import { currentTape, type Dispatch, defineOp, hasSubgroupsOf8, onSoftware, type Site, type Values } from './op.ts';
import { part } from './part.ts';

/** Queries up to which each is given a workgroup of its own. */
const FEW_QUERIES = 4;

function fewQueries({ inputs, attrs }: Site<AttentionAttrs>): boolean {
  const { Tq, D } = attentionShape(inputs, attrs);
  return Tq <= FEW_QUERIES && D % 4 === 0 && D <= 256 && !attrs.dropout && !inputs.starts;
}

function decode(site: Site<AttentionAttrs>, lanes: number): Dispatch {
  return decodeDispatch(site, attentionShape(site.inputs, site.attrs), queriesAndKeys(site.inputs), lanes);
}

/** Few lanes, as many as a head has vec4s, where the adapter pays for each that waits. */
function decodeNarrow(site: Site<AttentionAttrs>): Dispatch {
  return decode(site, 8 * Math.ceil(attentionShape(site.inputs, site.attrs).D / 32));
}

export const attentionOp = defineOp<AttentionAttrs>({
  name: 'attention',
  outputs: (inputs, attrs) => {
    const { dtype, B, H, Tq, yShape } = attentionShape(inputs, attrs);
    return { y: { shape: yShape, dtype }, lse: { shape: [B, H, Tq] } };
  },
  forms: [
    {
      name: 'decode_subgroup8',
      runsOn: hasSubgroupsOf8,
      prefers: onSoftware,
      when: fewQueries,
      takes: writesFor,
      dispatches: (site) => [site.passed?.k ? cachedDispatch(site, site.passed.k) : decodeNarrow(site)],
    },
    { name: 'decode_narrow', prefers: onSoftware, when: fewQueries, dispatches: (site) => [decodeNarrow(site)] },
    { name: 'decode', when: fewQueries, dispatches: (site) => [decode(site, 64)] },
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
    if (inputs.qkv && inputs.k)
      throw new InputError('attention: found keys and values of a cache, which have no gradient. Pass qkv alone.');
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

export interface AttentionOptions {
  /** Query heads. Needed where the shapes do not say it: q (B,Tq,H*D), or packed. */
  heads?: number;
  /** Heads of k and v, each shared by heads / kvHeads query heads. As many as query heads when absent. */
  kvHeads?: number;
  /** Query i sees only keys j <= i + qOffset. */
  causal?: boolean;
  /** Causal: query i sees only the last `window` of those keys, j > i + qOffset - window. All of them when absent. */
  window?: number | undefined;
  /** Scores are scale * q . k; 1 / sqrt(D) when absent. */
  scale?: number;
  /** 'bhtd' for four axes, 'bthd' for three, when absent. */
  layout?: AttentionLayout;
  /** Position of query 0 among the keys, where they come from a cache: a number, or a tensor (1) or (B) sent with each replay. */
  qOffset?: Tensor | number;
  /** (B,Tk), f32 or i32: 1 keeps a key, 0 hides it from all queries. */
  keyMask?: Tensor | undefined;
  /**
   * Causal, packed rows, (B,Tq) i32: the column at which the example of each query begins. It sees no key before it. Along a row
   * they never fall, and none lies behind its own column.
   */
  starts?: Tensor | undefined;
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
 * Causal, i sees j <= n, n = i + qOffset; with a window n - window < j <= n; in packed rows j >= starts_i, too. A query that sees no key has y = 0 and passes no gradient. keyMask, qOffset and starts have none. y and the gradients have the type of q, k, v.
 * Source: Vaswani et al. 2017 (arXiv:1706.03762); online softmax and recomputation: Dao et al. 2022 (arXiv:2205.14135);
 * shared kv heads: Ainslie et al. 2023 (arXiv:2305.13245); windows: Beltagy et al. 2020 (arXiv:2004.05150), counted as transformers'
 * sliding_window.
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
 * qkv (B,T,(H+2*KV)*D)  ->  y (B,T,H*D); otherwise as `attention`. With `cached` keys and values are read there, (B,Tk,KV*D), and
 * there is no gradient.
 * @throws InputError if the shapes and head counts do not fit
 */
export function attentionPacked(
  qkv: Tensor,
  options: Omit<AttentionOptions, 'layout'> & { heads: number; cached?: { keys: Tensor; values: Tensor } },
): Tensor {
  const { cached } = options;
  const given = { qkv, ...(cached && { k: cached.keys, v: cached.values }) };
  return push(given, options.heads, options.kvHeads ?? options.heads, 'bthd', options);
}

function push(
  given: Values,
  heads: number,
  kvHeads: number,
  layout: AttentionLayout,
  options: AttentionOptions,
): Tensor {
  const { causal = false, window = NO_WINDOW, qOffset = 0, keyMask, starts } = options;
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
    starts,
    randomStep: dropout ? step : undefined,
  };
  const attrs: AttentionAttrs = { heads, kvHeads, causal, scale: 1, layout, offset, window, dropout };
  const { D } = attentionShape(given, attrs);
  return currentTape().push(attentionOp, inputs, { ...attrs, scale: options.scale ?? 1 / Math.sqrt(D) }).y!;
}
