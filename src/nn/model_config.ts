// The configurations of all families. Plain data: files of checkpoints are read into one, and a model is made from it.
import type { EncoderConfig } from './encoder_config.ts';
import type { Gemma3Config } from './gemma3_config.ts';
import type { GPT2Config } from './gpt2_config.ts';
import type { LlamaConfig, MistralConfig } from './llama_config.ts';
import type { Qwen3Config } from './qwen3_config.ts';

/** Of models that continue a text: no token sees those behind it. */
export type CausalConfig = GPT2Config | LlamaConfig | MistralConfig | Qwen3Config | Gemma3Config;

export type ModelConfig = CausalConfig | EncoderConfig;

/** The `model_type` of what can be made here, Hugging Face's where it has one. */
export type AnyFamily = ModelConfig['family'];

/** Those that continue a text. */
export type Family = CausalConfig['family'];

export type ConfigOf<F extends AnyFamily> = Extract<ModelConfig, { family: F }>;
