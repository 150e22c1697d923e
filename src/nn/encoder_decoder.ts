// The original transformer: an encoder that reads a text from both sides, and a decoder that writes another one, looking at what the
// encoder has made of the first. What its halves are built of stands in transformer_layers.ts.
// Source: Vaswani et al. 2017 (arXiv:1706.03762).
import { recompute as again, scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { attention } from '../ops/attention.ts';
import type { CrossEntropy } from '../ops/cross_entropy.ts';
import { reshape } from '../ops/reshape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { attend, type KeyValueCache } from './attend.ts';
import { DropoutPlaces } from './dropout.ts';
import { type EncoderParts, encode, makeEncoder } from './encoder_stack.ts';
import { type Linear, type Norm, normalise } from './layers.ts';
import type { ForwardOptions, Trainable } from './model.ts';
import { type ModelOptions, ParameterList } from './parameter_list.ts';
import type { Table, TableLossOptions } from './table.ts';
import { type EncoderDecoderConfig, refuseEncoderDecoder } from './transformer_config.ts';
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

export { type EncoderDecoderConfig, encoderDecoderConfig } from './transformer_config.ts';

/** Keys and values of a source text in one layer of the decoder, (B,S,C) each. */
export interface CrossKeys {
  keys: Tensor;
  values: Tensor;
}

/** What texts are written from: (B/n,S,C) where n rows of the decoder in turn have one source. */
export interface Source {
  /** Of each layer of the decoder. */
  cross: readonly CrossKeys[];
  /** (B/n,S), f32 or i32: 1 where there is a token, 0 for padding. */
  mask?: Tensor | undefined;
}

/** How a forward pass is made, beside its tokens. */
export type PassOptions = Pick<ForwardOptions, 'dropout' | 'recompute' | 'dtype'>;

export interface DecodeOptions extends Pick<ForwardOptions, 'recompute' | 'dtype'> {
  places?: DropoutPlaces;
  /** (B,T) i32; by default 0 to T-1. */
  positions?: Tensor | undefined;
  /** Keys and values of earlier tokens; goes with `positions`. */
  cache?: KeyValueCache | undefined;
  /** Is given the queries (B,T,C) and keys (B,S,C) of every layer's look at the source: what an alignment is made of. */
  onCross?: (layer: number, queries: Tensor, keys: Tensor) => void;
}

interface DecoderParts {
  tokens: Table;
  positions: Tensor | null;
  layers: LayerNorms[];
  /** Behind the last layer, where norms stand in front. */
  norm: Norm | null;
  head: Table;
}

export class EncoderDecoder implements Trainable {
  readonly family: EncoderDecoderConfig['family'];
  readonly config: EncoderDecoderConfig;
  /** In the order of the file; a table in pieces has a tensor for each. */
  readonly parameters: readonly Tensor[];
  /** By the name of each weight without `.weight`: encoder.layers.0.self_attn.q_proj, decoder.layers.0.cross_attn.k_proj. */
  readonly linears: Linears;
  readonly #encoder: EncoderParts;
  readonly #decoder: DecoderParts;

  /** @throws InputError if the heads do not fit the width, or tables that are to be one are of two sizes */
  constructor(config: EncoderDecoderConfig, options: ModelOptions) {
    refuseEncoderDecoder(config);
    this.family = config.family;
    this.config = config;
    const { nEmbd: C, vocabSize, sourceVocabSize, tie, encoderLayers, decoderLayers } = config;
    const list = new ParameterList(options);
    const linears = new Map<string, Linear>();
    const std = options.embeddingStd ?? C ** -0.5;
    const shared = tie === 'all' ? list.table('shared.weight', [vocabSize, C], std) : null;
    this.#encoder = makeEncoder(list, linears, config, encoderLayers, shared, sourceVocabSize, std);
    const tokens = shared ?? list.table('decoder.embed_tokens.weight', [vocabSize, C], std);
    const learned = config.positions === 'learned';
    this.#decoder = {
      tokens,
      positions: learned ? list.random('decoder.embed_positions.weight', [config.blockSize, C], std) : null,
      layers: Array.from({ length: decoderLayers }, (_, i) =>
        makeLayer(list, linears, `decoder.layers.${i}`, config, true),
      ),
      norm: config.norm === 'pre' ? makeNorm(list, 'decoder.norm', C) : null,
      head: tie === 'none' ? list.table('lm_head.weight', [vocabSize, C], std) : tokens,
    };
    this.parameters = list.finish();
    this.linears = linears;
  }

  get blockSize(): number {
    return this.config.blockSize;
  }

  get vocabSize(): number {
    return this.config.vocabSize;
  }

  /** For each layer of the decoder: numbers of a token's keys, and as many of its values. */
  get keyWidths(): number[] {
    return this.#decoder.layers.map(() => this.config.nEmbd);
  }

  /**
   * The last hidden states of the decoder, which has read `ids` and looked at the source.
   * source (B,S) i32, mask (B,S) f32 or i32, ids (B,T) i32  ->  (B,T,C)
   * @throws InputError beyond the context
   */
  hidden({ source, mask, ids }: { source: Tensor; mask: Tensor; ids: Tensor }, options: PassOptions = {}): Tensor {
    const { dropout, ...others } = options;
    const places = new DropoutPlaces(dropout);
    const memory = this.encode(source, mask, { ...others, places });
    const cross = this.crossKeys(memory, places);
    return this.decode(ids, { cross, mask }, { ...others, places });
  }

  /** What the encoder makes of a text.     source (B,S) i32, mask (B,S)  ->  (B,S,C) */
  encode(
    source: Tensor,
    mask: Tensor | undefined,
    options: Pick<DecodeOptions, 'places' | 'recompute' | 'dtype'> = {},
  ): Tensor {
    const { places = new DropoutPlaces(undefined), ...others } = options;
    this.#refuseLong(source, 'source');
    return encode(this.#encoder, this.linears, this.config, source, { mask, places, ...others });
  }

  /** Keys and values of that in every layer of the decoder: made once for a text, however much is written from it. */
  crossKeys(memory: Tensor, places = new DropoutPlaces(undefined)): CrossKeys[] {
    const pass: Pass = { config: this.config, linears: this.linears, places, angles: null };
    return this.#decoder.layers.map((_, i) =>
      scope(`decoder.layers.${i}.cross`, () => {
        const name = `decoder.layers.${i}.cross_attn`;
        return { keys: project(pass, name, 'k', memory), values: project(pass, name, 'v', memory) };
      }),
    );
  }

  /** The last hidden states of the decoder.     ids (B,T) i32  ->  (B,T,C) */
  decode(ids: Tensor, { cross, mask }: Source, options: DecodeOptions = {}): Tensor {
    const { places = new DropoutPlaces(undefined), positions, cache, recompute, dtype = 'f32', onCross } = options;
    this.#refuseLong(ids, 'target');
    const { config, linears } = this;
    const { nHead: heads, layerNormEps: eps } = config;
    const { tokens, layers, norm, positions: learned } = this.#decoder;
    const pass: Pass = { config, linears, places, angles: anglesOf(config, ids.shape.at(-1)!, positions) };
    let x = scope('decoder.embed', () => embed(pass, tokens, learned, ids, positions, dtype));
    layers.forEach((norms, i) => {
      const name = `decoder.layers.${i}`;
      const [self, other] = [`${name}.self_attn`, `${name}.cross_attn`];
      const layer = () => {
        const read = scope('self', () =>
          sublayer(pass, x, norms.self, `${self}.o_proj`, (y) => {
            const [q, k] = [turned(pass, project(pass, self, 'q', y)), turned(pass, project(pass, self, 'k', y))];
            return attend(cache, i, q, k, project(pass, self, 'v', y), {
              heads,
              causal: true,
              dropout: places.attention(),
            });
          }),
        );
        const looked = scope('cross', () =>
          sublayer(pass, read, norms.cross!, `${other}.o_proj`, (y) => {
            const q = project(pass, other, 'q', y);
            const { keys, values } = cross[i]!;
            onCross?.(i, q, keys);
            // Rows that write from one source look at it together.
            const [N, B] = [keys.shape[0]!, q.shape[0]!];
            const looking = N === B ? q : reshape(q, [N, q.size / (N * config.nEmbd), config.nEmbd]);
            const seen = attention(looking, keys, values, { heads, keyMask: mask, dropout: places.attention() });
            return N === B ? seen : reshape(seen, q.shape);
          }),
        );
        return scope('ffn', () => sublayer(pass, looked, norms.ffn, `${name}.ffn.fc2`, feedForward(pass, name)));
      };
      x = scope(name, () => (recompute ? again(layer) : layer()));
    });
    return norm ? scope('decoder.norm', () => normalise(x, norm, eps)) : x;
  }

  /** Logits of the next token.     hidden (...,C)  ->  (...,V) */
  head(hidden: Tensor): Tensor {
    return scope('head', () => this.#decoder.head.logits(hidden));
  }

  /** The cross-entropy of those logits. See Table.loss. */
  loss(hidden: Tensor, targets: Tensor, options?: TableLossOptions): CrossEntropy {
    return scope('head', () => this.#decoder.head.loss(hidden, targets, options));
  }

  #refuseLong(ids: Tensor, side: string): void {
    const T = ids.shape.at(-1)!;
    if (T > this.config.blockSize)
      throw new InputError(
        `model: found a ${side} text of ${T} tokens, the context holds ${this.config.blockSize}. Pass fewer.`,
      );
  }
}
