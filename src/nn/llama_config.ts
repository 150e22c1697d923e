// Llama, and Mistral, which is the same with a window over the keys and without biases.
import {
  type DecoderConfig,
  type DecoderSizes,
  type DecoderSpec,
  decoderConfig,
  decoderSpec,
} from './decoder_config.ts';

export type { RopeScaling } from './decoder_config.ts';

export interface LlamaConfig extends DecoderConfig {
  /** Tells configurations apart: Hugging Face's `model_type`. */
  family: 'llama';
  mlpBias: boolean;
}

/** The rest of a configuration from its sizes. */
export function llamaConfig(sizes: DecoderSizes<LlamaConfig>): LlamaConfig {
  return { family: 'llama', ...decoderConfig(sizes), mlpBias: sizes.mlpBias ?? false };
}

export function llamaSpec(config: LlamaConfig): DecoderSpec {
  return decoderSpec(config, { mlpBias: config.mlpBias });
}

export interface MistralConfig extends DecoderConfig {
  family: 'mistral';
  /** Keys that a query sees, its own the last; null: all before it. */
  window: number | null;
}

/** The rest of a configuration from its sizes. */
export function mistralConfig(sizes: DecoderSizes<MistralConfig>): MistralConfig {
  return { family: 'mistral', ...decoderConfig(sizes), window: sizes.window ?? null };
}

export function mistralSpec(config: MistralConfig): DecoderSpec {
  const { ropeTheta: theta, ropeScaling: scaling, window } = config;
  return decoderSpec(config, { layer: () => ({ rope: { theta, scaling }, window: window ?? undefined }) });
}
