// A classifier: the body of a language model, whose hidden states of a text become one, and a linear layer that scores every label.
// Source: transformers' GPT2ForSequenceClassification and its siblings for names and the last token; Raschka 2024, Build a Large
// Language Model (From Scratch), chapter 6, for the last column.
import { scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { cast } from '../ops/cast.ts';
import { matmul } from '../ops/matmul.ts';
import { reshape } from '../ops/reshape.ts';
import { wholeName, wholesOf } from '../tensor/pieces.ts';
import { normal } from '../tensor/random.ts';
import { layOutSlabs } from '../tensor/slab.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { ClassifierConfig, Pooling } from './classifier_config.ts';
import { familyRow } from './families.ts';
import type { Linear } from './layers.ts';
import type { ForwardOptions, LanguageModel, Trainable } from './model.ts';
import type { ModelConfig } from './model_config.ts';

export { type ClassifierConfig, POOLINGS, type Pooling } from './classifier_config.ts';

/** The output head of a language model, where it is no table of tokens: a classifier has none. */
const HEAD = 'lm_head.weight';

export interface ClassifierOptions {
  labels: readonly string[];
  /** Default: see defaultPooling. */
  pooling?: Pooling | undefined;
  /** See ClassifierConfig; the body's context by default. */
  width?: number | null | undefined;
  /** See ClassifierConfig; none by default. */
  padId?: number | null | undefined;
  /** Of the first scores' weights. */
  seed: number;
  /** See ClassifierConfig. Default false. */
  bias?: boolean | undefined;
}

export class Classifier implements Trainable, ClassifierConfig {
  readonly body: LanguageModel;
  readonly labels: readonly string[];
  readonly pooling: Pooling;
  readonly width: number | null;
  readonly padId: number | null;
  readonly bias: boolean;
  /** (labels,C) and, where there is one, (labels). */
  readonly score: Linear & { stored: 'out_in' };
  /** The body's without an output head of its own, then score.weight and score.bias. */
  readonly parameters: readonly Tensor[];

  /**
   * @param body shares its parameters with this model; it may be one with adapters
   * @param score the layer of another classifier, which is shared
   * @throws InputError for fewer than two labels, equal ones, and a width that the body's context does not hold
   */
  constructor(body: LanguageModel, options: ClassifierOptions, score?: Classifier['score']) {
    const { labels, width = body.blockSize, padId = null, bias = false } = options;
    const { pooling = defaultPooling(body.config) } = options;
    refuseLabels(labels);
    if (pooling === 'last-position' && !(width !== null && width >= 1 && width <= body.blockSize))
      throw new InputError(
        `classifier: found a width of ${width} tokens, expected 1 to ${body.blockSize}, which the context holds.`,
      );
    if (padId !== null && padId >= body.vocabSize)
      throw new InputError(`classifier: found the padding id ${padId}, expected one below ${body.vocabSize}.`);
    this.body = body;
    this.labels = labels;
    this.pooling = pooling;
    this.width = pooling === 'last-position' ? width : null;
    this.padId = padId;
    this.bias = bias;
    const kept = body.parameters.filter((parameter) => wholeName(parameter) !== HEAD);
    this.score = score ?? firstScore(body, labels.length, options);
    this.parameters = [...kept, this.score.weight, ...(this.score.bias ? [this.score.bias] : [])];
  }

  /** The same classifier over another view of its body, as one with an adapter: all parameters are shared. */
  over(body: LanguageModel): Classifier {
    const { labels, pooling, width, padId, bias, score } = this;
    return new Classifier(body, { labels, pooling, width, padId, bias, seed: 0 }, score);
  }

  /** Whether its body asks for a mask of what is padding. */
  get masked(): boolean {
    return isMasked(this.body.config);
  }

  get config() {
    return this.body.config;
  }

  get blockSize(): number {
    return this.body.blockSize;
  }

  get vocabSize(): number {
    return this.body.vocabSize;
  }

  /**
   * A score for each label, f32.     ids (B,T) i32  pool (B,1,T) f32  ->  (B,labels)
   * @param pool weights of a text's hidden states in the one that is scored: see poolWeights
   * @param options the mask among them, where the classifier is `masked`
   * @throws InputError as the body's hidden()
   */
  logits(ids: Tensor, pool: Tensor, options?: ForwardOptions): Tensor {
    const hidden = this.body.hidden(ids, options);
    return scope('score', () => {
      const pooled = matmul(cast(pool, hidden.dtype), hidden);
      const rows = reshape(pooled, [ids.shape[0]!, hidden.shape.at(-1)!]);
      const { weight, bias } = this.score;
      return matmul(rows, cast(weight, rows.dtype), { transposeB: true, bias: bias ?? undefined, dtype: 'f32' });
    });
  }
}

/** Whether a body asks for a mask of what is padding: its tokens see those behind them too. */
export function isMasked({ family }: Pick<ModelConfig, 'family'>): boolean {
  return !familyRow(family).causal;
}

/** Where an answer is read unless it is said: of a causal body its last token alone has seen all; of others all have. */
export function defaultPooling(config: Pick<ModelConfig, 'family'>): Pooling {
  return isMasked(config) ? 'mean' : 'last-token';
}

/** Normal deviates as the body's matrices begin with, and a bias of zeros. */
function firstScore(body: LanguageModel, labels: number, { seed, bias }: ClassifierOptions): Classifier['score'] {
  const [C, stream] = [body.config.nEmbd, wholesOf(body.parameters).length];
  const weight = new Tensor({
    kind: 'parameter',
    name: 'score.weight',
    shape: [labels, C],
    init: () => normal(labels * C, body.config.initializerRange, seed, stream),
  });
  const own = bias ? new Tensor({ kind: 'parameter', name: 'score.bias', shape: [labels] }) : null;
  layOutSlabs(own ? [weight, own] : [weight], 'score', 'parameters');
  return { weight, bias: own, stored: 'out_in' };
}

/**
 * How the hidden states of each row become one, as the classifier's pooling says: 1 at the last token or the last column, or the
 * same for each token.     lengths (B)  ->  (B,1,T)
 */
export function poolWeights(pooling: Pooling, lengths: readonly number[], T: number): Float32Array {
  const weights = new Float32Array(lengths.length * T);
  for (const [row, length] of lengths.entries()) {
    if (pooling === 'mean') weights.fill(1 / length, row * T, row * T + length);
    else weights[row * T + (pooling === 'last-token' ? length : T) - 1] = 1;
  }
  return weights;
}

function refuseLabels(labels: readonly string[]): void {
  if (labels.length < 2)
    throw new InputError(
      `classifier: found ${labels.length} label${labels.length === 1 ? '' : 's'}, expected at least 2.`,
    );
  const seen = new Set<string>();
  for (const label of labels) {
    if (seen.has(label))
      throw new InputError(
        `classifier: found the label ${JSON.stringify(label)} twice, expected each once. Rename one.`,
      );
    seen.add(label);
  }
}
