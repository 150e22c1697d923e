// The parameters of a model while it is being made: one list in the order of the file, random values from a stream each.
import { normal } from '../tensor/random.ts';
import { sizeOf } from '../tensor/shape.ts';
import { layOutSlabs } from '../tensor/slab.ts';
import { Tensor } from '../tensor/tensor.ts';
import { Table } from './table.ts';

/** How a model begins. */
export interface ModelOptions {
  /** Of the initial weights. */
  seed: number;
  /** Of the largest tensor that the token table is stored in; see piecesOf. */
  pieceBytes?: number | undefined;
  /** Of the token table's first values, and those of a table of positions; by default the configuration's. */
  embeddingStd?: number | undefined;
}

export class ParameterList {
  #tensors: Tensor[] = [];
  /** Parameters as files count them: a table in pieces is one, so that it draws the values that it would draw whole. */
  #count = 0;
  #seed: number;
  #pieceBytes: number | undefined;

  /** @param pieceBytes of the largest tensor that a table is stored in; see piecesOf */
  constructor(seed: number, pieceBytes?: number) {
    this.#seed = seed;
    this.#pieceBytes = pieceBytes;
  }

  /** A parameter that starts with one number everywhere. */
  filled(name: string, shape: readonly number[], value = 0): Tensor {
    const init = value === 0 ? undefined : () => new Float32Array(sizeOf(shape)).fill(value);
    return this.#add(new Tensor({ kind: 'parameter', name, shape, ...(init && { init }) }));
  }

  /** A parameter that starts with normal deviates. */
  random(name: string, shape: readonly number[], std: number): Tensor {
    const [seed, stream] = [this.#seed, this.#count];
    const init = () => normal(sizeOf(shape), std, seed, stream);
    return this.#add(new Tensor({ kind: 'parameter', name, shape, init }));
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
