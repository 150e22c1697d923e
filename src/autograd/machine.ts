// What can run a traced function: a device (kernels on a GPU) or the twin (plain float64 loops). Same calls, same results.
import type { Shape } from '../tensor/shape.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';
import type { Traced } from './graph.ts';

/** Values of one input for one replay. The shape is part of the plan: another shape is another plan. */
export interface HostTensor {
  shape: Shape;
  data: HostArray;
}
export type Batch = Readonly<Record<string, HostTensor>>;
/** Numbers that vary from step to step, by the names that stepScalar() asks for. */
export type Scalars = Readonly<Record<string, number>>;

/** A result of one replay, still on the machine. */
export interface Output {
  readonly shape: Shape;
  /** Waits for the machine. @throws InputError if a later replay has overwritten it */
  read(): Promise<HostArray>;
  /** The one number of a result of one element. */
  item(): Promise<number>;
}

export interface Replay {
  /** Counts from 0 for each compiled function. */
  index: number;
  values: Record<string, HostArray>;
}

/** A compiled function; `Names` are those of its results. */
export interface Compiled<Names extends string = string> {
  /** One replay, after those that were asked for before. Queued, not awaited: read an output to wait for it. */
  (batch: Batch, scalars?: Scalars): Promise<Record<Names, Output>>;
  /**
   * All replays since the last call with their results, in one read. A step counts as done only when this has returned it.
   * @throws InputError if results have been lost: 64 replays may wait, and where the results are large (over 4 KiB) only one
   */
  collect(): Promise<Replay[]>;
  /** Frees the plans and the results that were not read. A later call makes them anew. */
  release(): void;
}

export interface CompileOptions {
  /** Which values inside the function are further outputs, by names such as "#12 h.0.attn matmul.y": node, scope, op, output. */
  keep?: (name: string) => boolean;
  /** Tensors that stand in for parameters, such as averaged weights. */
  parameters?: ReadonlyMap<Tensor, Tensor> | undefined;
}

export interface Machine {
  readonly name: string;
  compile<R extends Traced>(
    fn: (batch: Record<string, Tensor>) => R,
    options?: CompileOptions,
  ): Compiled<keyof R & string>;
  /** Present values of a parameter or of state. */
  read(tensor: Tensor): Promise<HostArray>;
  /**
   * Overwrites a parameter or state, or the part of it that begins at an element.
   * @throws InputError if the values are not as many, or reach beyond its end
   */
  write(tensor: Tensor, data: HostArray, start?: number): void;
  /** Frees what the machine keeps for these tensors; they start from their first values when used again. */
  release(tensors: Iterable<Tensor>): void;
  /** Frees everything. */
  close(): void;
}
