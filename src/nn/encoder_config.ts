// An encoder by itself before any tensor exists: what a masked language model and a classifier over it are made from.
// Source: Devlin et al. 2018 (arXiv:1810.04805) for the use of this half of the transformer alone.
import { type TransformerConfig, transformerConfig } from './transformer_config.ts';

/** The `model_type` of its config.json. */
export const ENCODER = 'encoder-vaswani2017';

export interface EncoderConfig extends TransformerConfig {
  family: typeof ENCODER;
  vocabSize: number;
  nLayer: number;
  /** Stands where a text has no token; null where the tokenizer has none for that: then it is 0. */
  padId: number | null;
  /** Stands where a token is to be guessed. */
  maskId: number;
  /** Standard deviation of the first values of the tables, and of what a task puts on top. */
  initializerRange: number;
  /** Hidden states are multiplied with the table of the tokens. */
  tieWordEmbeddings: true;
}

/** The rest of a configuration from its sizes: by default the original's choices. */
export function encoderConfig(
  sizes: Pick<EncoderConfig, 'blockSize' | 'nEmbd' | 'nHead' | 'vocabSize' | 'nLayer' | 'maskId'> &
    Partial<EncoderConfig>,
): EncoderConfig {
  const { vocabSize, nLayer, maskId, padId = null } = sizes;
  return {
    family: ENCODER,
    vocabSize,
    ...transformerConfig(sizes),
    nLayer,
    ...{ padId, maskId },
    initializerRange: sizes.initializerRange ?? sizes.nEmbd ** -0.5,
    tieWordEmbeddings: true,
  };
}

/** The matrices of a layer as [in, out]. */
export function encoderMatrices({ nEmbd: C, nInner }: EncoderConfig): [number, number][] {
  return [
    [C, C],
    [C, C],
    [C, C],
    [C, C],
    [C, nInner],
    [nInner, C],
  ];
}

/** Number of parameters, without making them. */
export function encoderParameterCount(config: EncoderConfig): number {
  const { nEmbd: C, nInner, nLayer, blockSize, norm, positions, vocabSize } = config;
  const matrices = encoderMatrices(config).reduce((sum, [rows, columns]) => sum + rows * columns, 0);
  // Two norms of a weight and a bias each, and the biases of the MLP.
  const layer = matrices + 4 * C + nInner + C;
  const tables = (vocabSize + (positions === 'learned' ? blockSize : 0)) * C;
  return tables + nLayer * layer + (norm === 'pre' ? 2 * C : 0);
}
