// A table that is larger than one binding lies in pieces: tensors of consecutive rows. Only the machine knows them; files, hashes
// and messages speak of the whole, which is put together and taken apart here and nowhere else.
import { type Shape, sizeOf } from './shape.ts';
import { SLAB_BYTES } from './slab.ts';
import { bytesOf, type PieceOf, type Tensor } from './tensor.ts';

/** Pieces and parts of them start at multiples of this many rows, so that a binding can start there, however wide a row. */
const ROW_STEP = 64;

/** Rows of a table, `from` included, `to` not. */
export interface RowRange {
  from: number;
  to: number;
}

/**
 * `rows` in as few ranges as there can be, about equally long, all but the last of whole steps. Rounded up to a step, none is
 * longer than `most` (or than one step): kernels may pad a table's rows.
 */
export function rowRanges(rows: number, most: number): RowRange[] {
  const longest = Math.max(1, Math.floor(most / ROW_STEP)) * ROW_STEP;
  if (rows <= longest) return [{ from: 0, to: rows }];
  const count = Math.ceil(rows / longest);
  const length = Math.ceil(rows / count / ROW_STEP) * ROW_STEP;
  return Array.from({ length: count }, (_, i) => ({ from: i * length, to: Math.min(rows, (i + 1) * length) }));
}

/** How a table is stored: its name, shape and place, piece by piece. One that fits is one tensor of its own name. */
export interface PieceFields {
  name: string;
  shape: Shape;
  pieceOf: PieceOf | null;
}

/**
 * The pieces of a table of (rows,columns) float32. They follow from the shape alone, so that every adapter computes the same bits.
 * @param limit bytes of a piece
 */
export function piecesOf(name: string, shape: readonly [number, number], limit = SLAB_BYTES): PieceFields[] {
  const [rows, columns] = shape;
  const ranges = rowRanges(rows, Math.floor(limit / bytesOf(columns, 'f32')));
  if (ranges.length === 1) return [{ name, shape, pieceOf: null }];
  return ranges.map(({ from, to }) => ({
    name: `${name}[${from}:${to}]`,
    shape: [to - from, columns],
    pieceOf: { name, shape, row: from },
  }));
}

/** The place of what goes with a piece, such as its gradient or a moment, in a whole of its own, `prefix.NAME`. */
export function pieceLike({ pieceOf }: Tensor, prefix: string): PieceOf | null {
  return pieceOf && { ...pieceOf, name: `${prefix}.${pieceOf.name}` };
}

/** One value as the outside knows it. */
export interface Whole {
  readonly name: string;
  readonly shape: Shape;
  /** Elements. */
  readonly size: number;
  /** In the order of their rows; a tensor that is no piece stands here alone. */
  readonly pieces: readonly Tensor[];
}

/**
 * Tensors as files name them, pieces put together.
 * @param tensors a list, or a map by name where a tensor's own name is another
 */
export function wholesOf(tensors: Iterable<Tensor> | ReadonlyMap<string, Tensor>): Whole[] {
  const named = tensors instanceof Map ? [...tensors] : [...(tensors as Iterable<Tensor>)].map((t) => [t.name, t]);
  const pieces = new Map<string, Tensor[]>();
  for (const [own, tensor] of named as [string, Tensor][]) {
    const name = tensor.pieceOf?.name ?? own;
    const known = pieces.get(name);
    if (known) known.push(tensor);
    else pieces.set(name, [tensor]);
  }
  return [...pieces].map(([name, list]) => {
    const shape = list[0]!.pieceOf?.shape ?? list[0]!.shape;
    return { name, shape, size: sizeOf(shape), pieces: list };
  });
}

/** The name of the whole that a tensor is, or belongs to. */
export function wholeName({ name, pieceOf }: Tensor): string {
  return pieceOf?.name ?? name;
}

/** Number of the element of the whole at which a tensor starts. */
export function startOf({ shape, pieceOf }: Tensor): number {
  return pieceOf ? pieceOf.row * shape[1]! : 0;
}

/** Each piece with its own values among those of the whole: no copy. */
export function takeApart({ pieces }: Whole, data: Float32Array): [piece: Tensor, own: Float32Array][] {
  let start = 0;
  return pieces.map((piece) => [piece, data.subarray(start, (start += piece.size))]);
}
