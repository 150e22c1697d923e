// What decoders of Llama's kind have in common, and the ways in which families differ, before any tensor exists. Plain data: a
// family's configuration becomes a DecoderSpec, and the model is made from that.

/** How a model stretches the angles it was trained with to longer texts. */
export type RopeScaling =
  | { type: 'linear'; factor: number }
  | { type: 'llama3'; factor: number; lowFreqFactor: number; highFreqFactor: number; originalBlockSize: number };

/** What every family's configuration says, in the same words. */
export interface DecoderConfig {
  vocabSize: number;
  /** Longest context in tokens. */
  blockSize: number;
  nEmbd: number;
  nLayer: number;
  /** Query heads. */
  nHead: number;
  /** Heads of keys and values, each shared by nHead / kvHeads query heads. */
  kvHeads: number;
  /** Width of a head; nHead times it need not be nEmbd. */
  headDim: number;
  /** Width inside the MLP. */
  nInner: number;
  rmsNormEps: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  /** The head is the token table itself. */
  tieWordEmbeddings: boolean;
  attentionBias: boolean;
  /** Standard deviation of the initial weights. */
  initializerRange: number;
}

/** Sizes that must be said; the rest follows. */
export type DecoderSizes<C extends DecoderConfig> = Pick<C, 'vocabSize' | 'blockSize' | 'nEmbd' | 'nLayer' | 'nHead'> &
  Partial<C>;

/** The common part of a configuration from its sizes. */
export function decoderConfig(sizes: DecoderSizes<DecoderConfig>): DecoderConfig {
  return {
    vocabSize: sizes.vocabSize,
    blockSize: sizes.blockSize,
    nEmbd: sizes.nEmbd,
    nLayer: sizes.nLayer,
    nHead: sizes.nHead,
    kvHeads: sizes.kvHeads ?? sizes.nHead,
    headDim: sizes.headDim ?? sizes.nEmbd / sizes.nHead,
    nInner: sizes.nInner ?? gatedWidth(sizes.nEmbd),
    rmsNormEps: sizes.rmsNormEps ?? 1e-5,
    ropeTheta: sizes.ropeTheta ?? 10_000,
    ropeScaling: sizes.ropeScaling ?? null,
    tieWordEmbeddings: sizes.tieWordEmbeddings ?? true,
    attentionBias: sizes.attentionBias ?? false,
    initializerRange: sizes.initializerRange ?? 0.02,
  };
}

/** 8/3 of the width, so that three matrices have the weights of two of 4 widths, up to a multiple of 32: Shazeer 2020 (arXiv:2002.05202). */
function gatedWidth(nEmbd: number): number {
  return Math.ceil((8 * nEmbd) / 3 / 32) * 32;
}

/** What a layer's attention sees, and by which angles. */
export interface LayerSpec {
  rope: { theta: number; scaling: RopeScaling | null };
  /** Keys that a query sees, its own the last; undefined: all before it. */
  window: number | undefined;
}

/** A decoder as it is built. */
export interface DecoderSpec {
  config: DecoderConfig;
  mlpBias: boolean;
  /** RMS norms multiply with this + weight: 0, or 1 where weights stand for differences. */
  normOffset: 0 | 1;
  /** Norms over the width of a head, of queries and of keys, in front of their rotation. */
  qkNorm: boolean;
  /** Norms of what attention and MLP give, before it is added to the residual, besides those in front of them. */
  normsAfter: boolean;
  /** What the MLP's gate goes through. */
  gate: 'silu' | 'gelu_tanh';
  /** Embeddings are multiplied with it. */
  embeddingScale: number;
  /** Attention's scores are this times q . k. */
  scoreScale: number;
  layer: (i: number) => LayerSpec;
}

/** Llama's ways, but for those that are given. */
export function decoderSpec(config: DecoderConfig, other: Partial<DecoderSpec> = {}): DecoderSpec {
  const { ropeTheta: theta, ropeScaling: scaling } = config;
  return {
    config,
    mlpBias: false,
    normOffset: 0,
    qkNorm: false,
    normsAfter: false,
    gate: 'silu',
    embeddingScale: 1,
    scoreScale: 1 / Math.sqrt(config.headDim),
    layer: () => ({ rope: { theta, scaling }, window: undefined }),
    ...other,
  };
}

/** The matrices of a block as [in, out], each head's part included. */
export function decoderMatrices(config: DecoderConfig): readonly (readonly [number, number])[] {
  const { nEmbd: C, nInner, nHead, kvHeads, headDim } = config;
  const [q, kv] = [nHead * headDim, kvHeads * headDim];
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

/** Number of parameters, tied ones once, without making them. */
export function decoderParameterCount({ config, mlpBias, qkNorm, normsAfter }: DecoderSpec): number {
  const { vocabSize: V, nEmbd: C, nLayer, nHead, kvHeads, headDim, nInner } = config;
  const matrices = decoderMatrices(config).reduce((sum, [fanIn, fanOut]) => sum + fanIn * fanOut, 0);
  const attention = config.attentionBias ? (nHead + 2 * kvHeads) * headDim + C : 0;
  const norms = (normsAfter ? 4 : 2) * C + (qkNorm ? 2 * headDim : 0);
  const block = matrices + attention + (mlpBias ? 2 * nInner + C : 0) + norms;
  return (config.tieWordEmbeddings ? V : 2 * V) * C + nLayer * block + C;
}
