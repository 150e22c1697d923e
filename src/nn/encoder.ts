// An encoder by itself, as BERT is one: every token sees its whole text, and a token that was taken out is guessed from both sides.
// Source: Devlin et al. 2018 (arXiv:1810.04805); its layers are the original transformer's, see encoder_stack.ts.
import { scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import type { CrossEntropy } from '../ops/cross_entropy.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { DropoutPlaces } from './dropout.ts';
import type { EncoderConfig } from './encoder_config.ts';
import { type EncoderParts, encode, makeEncoder } from './encoder_stack.ts';
import { exchanged, type Linear } from './layers.ts';
import type { ForwardOptions, LanguageModel } from './model.ts';
import { type ModelOptions, ParameterList } from './parameter_list.ts';
import type { TableLossOptions } from './table.ts';
import { refuseTransformer } from './transformer_config.ts';
import type { Linears } from './transformer_layers.ts';

export { type EncoderConfig, encoderConfig } from './encoder_config.ts';

/** What a model is made of; its views share all of it but linear layers. */
interface Parts {
  parameters: readonly Tensor[];
  encoder: EncoderParts;
  linears: Linears;
}

export class Encoder implements LanguageModel {
  readonly family: EncoderConfig['family'];
  readonly config: EncoderConfig;
  /** In the order of the file; a table in pieces has a tensor for each. */
  readonly parameters: readonly Tensor[];
  /** By the name of each weight without `.weight`: encoder.layers.0.self_attn.q_proj, encoder.layers.0.ffn.fc1. */
  readonly linears: Linears;
  readonly #parts: Parts;

  /**
   * @param from how a new model begins, or the parts of another
   * @throws InputError if the heads do not fit the width
   */
  constructor(config: EncoderConfig, from: ModelOptions | Parts) {
    this.family = config.family;
    this.config = config;
    this.#parts = 'seed' in from ? makeParts(config, from) : from;
    this.parameters = this.#parts.parameters;
    this.linears = this.#parts.linears;
  }

  withLinears(changed: ReadonlyMap<string, Linear>): Encoder {
    return new Encoder(this.config, { ...this.#parts, linears: exchanged(this.linears, changed) });
  }

  get blockSize(): number {
    return this.config.blockSize;
  }

  get vocabSize(): number {
    return this.config.vocabSize;
  }

  get keyWidths(): number[] {
    return this.#parts.encoder.layers.map(() => this.config.nEmbd);
  }

  /**
   * The last hidden states.     ids (B,T) i32, mask (B,T)  ->  (B,T,C)
   * @throws InputError beyond the context, and for what only a model has that goes from token to token: positions, starts, a cache
   */
  hidden(ids: Tensor, { mask, positions, starts, cache, dropout, recompute, dtype }: ForwardOptions = {}): Tensor {
    const T = ids.shape.at(-1)!;
    if (T > this.config.blockSize)
      throw new InputError(`model: ${T} tokens, the context holds ${this.config.blockSize}. Pass fewer.`);
    const other = Object.entries({ positions, starts, cache }).find(([, value]) => value !== undefined);
    if (other)
      throw new InputError(
        `model: found ${other[0]} for an encoder, expected a text that begins its row: every token sees those behind it too. Leave it out.`,
      );
    const { encoder, linears } = this.#parts;
    return encode(encoder, linears, this.config, ids, { mask, places: new DropoutPlaces(dropout), recompute, dtype });
  }

  /** Logits of the token that stands here.     hidden (...,C)  ->  (...,V) */
  head(hidden: Tensor): Tensor {
    return scope('head', () => this.#parts.encoder.tokens.logits(hidden));
  }

  /** The cross-entropy of those logits. See Table.loss. */
  loss(hidden: Tensor, targets: Tensor, options?: TableLossOptions): CrossEntropy {
    return scope('head', () => this.#parts.encoder.tokens.loss(hidden, targets, options));
  }
}

function makeParts(config: EncoderConfig, options: ModelOptions): Parts {
  refuseTransformer(config);
  const list = new ParameterList(options);
  const linears = new Map<string, Linear>();
  const std = options.embeddingStd ?? config.initializerRange;
  const encoder = makeEncoder(list, linears, config, config.nLayer, null, config.vocabSize, std);
  return { parameters: list.finish(), encoder, linears };
}
