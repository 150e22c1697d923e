// A tensor is a description of a value: its type, shape and kind. It holds no numbers and no buffer. Who stores it where is
// the business of a plan (activations, inputs, constants) or of a machine's store (parameters and state).
import { InputError } from '../errors.ts';
import { type Shape, show, sizeOf } from './shape.ts';

/** f16 is a way to store: kernels compute in f32, and the host sees f32. */
export type DType = 'f32' | 'f16' | 'i32' | 'u32';
/** Real numbers: what a model's values are stored as. */
export type Precision = 'f32' | 'f16';
export type HostArray = Float32Array | Int32Array | Uint32Array;

/**
 * parameter, state: live as long as the machine keeps them, shared by all plans. input: new at every replay.
 * constant: written once when a plan is made. activation: made and consumed within one replay.
 */
export type Kind = 'parameter' | 'state' | 'input' | 'constant' | 'activation';

/** What a persistent tensor is counted as in a memory forecast. */
export type MemoryClass = 'parameters' | 'gradients' | 'optimizer' | 'ema' | 'other';

/** Consecutive rows of a table that is too large for one tensor. */
export interface PieceOf {
  /** The whole table's. */
  name: string;
  shape: Shape;
  /** The first of its rows here. */
  row: number;
}

export interface TensorFields {
  kind: Kind;
  shape: Shape;
  dtype?: DType;
  name?: string;
  /** First values of a parameter or state, or the values of a constant. Zeros when absent. */
  init?: () => HostArray;
  memoryClass?: MemoryClass;
  pieceOf?: PieceOf | null;
}

/** A value's description. @throws InputError if an axis is not a whole number of at least 1 */
export class Tensor {
  readonly kind: Kind;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly name: string;
  readonly memoryClass: MemoryClass;
  /** The whole that this is a piece of; null for all but the pieces of large tables. See pieces.ts. */
  readonly pieceOf: PieceOf | null;
  init: (() => HostArray) | undefined;
  /** A parameter that is not trainable gets no gradient nodes. */
  trainable: boolean;
  /** The slab this tensor is a slice of, and where it starts in it (elements). See slab.ts. */
  slab: Tensor | null = null;
  slabOffset = 0;

  constructor(fields: TensorFields) {
    this.kind = fields.kind;
    this.shape = fields.shape;
    this.dtype = fields.dtype ?? 'f32';
    this.name = fields.name ?? '';
    this.init = fields.init;
    this.memoryClass = fields.memoryClass ?? (fields.kind === 'parameter' ? 'parameters' : 'other');
    this.pieceOf = fields.pieceOf ?? null;
    this.trainable = fields.kind === 'parameter';
    for (const d of this.shape) {
      if (!Number.isSafeInteger(d) || d < 1) {
        throw new InputError(
          `tensor ${this.name || this.kind}: shape ${show(this.shape)} needs whole numbers of at least 1.`,
        );
      }
    }
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Parameters and state outlive a plan. */
  get persistent(): boolean {
    return this.kind === 'parameter' || this.kind === 'state';
  }

  /** What `init` gives, or null for zeros. @throws InputError if that is too many or too few numbers */
  firstValues(): HostArray | null {
    const values = this.init?.() ?? null;
    if (values && values.length !== this.size)
      throw new InputError(`${this}: its init gives ${values.length} values, expected ${this.size}.`);
    return values;
  }

  toString(): string {
    return `${this.name || this.kind} ${show(this.shape)}`;
  }
}

/** Bytes of `count` elements. */
export function bytesOf(count: number, dtype: DType): number {
  return count * (dtype === 'f16' ? 2 : 4);
}

/** @throws InputError unless there is a value for every element, or, from `start` on, none beyond the last */
export function checkWritten(tensor: Tensor, { length }: { length: number }, start?: number): void {
  const { size } = tensor;
  if (start === undefined ? length === size : start >= 0 && start + length <= size) return;
  const from = start === undefined ? '' : ` from element ${start} on`;
  throw new InputError(
    `${tensor}: got ${length} values${from}, expected ${size}${start === undefined ? '' : ' in all'}.`,
  );
}

/** Whether values of this type are real numbers, which have gradients. */
export function isReal(dtype: DType): dtype is Precision {
  return dtype === 'f32' || dtype === 'f16';
}

/** An array of the host that holds values of a tensor type; those of f16 widened. */
export function hostArray(dtype: DType, length: number): HostArray {
  return isReal(dtype) ? new Float32Array(length) : dtype === 'i32' ? new Int32Array(length) : new Uint32Array(length);
}
