// The numbers of a model: weights, gradients and what flows between layers, as heat maps whose cells can be opened.

export type ValueGroup = 'weights' | 'gradients' | 'activations';

export interface ListedTensor {
  /** As `values` takes it. */
  name: string;
  group: ValueGroup;
  shape: readonly number[];
}

/** A tensor as a matrix: its last axis across, all others down. */
export interface HeatMap {
  name: string;
  group: ValueGroup;
  shape: readonly number[];
  /** Of the whole matrix. */
  rows: number;
  columns: number;
  /** Each cell of the map stands for so many rows and columns of the matrix: 1 where it is shown whole. Pooled by largest size. */
  pool: readonly [rows: number, columns: number];
  /** Rows of cells, each the value of the largest size within it, with its sign. */
  cells: Float32Array;
  mapRows: number;
  mapColumns: number;
  /** Of all values, the ones that are not finite left out. */
  least: number;
  most: number;
  mean: number;
  deviation: number;
  /** 99.9th percentile of their sizes: where the colours end. */
  scale: number;
  notFinite: number;
}

/** One number of a tensor, and where it comes from. */
export interface OpenedCell {
  row: number;
  column: number;
  value: number;
  /** The row and column of the tensor that it stands in, and their sums. */
  ownRow: Float32Array;
  ownColumn: Float32Array;
  rowSum: number;
  columnSum: number;
  /** Where a product made it: `left` times `right`, element by element, summed, and what was added; null for all else. */
  product: {
    /** What is multiplied, in words: `ln_1.y row 3`, `c_attn.weight column 7`. */
    leftName: string;
    rightName: string;
    left: Float32Array;
    right: Float32Array;
    /** Bias and what else was added. */
    added: number;
    sum: number;
  } | null;
}

export interface ValueQuestions {
  /** What there is to look at, in the order of the model. */
  tensors: { asked: Record<never, never>; answered: { tensors: readonly ListedTensor[] } };
  values: { asked: { name: string; group: ValueGroup }; answered: HeatMap };
  /** One cell of it, by its place in the whole matrix. */
  cell: { asked: { name: string; group: ValueGroup; row: number; column: number }; answered: OpenedCell };
}
