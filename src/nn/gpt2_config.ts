// What decides the shape of a GPT-2, and what follows from it before any tensor exists: its size, and which head counts fit.
// Plain data: files of checkpoints are read into it, and the model is made from it.

export type Activation = 'gelu_new' | 'gelu' | 'relu' | 'silu';

export interface GPT2Config {
  /** Tells configurations apart: Hugging Face's `model_type`. */
  family: 'gpt2';
  vocabSize: number;
  /** Longest context in tokens: the rows of the position table. */
  blockSize: number;
  nEmbd: number;
  nLayer: number;
  nHead: number;
  /** Width inside the MLP, usually 4 nEmbd. */
  nInner: number;
  activation: Activation;
  layerNormEps: number;
  /** The head is the token table itself. */
  tieWordEmbeddings: boolean;
  /** Standard deviation of the initial weights; GPT-2's is 0.02, narrow models want more. */
  initializerRange: number;
  /** Linear layers and norms with a bias. Hugging Face's GPT-2 always has them. */
  bias: boolean;
}

/** The rest of a configuration from its sizes. */
export function gpt2Config(
  sizes: Pick<GPT2Config, 'vocabSize' | 'blockSize' | 'nEmbd' | 'nLayer' | 'nHead'> & Partial<GPT2Config>,
): GPT2Config {
  return {
    ...sizes,
    family: 'gpt2',
    nInner: sizes.nInner ?? 4 * sizes.nEmbd,
    activation: sizes.activation ?? 'gelu_new',
    layerNormEps: sizes.layerNormEps ?? 1e-5,
    tieWordEmbeddings: sizes.tieWordEmbeddings ?? true,
    initializerRange: sizes.initializerRange ?? 0.02,
    bias: sizes.bias ?? true,
  };
}

/** Number of parameters, tied ones once, without making them. */
export function gpt2ParameterCount(config: GPT2Config): number {
  const { vocabSize: V, blockSize: T, nEmbd: C, nInner, nLayer, bias, tieWordEmbeddings } = config;
  const norm = C * (bias ? 2 : 1);
  const block = 2 * norm + 4 * C * C + 2 * C * nInner + (bias ? 4 * C + nInner + C : 0);
  return (tieWordEmbeddings ? V : 2 * V) * C + T * C + nLayer * block + norm;
}

/** Head counts near `heads` that divide `width`, in words: the next below and the next two above, `6, 8 or 12`. */
export function fittingHeads(width: number, heads: number): string {
  const divisors: number[] = [];
  for (let n = 1; n * n <= width; n++) if (width % n === 0) divisors.push(n, width / n);
  const sorted = [...new Set(divisors)].sort((a, b) => a - b);
  const near = [...sorted.filter((n) => n < heads).slice(-1), ...sorted.filter((n) => n >= heads).slice(0, 2)];
  return near.length > 1 ? `${near.slice(0, -1).join(', ')} or ${near.at(-1)}` : `${near[0]}`;
}
