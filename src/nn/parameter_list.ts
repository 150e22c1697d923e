// The parameters of a model while it is being made: one list in the order of the file, random values from a stream each.
import { normal } from '../tensor/random.ts';
import { sizeOf } from '../tensor/shape.ts';
import { layOutSlabs } from '../tensor/slab.ts';
import { type Precision, Tensor } from '../tensor/tensor.ts';
import { Table } from './table.ts';

/** How a model begins. */
export interface ModelOptions {
  /** Of the initial weights. */
  seed: number;
  /** Of the largest tensor that the token table is stored in; see piecesOf. */
  pieceBytes?: number | undefined;
  /** Of the token table's first values, and those of a table of positions; by default the configuration's. */
  embeddingStd?: number | undefined;
  /**
   * What the weights of linear layers are stored as. As f16, for a model that computes in f16 anyway, they take half the memory and
   * cannot be trained: an adapter can. Default f32.
   */
  linearDtype?: Precision | undefined;
}

export class ParameterList {
  #tensors: Tensor[] = [];
  /** Parameters as files count them: a table in pieces is one, so that it draws the values that it would draw whole. */
  #count = 0;
  #seed: number;
  #pieceBytes: number | undefined;
  #linearDtype: Precision;

  constructor({ seed, pieceBytes, linearDtype = 'f32' }: ModelOptions) {
    this.#seed = seed;
    this.#pieceBytes = pieceBytes;
    this.#linearDtype = linearDtype;
  }

  /** A parameter that starts with one number everywhere. */
  filled(name: string, shape: readonly number[], value = 0): Tensor {
    const init = value === 0 ? undefined : () => new Float32Array(sizeOf(shape)).fill(value);
    return this.#add(new Tensor({ kind: 'parameter', name, shape, ...(init && { init }) }));
  }

  /** A parameter that starts with normal deviates. */
  random(name: string, shape: readonly number[], std: number, dtype: Precision = 'f32'): Tensor {
    const [seed, stream] = [this.#seed, this.#count];
    const init = () => normal(sizeOf(shape), std, seed, stream);
    const tensor = this.#add(new Tensor({ kind: 'parameter', name, shape, dtype, init }));
    tensor.trainable = dtype === 'f32';
    return tensor;
  }

  /** The weight of a linear layer: random, stored as the options say. */
  weight(name: string, shape: readonly [number, number], std: number): Tensor {
    return this.random(name, shape, std, this.#linearDtype);
  }

  /** A table that starts with normal deviates. */
  table(name: string, shape: readonly [rows: number, columns: number], std: number): Table {
    const [seed, stream] = [this.#seed, this.#count++];
    const table = new Table(name, shape, {
      init: (start, count) => normal(count, std, seed, stream, start),
      pieceBytes: this.#pieceBytes,
    });
    this.#tensors.push(...table.pieces);
    return table;
  }

  /** All of them, each with its place in a slab. */
  finish(): readonly Tensor[] {
    layOutSlabs(this.#tensors, 'parameters', 'parameters');
    return this.#tensors;
  }

  #add(tensor: Tensor): Tensor {
    this.#tensors.push(tensor);
    this.#count++;
    return tensor;
  }
}
