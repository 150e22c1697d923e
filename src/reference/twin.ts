// The CPU twin: walks the same graph as the GPU, node by node, in plain float64 loops, with its own copy of parameters and state.
// What is stored as f16 it rounds to f16, so that it says what storage does.
// It shares nothing with the kernels, so it can say what a kernel, or a whole training step, should have computed.
import type { Graph, Node, Traced } from '../autograd/graph.ts';
import type { Batch, Compiled, CompileOptions, Machine, Output, Replay, Scalars } from '../autograd/machine.ts';
import { batchKey, graphOf, inputValue, refuseUnknown } from '../autograd/trace_batch.ts';
import { InputError } from '../errors.ts';
import { type Shape, show } from '../tensor/shape.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';
import { references } from './ops/index.ts';
import { type Numbers, narrow, stored, TwinStore, widen, zeros } from './store.ts';

/** A result with its float64 values beside the rounded ones that every machine gives. */
export interface TwinOutput extends Output {
  readonly exact: Numbers;
}

export interface TwinCompiled<Names extends string = string> extends Compiled<Names> {
  (batch: Batch, scalars?: Scalars): Promise<Record<Names, TwinOutput>>;
}

/** Replays whose results wait for collect(), as on a device. */
const KEPT_REPLAYS = 64;

export class Twin implements Machine {
  readonly name = 'the CPU twin (float64)';
  #store = new TwinStore();

  compile<R extends Traced>(
    fn: (batch: Record<string, Tensor>) => R,
    options: CompileOptions = {},
  ): TwinCompiled<keyof R & string> {
    const graphs = new Map<string, Graph>();
    let replays = 0;
    let unread: Replay[] = [];
    let lost = 0;

    const call = async (batch: Batch, scalars: Scalars = {}): Promise<Record<string, TwinOutput>> => {
      const key = batchKey(batch);
      let graph = graphs.get(key);
      if (!graph) graphs.set(key, (graph = graphOf(fn, batch, options)));
      const results = this.#run(graph, batch, scalars);
      const values = Object.fromEntries([...results].map(([name, { exact }]) => [name, narrow(exact)]));
      unread.push({ index: replays++, values });
      if (unread.length > KEPT_REPLAYS) {
        unread.shift();
        lost++;
      }
      return Object.fromEntries([...results].map(([name, { shape, exact }]) => [name, output(name, shape, exact)]));
    };
    const collect = async () => {
      const [all, gone] = [unread, lost];
      [unread, lost] = [[], 0];
      if (gone === 0) return all;
      throw new InputError(
        `collect: the results of ${gone} replays are gone, at most ${KEPT_REPLAYS} can wait. Collect after every ${KEPT_REPLAYS} replays.`,
      );
    };
    const release = () => {
      graphs.clear();
      [unread, lost] = [[], 0];
    };
    return Object.assign(call, { collect, release });
  }

  async read(tensor: Tensor): Promise<HostArray> {
    return narrow(this.#store.values(tensor));
  }

  /** A copy of a parameter or of state, without rounding. */
  exact(tensor: Tensor): Numbers {
    return this.#store.values(tensor).slice();
  }

  write(tensor: Tensor, data: HostArray | Float64Array, start?: number): void {
    this.#store.write(tensor, data, start);
  }

  release(tensors: Iterable<Tensor>): void {
    this.#store.release(tensors);
  }

  close(): void {
    this.#store.clear();
  }

  #run(graph: Graph, batch: Batch, scalars: Scalars): Map<string, { shape: Shape; exact: Numbers }> {
    const values = new Map<Tensor, Numbers>();
    for (const [name, tensor] of graph.inputs) {
      const given = inputValue(name, tensor.shape, batch, scalars);
      const wide = typeof given === 'number' ? zeros(tensor).fill(given) : widen(given);
      values.set(tensor, stored(tensor.dtype, wide));
    }
    refuseUnknown(scalars, graph.inputs);
    for (const tensor of graph.constants) values.set(tensor, stored(tensor.dtype, widen(tensor.firstValues()!)));
    const valuesOf = (tensor: Tensor) => (tensor.persistent ? this.#store.values(tensor) : values.get(tensor)!);

    for (const node of graph.nodes) runNode(node, valuesOf, (tensor, numbers) => values.set(tensor, numbers));
    return new Map([...graph.outputs].map(([name, t]) => [name, { shape: t.shape, exact: valuesOf(t).slice() }]));
  }
}

/** A view is a window of its input; other outputs are fresh; state that the op overwrites changes where it stands. */
export function runNode(
  node: Node,
  valuesOf: (t: Tensor) => Numbers,
  define: (t: Tensor, numbers: Numbers) => unknown,
): void {
  const { op, inputs, outputs, attrs } = node;
  if (op.view) {
    const start = op.view(inputs, attrs);
    define(outputs.y!, valuesOf(inputs.x!).subarray(start, start + outputs.y!.size));
    return;
  }
  const reference = references.get(op.name);
  if (!reference) throw new Error(`${op.name}: the twin has no reference for it`);
  const given = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, valuesOf(t)]));
  const results = reference(given, node);
  for (const [name, tensor] of Object.entries(outputs)) define(tensor, stored(tensor.dtype, results[name]!));
  for (const name of op.writes ?? [])
    if (inputs[name]) valuesOf(inputs[name]).set(stored(inputs[name].dtype, results[name]!));
}

function output(name: string, shape: Shape, exact: Numbers): TwinOutput {
  return {
    shape,
    exact,
    read: async () => narrow(exact),
    item: async () => {
      if (exact.length === 1) return narrow(exact)[0]!;
      throw new InputError(`"${name}" has shape ${show(shape)}: item() is for results of one number; use read().`);
    },
  };
}
