// What forms are measured at: one call of an op a row, at the sizes of small trainings (TINY and SMALL of `bench`) and, where a
// form is made for longer rows, at one such. Rows of an op are summed, so large ones count more, as they do in a step.

import { addOp } from '../ops/add.ts';
import { attentionOp } from '../ops/attention.ts';
import { attentionBackwardOp } from '../ops/attention_backward.ts';
import { NO_WINDOW } from '../ops/attention_shape.ts';
import { klDivergenceOp } from '../ops/kl_divergence.ts';
import { layernormBackwardOp, layernormBackwardParamsOp, layernormOp } from '../ops/layernorm.ts';
import { matmulBackwardWeightsOp, matmulOp } from '../ops/matmul.ts';
import { mulOp } from '../ops/mul.ts';
import type { Op } from '../ops/op.ts';
import { rmsnormBackwardOp, rmsnormBackwardWeightOp, rmsnormOp } from '../ops/rmsnorm.ts';
import { ropeOp } from '../ops/rope.ts';
import { softmaxBackwardOp, softmaxOp } from '../ops/softmax.ts';
import { softmaxStatsBackwardOp, softmaxStatsOp } from '../ops/softmax_stats.ts';
import { sumOp } from '../ops/sum.ts';
import type { Shape } from '../tensor/shape.ts';

/** One call of an op. */
export interface TuneCase {
  // biome-ignore lint/suspicious/noExplicitAny: ops of all kinds stand in one list; each knows its own attributes
  op: Op<any>;
  /** As the table prints it, short. */
  name: string;
  attrs: unknown;
  /** Inputs by name: normal deviates of this shape, or whole numbers below a bound. */
  inputs: Readonly<Record<string, Shape | { shape: Shape; below: number }>>;
  /** A call before this one: what it gives on the twin goes in too, under its names, as do its inputs. */
  after?: TuneCase;
}

function product(layout: 'NN' | 'NT' | 'TN', M: number, N: number, K: number, more?: 'bias' | 'add'): TuneCase {
  const [transposeA, transposeB] = [layout === 'TN', layout === 'NT'];
  return {
    op: matmulOp,
    name: `${layout} ${M}x${N} K${K}${more ? ` ${more}` : ''}`,
    attrs: { transposeA, transposeB },
    inputs: {
      a: transposeA ? [K, M] : [M, K],
      b: transposeB ? [N, K] : [K, N],
      ...(more === 'bias' && { bias: [N] }),
      ...(more === 'add' && { add: [M, N] }),
    },
  };
}

/** Gradients of a weight (M,N) and its bias over K rows. */
function weights(M: number, N: number, K: number): TuneCase {
  const attrs = { transposeA: true, transposeB: false };
  return { op: matmulBackwardWeightsOp, name: `TN ${M}x${N} K${K}`, attrs, inputs: { a: [K, M], b: [K, N] } };
}

function heads(B: number, H: number, T: number, D: number): TuneCase[] {
  const attrs = {
    heads: H,
    kvHeads: H,
    causal: true,
    scale: 1 / Math.sqrt(D),
    layout: 'bthd',
    offset: 0,
    window: NO_WINDOW,
    dropout: null,
  };
  const name = `B${B} H${H} T${T} D${D}`;
  const forward: TuneCase = { op: attentionOp, name, attrs, inputs: { qkv: [B, T, 3 * H * D] } };
  const both = { ...attrs, needsQ: true, needsKV: true };
  return [forward, { op: attentionBackwardOp, name, attrs: both, inputs: { dy: [B, T, H * D] }, after: forward }];
}

function norms(R: number, C: number): TuneCase[] {
  const name = `${R}x${C}`;
  const forward: TuneCase = {
    op: layernormOp,
    name,
    attrs: { eps: 1e-5 },
    inputs: { x: [R, C], weight: [C], bias: [C] },
  };
  const backward = { name, attrs: null, inputs: { dy: [R, C] }, after: forward };
  return [forward, { op: layernormBackwardOp, ...backward }, { op: layernormBackwardParamsOp, ...backward }];
}

function rootNorms(R: number, C: number): TuneCase[] {
  const name = `${R}x${C}`;
  const forward: TuneCase = { op: rmsnormOp, name, attrs: { eps: 1e-5 }, inputs: { x: [R, C], weight: [C] } };
  const backward = { name, attrs: null, inputs: { dy: [R, C] }, after: forward };
  return [forward, { op: rmsnormBackwardOp, ...backward }, { op: rmsnormBackwardWeightOp, ...backward }];
}

function turned(B: number, H: number, T: number, D: number): TuneCase {
  const attrs = { heads: H, layout: 'bthd', direction: 1 };
  const inputs = { x: [B, T, H * D], cosines: [T, D / 2], sines: [T, D / 2] };
  return { op: ropeOp, name: `B${B} H${H} T${T} D${D}`, attrs, inputs };
}

function distillation(N: number, V: number): TuneCase {
  return {
    op: klDivergenceOp,
    name: `${N}x${V}`,
    attrs: { temperature: 1 },
    inputs: { logits: [N, V], teacher: [N, V] },
  };
}

function softmaxes(R: number, C: number): TuneCase[] {
  const name = `${R}x${C}`;
  const forward: TuneCase = { op: softmaxOp, name, attrs: null, inputs: { x: [R, C] } };
  return [forward, { op: softmaxBackwardOp, name, attrs: null, inputs: { dy: [R, C] }, after: forward }];
}

function statistics(rows: number, classes: number): TuneCase[] {
  const name = `${rows}x${classes}`;
  const attrs = { first: 0 };
  const inputs = { logits: [rows, classes], targets: { shape: [rows], below: classes } };
  const forward: TuneCase = { op: softmaxStatsOp, name, attrs, inputs };
  return [forward, { op: softmaxStatsBackwardOp, name, attrs, inputs: { dstats: [rows, 4] }, after: forward }];
}

/** A sum over the middle of three axes. */
function total(outer: number, R: number, inner: number): TuneCase {
  return { op: sumOp, name: `${outer}x${R}x${inner}`, attrs: { outer, R, inner }, inputs: { x: [outer, R, inner] } };
}

/** Every op that has several forms is among them. */
export const tuneCases: readonly TuneCase[] = [
  // Linear layers forward, the gradients of their inputs, those of weights, and the head.
  product('NN', 768, 512, 128, 'bias'),
  product('NN', 768, 128, 512, 'bias'),
  product('NT', 768, 128, 512),
  product('TN', 128, 512, 768),
  product('NT', 768, 65, 128),
  product('NN', 512, 576, 192, 'bias'),
  product('NT', 512, 192, 576),
  product('TN', 192, 576, 512, 'add'),
  product('NT', 512, 512, 192),
  // Decoding: one row through a layer and the head, and a small batch of rows.
  product('NN', 1, 576, 192, 'bias'),
  product('NT', 1, 512, 192),
  product('NT', 4, 512, 192),
  // Few tiles and a long sum: a GPU cuts it into parts.
  product('TN', 128, 128, 768),
  weights(128, 512, 768),
  weights(192, 576, 512),
  ...heads(12, 4, 64, 32),
  ...heads(2, 4, 256, 64),
  ...norms(768, 128),
  ...norms(512, 192),
  ...rootNorms(768, 128),
  ...rootNorms(512, 192),
  turned(2, 4, 256, 64),
  distillation(384, 65),
  distillation(512, 512),
  ...softmaxes(768, 128),
  ...softmaxes(512, 256),
  ...statistics(768, 65),
  ...statistics(512, 512),
  ...statistics(128, 8192),
  total(1, 768, 512),
  total(1, 512, 192),
  total(1, 768, 1),
  { op: addOp, name: '768x512', attrs: null, inputs: { a: [768, 512], b: [768, 512] } },
  { op: mulOp, name: '768x512', attrs: null, inputs: { a: [768, 512], b: [768, 512] } },
];
