// Qwen3: Llama with a norm over the width of each head of queries and keys.
// Source: Qwen Team 2025 (arXiv:2505.09388); transformers' modeling_qwen3.py for names and layouts.
import {
  type DecoderConfig,
  type DecoderSizes,
  type DecoderSpec,
  decoderConfig,
  decoderSpec,
} from './decoder_config.ts';

export interface Qwen3Config extends DecoderConfig {
  family: 'qwen3';
}

/** The rest of a configuration from its sizes. */
export function qwen3Config(sizes: DecoderSizes<Qwen3Config>): Qwen3Config {
  return { family: 'qwen3', ...decoderConfig({ rmsNormEps: 1e-6, ropeTheta: 1e6, ...sizes }) };
}

export function qwen3Spec(config: Qwen3Config): DecoderSpec {
  return decoderSpec(config, { qkNorm: true });
}
