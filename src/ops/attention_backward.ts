// The backward pass of attention: it computes the scores again from lse, the logarithm of each query's sum of exponentials: once,
// into scratch, where that is small, else in each of its kernels.
import { sizeOf } from '../tensor/shape.ts';
import { bytesOf, type Tensor } from '../tensor/tensor.ts';
import {
  castDispatches,
  padDispatch,
  paddedScratch,
  recomputingDispatches,
  rowsShape,
  scoresDispatches,
  scoresShape,
  wideScratch,
} from './attention_dispatch.ts';
import { type AttentionAttrs, attentionShape, paddedShape, queriesAndKeys } from './attention_shape.ts';
import { defineOp, expectType, type Values } from './op.ts';

/** Bytes up to which the backward pass keeps p and ds between its kernels. */
const MAX_SCORES = 32 * 2 ** 20;

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
