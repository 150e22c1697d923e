// Gemma 3, its text model: norms of queries and keys, around attention and MLP, and times 1 + weight; scaled embeddings; GELU; most
// layers see a window of the keys, by angles of their own base.
// Source: Gemma Team 2025 (arXiv:2503.19786); transformers' modeling_gemma3.py for names, layouts and the scale of the embeddings.
import {
  type DecoderConfig,
  type DecoderSizes,
  type DecoderSpec,
  decoderConfig,
  decoderSpec,
} from './decoder_config.ts';

export type LayerType = 'sliding_attention' | 'full_attention';

export interface Gemma3Config extends DecoderConfig {
  family: 'gemma3_text';
  /** Scores are q . k / sqrt(this). */
  queryScalar: number;
  /** Keys that a query sees in the layers with a window, its own the last. */
  window: number;
  /** Base of the angles in those layers, which are never scaled; the others have ropeTheta. */
  localRopeTheta: number;
  /** One a layer. */
  layerTypes: readonly LayerType[];
}

/** All layers have a window but every `every`-th. */
export function layerPattern(nLayer: number, every = 6): LayerType[] {
  return Array.from({ length: nLayer }, (_, i) => ((i + 1) % every === 0 ? 'full_attention' : 'sliding_attention'));
}

/** The rest of a configuration from its sizes. */
export function gemma3Config(sizes: DecoderSizes<Gemma3Config>): Gemma3Config {
  const common = decoderConfig({ rmsNormEps: 1e-6, ropeTheta: 1e6, ...sizes });
  return {
    family: 'gemma3_text',
    ...common,
    queryScalar: sizes.queryScalar ?? common.headDim,
    window: sizes.window ?? 512,
    localRopeTheta: sizes.localRopeTheta ?? 10_000,
    layerTypes: sizes.layerTypes ?? layerPattern(sizes.nLayer),
  };
}

export function gemma3Spec(config: Gemma3Config): DecoderSpec {
  const { ropeTheta, ropeScaling, localRopeTheta, window, layerTypes } = config;
  return decoderSpec(config, {
    normOffset: 1,
    qkNorm: true,
    normsAfter: true,
    gate: 'gelu_tanh',
    embeddingScale: Math.sqrt(config.nEmbd),
    scoreScale: 1 / Math.sqrt(config.queryScalar),
    layer: (i) =>
      layerTypes[i] === 'sliding_attention'
        ? { rope: { theta: localRopeTheta, scaling: null }, window }
        : { rope: { theta: ropeTheta, scaling: ropeScaling }, window: undefined },
  });
}
