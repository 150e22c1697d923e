// What decides the shape of a Llama, and what follows from it before any tensor exists. Plain data: files of checkpoints are read
// into it, and the model is made from it.

/** How a model stretches the angles it was trained with to longer texts. */
export type RopeScaling =
  | { type: 'linear'; factor: number }
  | { type: 'llama3'; factor: number; lowFreqFactor: number; highFreqFactor: number; originalBlockSize: number };

export interface LlamaConfig {
  /** Tells configurations apart: Hugging Face's `model_type`. */
  family: 'llama';
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
  mlpBias: boolean;
  /** Standard deviation of the initial weights. */
  initializerRange: number;
}

/** The rest of a configuration from its sizes. */
export function llamaConfig(
  sizes: Pick<LlamaConfig, 'vocabSize' | 'blockSize' | 'nEmbd' | 'nLayer' | 'nHead'> & Partial<LlamaConfig>,
): LlamaConfig {
  return {
    ...sizes,
    family: 'llama',
    kvHeads: sizes.kvHeads ?? sizes.nHead,
    headDim: sizes.headDim ?? sizes.nEmbd / sizes.nHead,
    nInner: sizes.nInner ?? gatedWidth(sizes.nEmbd),
    rmsNormEps: sizes.rmsNormEps ?? 1e-5,
    ropeTheta: sizes.ropeTheta ?? 10_000,
    ropeScaling: sizes.ropeScaling ?? null,
    tieWordEmbeddings: sizes.tieWordEmbeddings ?? true,
    attentionBias: sizes.attentionBias ?? false,
    mlpBias: sizes.mlpBias ?? false,
    initializerRange: sizes.initializerRange ?? 0.02,
  };
}

/** 8/3 of the width, so that three matrices have the weights of two of 4 widths, up to a multiple of 32: Shazeer 2020 (arXiv:2002.05202). */
function gatedWidth(nEmbd: number): number {
  return Math.ceil((8 * nEmbd) / 3 / 32) * 32;
}

/** Number of parameters, tied ones once, without making them. */
export function llamaParameterCount(config: LlamaConfig): number {
  const { vocabSize: V, nEmbd: C, nLayer, nHead, kvHeads, headDim, nInner, tieWordEmbeddings } = config;
  const [q, kv] = [nHead * headDim, kvHeads * headDim];
  const attention = C * (2 * q + 2 * kv) + (config.attentionBias ? q + 2 * kv + C : 0);
  const mlp = 3 * C * nInner + (config.mlpBias ? 2 * nInner + C : 0);
  return (tieWordEmbeddings ? V : 2 * V) * C + nLayer * (attention + mlp + 2 * C) + C;
}
