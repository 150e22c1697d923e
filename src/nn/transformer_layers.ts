// What the halves of the original transformer are built of: a place for the norm, attention over this text or another, the MLP, and
// tokens at their positions. Names are those of the files.
// Source: Vaswani et al. 2017 (arXiv:1706.03762); Su et al. 2021 (arXiv:2104.09864) for rotary positions.
import { scope } from '../autograd/graph.ts';
import { add } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import { embedding } from '../ops/embedding.ts';
import { constant } from '../ops/op.ts';
import { part } from '../ops/part.ts';
import { type RopeTable, rope } from '../ops/rope.ts';
import { scale } from '../ops/scale.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import { ACTIVATIONS } from './activation.ts';
import type { DropoutPlaces } from './dropout.ts';
import { apply, applyOnto, type Linear, type Norm, normalise } from './layers.ts';
import type { ParameterList } from './parameter_list.ts';
import { ropeTables } from './rope_table.ts';
import type { Table } from './table.ts';
import type { TransformerConfig } from './transformer_config.ts';

const ROPE_THETA = 10_000;

/** Linear layers by the name of their weight, as a model has them. */
export type Linears = ReadonlyMap<string, Linear>;

/** The norm of each sublayer; the decoder's layers have one more, which looks at the source. */
export interface LayerNorms {
  self: Norm;
  cross: Norm | null;
  ffn: Norm;
}

/** Parameters of one layer, in the order of the file; its linear layers go into `linears`. @param name `encoder.layers.0` */
export function makeLayer(
  list: ParameterList,
  linears: Map<string, Linear>,
  name: string,
  { nEmbd: C, nInner }: TransformerConfig,
  cross: boolean,
): LayerNorms {
  const linear = (own: string, fanIn: number, fanOut: number, bias: boolean) => {
    const path = `${name}.${own}`;
    // Glorot and Bengio 2010: values and gradients keep their size through the layer.
    const std = Math.sqrt(2 / (fanIn + fanOut));
    const weight = list.weight(`${path}.weight`, [fanOut, fanIn], std);
    linears.set(path, { weight, bias: bias ? list.filled(`${path}.bias`, [fanOut]) : null, stored: 'out_in' });
  };
  for (const attention of cross ? ['self_attn', 'cross_attn'] : ['self_attn'])
    for (const each of ['q', 'k', 'v', 'o']) linear(`${attention}.${each}_proj`, C, C, false);
  linear('ffn.fc1', C, nInner, true);
  linear('ffn.fc2', nInner, C, true);
  const norm = (number: number) => makeNorm(list, `${name}.norm${number}`, C);
  return cross ? { self: norm(1), cross: norm(2), ffn: norm(3) } : { self: norm(1), cross: null, ffn: norm(2) };
}

export function makeNorm(list: ParameterList, name: string, C: number): Norm {
  return { weight: list.filled(`${name}.weight`, [C], 1), bias: list.filled(`${name}.bias`, [C]) };
}

/** One pass through a stack: what all of its layers share. */
export interface Pass {
  config: TransformerConfig;
  linears: Linears;
  places: DropoutPlaces;
  /** Angles of the tokens, where positions are rotary. */
  angles: RopeTable | null;
}

/** residual + what a sublayer makes of it, with the norm where the configuration has it. */
export function sublayer(
  { config, linears, places }: Pass,
  x: Tensor,
  norm: Norm,
  output: string,
  inner: (x: Tensor) => Tensor,
): Tensor {
  const { norm: place, layerNormEps: eps } = config;
  if (place === 'pre') return applyOnto(x, inner(normalise(x, norm, eps)), linears.get(output)!, places);
  return normalise(applyOnto(x, inner(x), linears.get(output)!, places), norm, eps);
}

/** The MLP of a layer, up to its last product. */
export function feedForward({ config, linears, places }: Pass, layer: string): (x: Tensor) => Tensor {
  return (x) => ACTIVATIONS[config.activation](apply(x, linears.get(`${layer}.ffn.fc1`)!, places));
}

/** Projects to queries, keys or values. @param name `encoder.layers.0.self_attn` */
export function project({ linears, places }: Pass, name: string, which: 'q' | 'k' | 'v', x: Tensor): Tensor {
  return apply(x, linears.get(`${name}.${which}_proj`)!, places);
}

/** Queries or keys of a text's own attention, at their positions. */
export function turned({ config, angles }: Pass, x: Tensor): Tensor {
  return angles ? rope(x, angles, { heads: config.nHead }) : x;
}

/** Angles for T tokens at 0, 1, ..., or at `positions`; null where positions are not rotary. */
export function anglesOf(config: TransformerConfig, T: number, positions: Tensor | undefined): RopeTable | null {
  if (config.positions !== 'rotary') return null;
  const layer = { window: undefined, rope: { theta: ROPE_THETA, scaling: null } };
  const rows = positions ? config.blockSize : T;
  return scope('rope', () => ropeTables([layer], config.nEmbd / config.nHead, rows, positions)[0]!);
}

/** Tokens as a stack reads them: rows of the table, scaled, at their positions.     ids (B,T)  ->  (B,T,C) */
export function embed(
  { config, places }: Pass,
  table: Table,
  learned: Tensor | null,
  ids: Tensor,
  positions: Tensor | undefined,
  dtype: Precision,
): Tensor {
  const { nEmbd: C, blockSize, embeddingScale } = config;
  const T = ids.shape.at(-1)!;
  const found = table.lookup(ids, dtype);
  const scaled = embeddingScale ? scale(found, Math.sqrt(C)) : found;
  if (config.positions === 'rotary') return places.apply(scaled);
  const rows = positions ? blockSize : T;
  const all =
    learned ??
    constant('sinusoids', [rows, C], () =>
      sinusoids(
        Array.from({ length: rows }, (_, t) => t),
        C,
      ),
    );
  const placed = positions ? embedding(all, positions, { dtype }) : cast(learned ? part(all, 0, [T, C]) : all, dtype);
  return places.apply(add(scaled, placed));
}

/** sin(t / 10000^(2i/C)) and its cosine in turn, rounded to f32 from float64.     (positions,C) */
export function sinusoids(positions: ArrayLike<number>, C: number): Float32Array {
  const values = new Float32Array(positions.length * C);
  for (let t = 0; t < positions.length; t++)
    for (let i = 0; i < C; i++) {
      const angle = positions[t]! / 10_000 ** ((2 * Math.floor(i / 2)) / C);
      values[t * C + i] = i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  return values;
}
