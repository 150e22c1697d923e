// The half that reads: every token looks at every other of its text. By itself it is what BERT trains; in front of a decoder it is what
// is translated from.
import { recompute as again, scope } from '../autograd/graph.ts';
import { attention } from '../ops/attention.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import type { DropoutPlaces } from './dropout.ts';
import { type Linear, type Norm, normalise } from './layers.ts';
import type { ParameterList } from './parameter_list.ts';
import type { Table } from './table.ts';
import type { TransformerConfig } from './transformer_config.ts';
import {
  anglesOf,
  embed,
  feedForward,
  type LayerNorms,
  type Linears,
  makeLayer,
  makeNorm,
  type Pass,
  project,
  sublayer,
  turned,
} from './transformer_layers.ts';

export interface EncoderParts {
  tokens: Table;
  positions: Tensor | null;
  layers: LayerNorms[];
  /** Behind the last layer, where norms stand in front. */
  norm: Norm | null;
}

/** @param shared the table of its tokens, where another part has it too   @param std of the tables' first values */
export function makeEncoder(
  list: ParameterList,
  linears: Map<string, Linear>,
  config: TransformerConfig,
  layers: number,
  shared: Table | null,
  vocabSize: number,
  std: number,
): EncoderParts {
  const { nEmbd: C, blockSize, positions, norm } = config;
  return {
    tokens: shared ?? list.table('encoder.embed_tokens.weight', [vocabSize, C], std),
    positions: positions === 'learned' ? list.random('encoder.embed_positions.weight', [blockSize, C], std) : null,
    layers: Array.from({ length: layers }, (_, i) => makeLayer(list, linears, `encoder.layers.${i}`, config, false)),
    norm: norm === 'pre' ? makeNorm(list, 'encoder.norm', C) : null,
  };
}

export interface EncodeOptions {
  /** (B,S), f32 or i32: 1 where there is a token, 0 for padding. */
  mask: Tensor | undefined;
  places: DropoutPlaces;
  recompute?: boolean | undefined;
  dtype?: Precision | undefined;
}

/** ids (B,S) i32  ->  (B,S,C) */
export function encode(
  { tokens, positions, layers, norm }: EncoderParts,
  linears: Linears,
  config: TransformerConfig,
  ids: Tensor,
  { mask, places, recompute, dtype = 'f32' }: EncodeOptions,
): Tensor {
  const { nHead: heads, layerNormEps: eps } = config;
  const pass: Pass = { config, linears, places, angles: anglesOf(config, ids.shape.at(-1)!, undefined) };
  let x = scope('encoder.embed', () => embed(pass, tokens, positions, ids, undefined, dtype));
  layers.forEach((norms, i) => {
    const name = `encoder.layers.${i}`;
    const self = `${name}.self_attn`;
    const layer = () => {
      const read = scope('self', () =>
        sublayer(pass, x, norms.self, `${self}.o_proj`, (y) => {
          const [q, k] = [turned(pass, project(pass, self, 'q', y)), turned(pass, project(pass, self, 'k', y))];
          return attention(q, k, project(pass, self, 'v', y), { heads, keyMask: mask, dropout: places.attention() });
        }),
      );
      return scope('ffn', () => sublayer(pass, read, norms.ffn, `${name}.ffn.fc2`, feedForward(pass, name)));
    };
    x = scope(name, () => (recompute ? again(layer) : layer()));
  });
  return norm ? scope('encoder.norm', () => normalise(x, norm, eps)) : x;
}
