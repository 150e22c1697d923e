// The configurations of all families. Plain data: files of checkpoints are read into one, and a model is made from it.
import type { Gemma3Config } from './gemma3_config.ts';
import type { GPT2Config } from './gpt2_config.ts';
import type { LlamaConfig, MistralConfig } from './llama_config.ts';
import type { Qwen3Config } from './qwen3_config.ts';

export type ModelConfig = GPT2Config | LlamaConfig | MistralConfig | Qwen3Config | Gemma3Config;

/** Hugging Face's `model_type` of what can be made here. */
export type Family = ModelConfig['family'];

export type ConfigOf<F extends Family> = Extract<ModelConfig, { family: F }>;
