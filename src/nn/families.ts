// The families of models by their configurations: what makes one, and what is known of it before a tensor exists.
import { GPT2 } from './gpt2.ts';
import { type GPT2Config, gpt2ParameterCount } from './gpt2_config.ts';
import { Llama } from './llama.ts';
import { type LlamaConfig, llamaParameterCount } from './llama_config.ts';
import type { LanguageModel } from './model.ts';

export type ModelConfig = GPT2Config | LlamaConfig;

/** Hugging Face's `model_type` of what can be made here. */
export type Family = ModelConfig['family'];
export const FAMILIES: readonly Family[] = ['gpt2', 'llama'];

/** @throws InputError if the heads do not fit the width */
export function makeModel(
  config: ModelConfig,
  options: { seed: number; pieceBytes?: number; embeddingStd?: number | undefined },
): LanguageModel {
  return config.family === 'llama' ? new Llama(config, options) : new GPT2(config, options);
}

/** Number of parameters, tied ones once, without making them. */
export function configParameterCount(config: ModelConfig): number {
  return config.family === 'llama' ? llamaParameterCount(config) : gpt2ParameterCount(config);
}

/** A configuration as plain values by name, for a record of what was trained: scaled positions as JSON. */
export function configScalars(config: ModelConfig): Map<string, string | number | boolean | null> {
  const entries = Object.entries(config) as [string, unknown][];
  return new Map(
    entries.map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as string | number | boolean | null),
    ]),
  );
}

/** The matrices of a block as [in, out], each head's part included. */
export function blockMatrices(config: ModelConfig): readonly (readonly [number, number])[] {
  const { nEmbd: C, nInner } = config;
  if (config.family === 'gpt2') {
    return [
      [C, 3 * C],
      [C, C],
      [C, nInner],
      [nInner, C],
    ];
  }
  const [q, kv] = [config.nHead * config.headDim, config.kvHeads * config.headDim];
  return [
    [C, q],
    [C, kv],
    [C, kv],
    [q, C],
    [C, nInner],
    [C, nInner],
    [nInner, C],
  ];
}

/** Width of all query heads together. */
export function attentionWidth(config: ModelConfig): number {
  return config.family === 'llama' ? config.nHead * config.headDim : config.nEmbd;
}
