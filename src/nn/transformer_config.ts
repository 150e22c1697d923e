// The original transformer and its halves before any tensor exists: what an encoder and a decoder have in common, and the ways in which
// they may be built. Plain data: files of checkpoints are read into it, and models are made from it.
// Source: Vaswani et al. 2017 (arXiv:1706.03762); norms in front: Xiong et al. 2020 (arXiv:2002.04745).
import { InputError } from '../errors.ts';
import { type Activation, fittingHeads } from './gpt2_config.ts';

/** post: a norm behind each residual addition, as in 2017. pre: in front of each sublayer, and one more at the end of a stack. */
export type NormPlace = 'post' | 'pre';

/** sinusoidal: a fixed table, sine and cosine in turn. learned: a table that is trained. rotary: queries and keys are turned. */
export type Positions = 'sinusoidal' | 'learned' | 'rotary';

/** What both halves have. */
export interface TransformerConfig {
  /** Longest text in tokens, of either side. */
  blockSize: number;
  nEmbd: number;
  nHead: number;
  /** Width inside the MLP. */
  nInner: number;
  activation: Activation;
  layerNormEps: number;
  norm: NormPlace;
  positions: Positions;
  /** Embeddings are multiplied by sqrt(nEmbd). */
  embeddingScale: boolean;
}

/** Which tables are one: all three; the decoder's with the output's; none. */
export type Tie = 'all' | 'target' | 'none';

export interface EncoderDecoderConfig extends TransformerConfig {
  /** The `model_type` of its config.json. */
  family: 'encoder-decoder-vaswani2017';
  /** Of the decoder and the output. */
  vocabSize: number;
  /** Of the encoder; the same as vocabSize where all tables are one. */
  sourceVocabSize: number;
  encoderLayers: number;
  decoderLayers: number;
  tie: Tie;
  /** Stands where a text has no token. */
  padId: number;
  /** What the decoder reads first. */
  bosId: number;
  /** What ends a text of either side. */
  eosId: number;
}

/** The rest of a configuration from its sizes: by default the original's choices. */
export function transformerConfig(
  sizes: Pick<TransformerConfig, 'blockSize' | 'nEmbd' | 'nHead'> & Partial<TransformerConfig>,
): TransformerConfig {
  return {
    blockSize: sizes.blockSize,
    nEmbd: sizes.nEmbd,
    nHead: sizes.nHead,
    nInner: sizes.nInner ?? 4 * sizes.nEmbd,
    activation: sizes.activation ?? 'relu',
    layerNormEps: sizes.layerNormEps ?? 1e-5,
    norm: sizes.norm ?? 'post',
    positions: sizes.positions ?? 'sinusoidal',
    embeddingScale: sizes.embeddingScale ?? true,
  };
}

/** The rest of a configuration from its sizes. */
export function encoderDecoderConfig(
  sizes: Pick<
    EncoderDecoderConfig,
    ('blockSize' | 'nEmbd' | 'nHead' | 'vocabSize' | 'encoderLayers' | 'decoderLayers') | ('padId' | 'bosId' | 'eosId')
  > &
    Partial<EncoderDecoderConfig>,
): EncoderDecoderConfig {
  const { vocabSize, encoderLayers, decoderLayers, padId, bosId, eosId } = sizes;
  return {
    family: 'encoder-decoder-vaswani2017',
    vocabSize,
    sourceVocabSize: sizes.sourceVocabSize ?? vocabSize,
    ...transformerConfig(sizes),
    encoderLayers,
    decoderLayers,
    tie: sizes.tie ?? 'all',
    ...{ padId, bosId, eosId },
  };
}

/** Number of parameters, those of one table once, without making them. */
export function encoderDecoderParameterCount(config: EncoderDecoderConfig): number {
  const { nEmbd: C, nInner, blockSize, norm, positions, tie, vocabSize, sourceVocabSize } = config;
  const [attention, layerNorm] = [4 * C * C, 2 * C];
  const ffn = 2 * C * nInner + nInner + C;
  const layers =
    config.encoderLayers * (attention + ffn + 2 * layerNorm) +
    config.decoderLayers * (2 * attention + ffn + 3 * layerNorm);
  const rows = { all: vocabSize, target: sourceVocabSize + vocabSize, none: sourceVocabSize + 2 * vocabSize }[tie];
  return layers + (rows + (positions === 'learned' ? 2 * blockSize : 0)) * C + (norm === 'pre' ? 2 * layerNorm : 0);
}

/** Kernels count the numbers of a tensor in 32 bits. */
const MOST_NUMBERS = 2 ** 32 - 1;

/** @throws InputError if the heads do not fit the width, and as refuseMatrices */
export function refuseTransformer(config: TransformerConfig): void {
  const { nEmbd: C, nHead, positions } = config;
  refuseMatrices(config, 'model', 'Make the width, the MLP or the context smaller.');
  if (C % nHead !== 0)
    throw new InputError(`model: width ${C} is not divisible by ${nHead} heads; use ${fittingHeads(C, nHead)} heads.`);
  if (positions === 'rotary' && (C / nHead) % 2 !== 0)
    throw new InputError(
      `model: found heads of width ${C / nHead}, expected an even one: rotary positions turn pairs. Change the width or the number of heads.`,
    );
  if (positions === 'sinusoidal' && C % 2 !== 0)
    throw new InputError(`model: found a width of ${C}, expected an even one: sines and cosines come in pairs.`);
}

/** @param advice what to do   @throws InputError for matrices that no kernel could count */
export function refuseMatrices(
  { nEmbd: C, nInner, blockSize, positions }: TransformerConfig,
  where: string,
  advice: string,
): void {
  const most = Math.max(C, nInner, positions === 'rotary' ? 0 : blockSize);
  if (C * most > MOST_NUMBERS)
    throw new InputError(
      `${where}: found a matrix of ${most} by ${C} numbers, expected at most ${MOST_NUMBERS} in all. ${advice}`,
    );
}

/** @throws InputError as refuseTransformer, and for one table of two sizes */
export function refuseEncoderDecoder(config: EncoderDecoderConfig): void {
  refuseTransformer(config);
  const { tie, vocabSize, sourceVocabSize } = config;
  if (tie === 'all' && vocabSize !== sourceVocabSize)
    throw new InputError(
      `model: found vocabularies of ${sourceVocabSize} and ${vocabSize} tokens for one table, expected one size. Share one tokenizer, or give each side its own table.`,
    );
}
