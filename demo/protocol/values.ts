// The numbers of a model: weights, gradients and what flows between layers, as heat maps whose cells can be opened.

export type ValueGroup = 'weights' | 'gradients' | 'activations';

export interface ListedTensor {
  /** As `values` takes it. */
  name: string;
  group: ValueGroup;
  /** In words: `h.0.attn c_attn matmul.y`; of weights and gradients the name. */
  title: string;
  shape: readonly number[];
}

/** Rows and columns of a matrix, from 0. */
export interface ValueWindow {
  row: number;
  column: number;
  rows: number;
  columns: number;
}

/** A tensor as a matrix: its last axis across, all others down. */
export interface HeatMap {
  name: string;
  group: ValueGroup;
  title: string;
  shape: readonly number[];
  /** Of the whole matrix. */
  rows: number;
  columns: number;
  /** What of it the cells show. */
  window: ValueWindow;
  /** Each cell of the map stands for so many rows and columns of the matrix: 1 where it is shown as it is. */
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
  /** By row of the matrix the token that it belongs to; null where rows are not tokens. */
  tokens: readonly string[] | null;
  /** What it is of: which text, which batches and which loss. */
  about: string;
}

/** One of the two that are multiplied. */
export interface ProductLine {
  /** `h.0.attn ln_1 layernorm.y`. */
  name: string;
  way: 'row' | 'column';
  index: number;
  values: Float32Array;
}

/** One number of a tensor, and where it comes from. */
export interface OpenedCell {
  name: string;
  group: ValueGroup;
  row: number;
  column: number;
  value: number;
  /** The row and column of the tensor that it stands in, and their sums. */
  ownRow: Float32Array;
  ownColumn: Float32Array;
  rowSum: number;
  columnSum: number;
  /** Where a product made it: `left` times `right`, element by element, summed, and what was added. */
  product: {
    left: ProductLine;
    right: ProductLine;
    /** Bias and what else was added. */
    added: readonly { name: string; value: number }[];
    /** All of it, in float64. */
    sum: number;
    /** How far the value may be from it by rounding alone. */
    tolerance: number;
  } | null;
  /** Why there is no product, a sentence; '' where there is one. */
  why: string;
}

export interface ValueQuestions {
  /** What there is to look at, in the order of the model. */
  tensors: { asked: Record<never, never>; answered: { tensors: readonly ListedTensor[] } };
  values: {
    asked: {
      name: string;
      group: ValueGroup;
      /** null for all of it. */
      window: ValueWindow | null;
      /** Cells that there is room for; what is larger is pooled. */
      room: readonly [rows: number, columns: number];
    };
    answered: HeatMap;
  };
  /** One cell of it, by its place in the whole matrix. */
  cell: { asked: { name: string; group: ValueGroup; row: number; column: number }; answered: OpenedCell };
}
