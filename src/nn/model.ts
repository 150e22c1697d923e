// What training and generation ask of a language model, whatever its family.
import type { CrossEntropy } from '../ops/cross_entropy.ts';
import type { Precision, Tensor } from '../tensor/tensor.ts';
import type { KeyValueCache } from './attend.ts';
import type { Linear } from './layers.ts';
import type { ModelConfig } from './model_config.ts';
import type { TableLossOptions } from './table.ts';

/** How a forward pass is made, beside its tokens. */
export interface ForwardOptions {
  /** (T) i32, or (B,T) where rows differ; by default 0..T-1. */
  positions?: Tensor | undefined;
  /**
   * (B,T) i32, where a row holds several examples: the column at which each token's own begins. Tokens see no other example.
   * Goes with `positions` (B,T) that restart with each, and not with `cache`.
   */
  starts?: Tensor | undefined;
  /**
   * (B,T), f32 or i32: 1 for a token, 0 for padding. Models whose tokens see both sides need it where rows are padded; of others a
   * token sees none behind it, and they pass over this.
   */
  mask?: Tensor | undefined;
  /** Keys and values of earlier tokens, which those of this pass are added to; goes with `positions`. */
  cache?: KeyValueCache | undefined;
  /**
   * Given in training: values are dropped with probability p, the inputs of adapters with their own. The masks follow from the
   * seed and the number `randomStep` sent with the step, which is asked for where anything is dropped.
   */
  dropout?: { p: number; seed: number } | undefined;
  /**
   * What the model's values between layers, and their gradients, are stored as; parameters are f32 all the same, and so are sums,
   * norms' statistics and the loss. Default f32.
   */
  dtype?: Precision | undefined;
  /** Blocks keep their inputs alone and compute the rest again in the backward pass. */
  recompute?: boolean | undefined;
  /**
   * Told, behind the embedding (0 layers) and behind each layer, what the model would give to its head if it ended there: hidden states
   * (B,T,C), normalised as the last ones. The last call's are those that `hidden` returns. Models whose tokens see both sides tell nothing.
   */
  onLayer?: ((layers: number, hidden: Tensor) => void) | undefined;
}

/** What is trained, loaded and saved: parameters by their names in a file. */
export interface Trainable {
  /** By Hugging Face's names, put together as wholesOf() does. */
  readonly parameters: readonly Tensor[];
}

export interface LanguageModel extends Trainable {
  /** Hugging Face's `model_type`. */
  readonly family: string;
  readonly config: ModelConfig;
  readonly blockSize: number;
  readonly vocabSize: number;
  /** For each layer: numbers of a token's keys, and as many of its values, KV*D. What a cache holds. */
  readonly keyWidths: readonly number[];
  /**
   * The linear layers of the blocks, by their weight's name without `.weight`, in the order of the file:
   * transformer.h.0.attn.c_attn, model.layers.0.self_attn.q_proj, encoder.layers.0.self_attn.q_proj.
   */
  readonly linears: ReadonlyMap<string, Linear>;
  /** The same model over the same parameter tensors, with some of its linear layers exchanged, by name. @throws InputError as exchanged */
  withLinears(changed: ReadonlyMap<string, Linear>): LanguageModel;
  /** ids (B,T) i32  ->  last hidden states (B,T,C). @throws InputError beyond the context */
  hidden(ids: Tensor, options?: ForwardOptions): Tensor;
  /** hidden (...,C)  ->  logits (...,V) */
  head(hidden: Tensor): Tensor;
  /** crossEntropy(head(hidden), targets) in less memory.     hidden (...,C)  targets i32 (...) */
  loss(hidden: Tensor, targets: Tensor, options?: TableLossOptions): CrossEntropy;
}

/** Number of trained and frozen numbers; tied tables count once. */
export function parameterCount(model: Trainable): number {
  return model.parameters.reduce((n, p) => n + p.size, 0);
}
