// A vocabulary's table: one row a token, looked up at the bottom of a model and multiplied at its top. It may be larger than one
// binding, and the logits of a batch larger than the memory: it is stored in pieces, and the loss is made chunk by chunk.
import { recompute } from '../autograd/graph.ts';
import { cast } from '../ops/cast.ts';
import { concat } from '../ops/concat.ts';
import { type CrossEntropy, type CrossEntropyOptions, crossEntropyOf } from '../ops/cross_entropy.ts';
import { embedding } from '../ops/embedding.ts';
import { matmul } from '../ops/matmul.ts';
import { part } from '../ops/part.ts';
import { softmaxStats } from '../ops/softmax_stats.ts';
import { piecesOf, rowRanges } from '../tensor/pieces.ts';
import { SLAB_BYTES } from '../tensor/slab.ts';
import { bytesOf, type DType, type Precision, Tensor } from '../tensor/tensor.ts';

export interface TableOptions {
  /** First values of `count` elements from number `start` of the whole on. Zeros when absent. */
  init?: (start: number, count: number) => Float32Array;
  /** A larger table is stored in pieces of at most so many bytes. Default: 128 MiB, whatever the adapter allows. */
  pieceBytes?: number | undefined;
}

export interface TableLossOptions extends CrossEntropyOptions {
  /** Where all logits take more bytes than this, they are made in chunks of a quarter of it. Default: LOGIT_BYTES. */
  logitBytes?: number | undefined;
}

/** 128 MiB. */
const LOGIT_BYTES = SLAB_BYTES;

/** Whether the loss of so many tokens keeps all its logits for the backward pass; else it makes them again there. */
export function keepsLogits(tokens: number, vocabSize: number, dtype: DType, logitBytes = LOGIT_BYTES): boolean {
  return bytesOf(tokens * vocabSize, dtype) <= logitBytes;
}

/** Consecutive rows: a piece, or a window of one. */
interface Chunk {
  /** (rows,columns). */
  rows: () => Tensor;
  /** Number of the first row in the table. */
  first: number;
}

/** A (V,C) parameter in one or more pieces. */
export class Table {
  readonly pieces: readonly Tensor[];
  readonly rows: number;
  readonly columns: number;

  constructor(name: string, shape: readonly [rows: number, columns: number], { init, pieceBytes }: TableOptions = {}) {
    [this.rows, this.columns] = shape;
    this.pieces = piecesOf(name, shape, pieceBytes).map((fields) => {
      const tensor = new Tensor({ kind: 'parameter', ...fields });
      if (init) tensor.init = () => init(firstRow(tensor) * this.columns, tensor.size);
      return tensor;
    });
  }

  /** Rows by id, stored as `dtype`.     ids i32 (...)  ->  (...,C) */
  lookup(ids: Tensor, dtype: Precision = 'f32'): Tensor {
    let found: Tensor | undefined;
    for (const piece of this.pieces) found = embedding(piece, ids, { first: firstRow(piece), add: found, dtype });
    return found!;
  }

  /** The product of hidden states with every row.     hidden (...,C)  ->  (...,V) */
  logits(hidden: Tensor): Tensor {
    return concat(this.pieces.map((piece) => matmul(hidden, cast(piece, hidden.dtype), { transposeB: true })));
  }

  /**
   * crossEntropy(logits(hidden), targets), without all logits at once: the softmax's maximum and sum go from chunk to chunk
   * (Milakov and Gimelshein 2018, arXiv:1805.02867). Where all logits are small enough, a chunk is a piece and its logits are
   * kept for the backward pass; beyond, chunks are smaller and their logits are computed again there, so that one chunk's live
   * at a time.     hidden (...,C)  targets i32 (...)
   * @throws InputError as softmaxStats and crossEntropyOf
   */
  loss(hidden: Tensor, targets: Tensor, { logitBytes = LOGIT_BYTES, ...options }: TableLossOptions = {}): CrossEntropy {
    const rowBytes = bytesOf(targets.size, hidden.dtype);
    const keep = keepsLogits(targets.size, this.rows, hidden.dtype, logitBytes);
    const most = keep ? Number.POSITIVE_INFINITY : logitBytes / 4 / rowBytes;
    let stats: Tensor | undefined;
    for (const { rows, first } of this.#chunks(most)) {
      const before = stats;
      const step = () =>
        softmaxStats(matmul(hidden, cast(rows(), hidden.dtype), { transposeB: true }), targets, { first, before });
      stats = keep ? step() : recompute(step);
    }
    return crossEntropyOf(stats!, targets, { ...options, vocabSize: this.rows });
  }

  /** All rows in chunks of at most `most`, none beyond the end of a piece. */
  #chunks(most: number): Chunk[] {
    return this.pieces.flatMap((piece) =>
      rowRanges(piece.shape[0]!, most).map(({ from, to }, _, { length }) => ({
        rows: () => (length === 1 ? piece : part(piece, from * this.columns, [to - from, this.columns])),
        first: firstRow(piece) + from,
      })),
    );
  }
}

function firstRow({ pieceOf }: Tensor): number {
  return pieceOf?.row ?? 0;
}
