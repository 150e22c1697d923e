// Labelled texts as rows of a classifier: cut to what it sees, padded on the right, with the weights that pool their hidden states.
import type { Batch } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import { IdStore } from '../data/id_store.ts';
import { promptIds, type Tokenizer } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import { type ClassifierConfig, poolWeights } from '../nn/classifier.ts';
import { NO_LABEL } from './classify.ts';
import type { TaskRows } from './rows.ts';

export interface LabelledIds {
  ids: readonly number[] | Int32Array;
  /** Number of the label, or -100 where none is known. */
  label: number;
  /** Of the file, from 1. */
  line: number;
}

/** The tokens of texts. @param where the file   @throws InputError for a text that the tokenizer cannot encode, naming its line */
export function labelledIds(
  texts: readonly { readonly text: string; readonly label: number; readonly line: number }[],
  tokenizer: Tokenizer,
  where: string,
): LabelledIds[] {
  const store = new IdStore();
  return texts.map(({ text, label, line }) => {
    try {
      return { ids: store.add(promptIds(tokenizer, text)), label, line };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(`${where}: line ${line}: ${error.message}`, { cause: error });
    }
  });
}

/** What rows are made for: a classifier, or what one will be. */
export interface RowsOf extends Pick<ClassifierConfig, 'labels' | 'pooling' | 'width' | 'padId'> {
  /** Tokens that it sees at most. */
  blockSize: number;
  /** Batches say where there are tokens: see isMasked. Default false. */
  masked?: boolean;
}

export interface ClassifyRowsOptions {
  /** The file, for messages. */
  where: string;
  /** By label: how much a row of it counts. Without, every row counts 1. */
  classWeights?: readonly number[] | undefined;
}

export interface ClassifyRows extends TaskRows {
  /** Rows that were longer than what the classifier sees, and lost their ends. */
  readonly cut: number;
  /** Number of the label of row i. */
  labelOf(i: number): number;
}

/**
 * Rows to train, evaluate or predict with. A batch is as classifyTask says.
 * With last-position every batch is as wide as the classifier's `width`, the longest row that it was trained on, as in Raschka 2024,
 * chapter 6: the answer is read behind the padding, and were a batch as wide as its longest text, a text's answer would depend on its
 * neighbours. Other poolings never see the padding.
 * @throws InputError for a row without tokens, naming its line
 */
export function classifyRows(
  rows: readonly LabelledIds[],
  classifier: RowsOf,
  { where, classWeights }: ClassifyRowsOptions,
): ClassifyRows {
  const { labels, pooling, width, padId, blockSize, masked = false } = classifier;
  const most = width ?? blockSize;
  const empty = rows.find(({ ids }) => ids.length === 0);
  if (empty)
    throw new InputError(
      `${where}: line ${empty.line}: found a text without tokens, expected at least one. Take it out.`,
    );
  const seen = rows.map(({ ids }) => (ids.length > most ? ids.slice(0, most) : ids));
  return {
    length: rows.length,
    cut: rows.filter(({ ids }) => ids.length > most).length,
    lengthOf: (i) => seen[i]!.length,
    labelOf: (i) => rows[i]!.label,
    batch(numbers) {
      const texts = numbers.map((i) => seen[i]!);
      const lengths = texts.map(({ length }) => length);
      const T = width ?? Math.min(bucket(Math.max(...lengths)), most);
      const B = numbers.length;
      const inputs = new Int32Array(B * T).fill(padId ?? 0);
      for (const [row, ids] of texts.entries()) inputs.set(ids, row * T);
      const own = numbers.map((i) => rows[i]!.label);
      return {
        inputs: { shape: [B, T], data: inputs },
        pool: { shape: [B, 1, T], data: poolWeights(pooling, lengths, T) },
        ...(masked && { mask: { shape: [B, T], data: tokenMask(lengths, T) } }),
        labels: { shape: [B], data: Int32Array.from(own) },
        ...(classWeights && weighted(own, classWeights)),
      };
    },
    shown(i) {
      const ids = seen[i]!;
      const { label } = rows[i]!;
      const trained = Array.from(ids, (_, t) => pooling === 'mean' || t === ids.length - 1);
      return { ids: [...ids], trained, note: label === NO_LABEL ? 'no label' : `label ${labels[label]}` };
    },
  };
}

/** 1 where a row has a token, 0 for padding.     lengths (B)  ->  (B,T) */
function tokenMask(lengths: readonly number[], T: number): Float32Array {
  const mask = new Float32Array(lengths.length * T);
  for (const [row, length] of lengths.entries()) mask.fill(1, row * T, row * T + length);
  return mask;
}

/** Weights of the rows, and what part each has of their sum. */
function weighted(labels: readonly number[], classWeights: readonly number[]): Batch {
  const weights = labels.map((label) => (label === NO_LABEL ? 0 : classWeights[label]!));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shape = [labels.length];
  return {
    weights: { shape, data: Float32Array.from(weights) },
    shares: { shape, data: Float32Array.from(weights, (weight) => (total === 0 ? 0 : weight / total)) },
  };
}
