// What training and generation ask of a language model, whatever its family.
import type { Tensor } from '../tensor/tensor.ts';

export interface LanguageModel {
  /** Hugging Face's `model_type`. */
  readonly family: string;
  /** By Hugging Face's names. */
  readonly parameters: readonly Tensor[];
  readonly blockSize: number;
  readonly vocabSize: number;
  /** ids (B,T) i32, positions (T) i32, by default 0..T-1  ->  last hidden states (B,T,C). @throws InputError beyond the context */
  hidden(ids: Tensor, positions?: Tensor): Tensor;
  /** hidden (...,C)  ->  logits (...,V) */
  head(hidden: Tensor): Tensor;
}

/** Number of trained and frozen numbers; tied tables count once. */
export function parameterCount(model: LanguageModel): number {
  return model.parameters.reduce((n, p) => n + p.size, 0);
}
