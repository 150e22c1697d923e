// Reads values from inside a function: what it computes on the way, from its own replay, which writes nothing that stays.
import type { Graph, Traced } from '../autograd/graph.ts';
import type { Batch, Compiled, Machine } from '../autograd/machine.ts';
import { batchKey, graphOf } from '../autograd/trace_batch.ts';
import { InputError } from '../errors.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';

/** A function as it computes a batch. */
export interface TracedValues {
  graph: Graph;
  /** By value the name under which it is kept: "#12 h.0.attn matmul.y". */
  names: ReadonlyMap<Tensor, string>;
}

export class ValueReader {
  readonly #machine: Machine;
  readonly #fn: (batch: Record<string, Tensor>) => Traced;
  #traced: { key: string; values: TracedValues } | null = null;
  /** What the last reading ran: the next one of the same values runs it again. */
  #compiled: { key: string; run: Compiled } | null = null;

  /** @param fn writes to no parameter and to no state; its results are named values of its graph */
  constructor(machine: Machine, fn: (batch: Record<string, Tensor>) => Traced) {
    [this.#machine, this.#fn] = [machine, fn];
  }

  /** All values of a batch of these shapes; nothing is computed. */
  values(batch: Batch): TracedValues {
    const key = batchKey(batch);
    if (this.#traced?.key !== key) {
      const graph = graphOf(this.#fn, batch, { keep: () => true });
      const names = new Map<Tensor, string>();
      for (const [name, tensor] of graph.outputs) if (name.startsWith('#')) names.set(tensor, name);
      this.#traced = { key, values: { graph, names } };
    }
    return this.#traced.values;
  }

  /**
   * The numbers of some values, all of one replay.
   * @param wanted of the graph of values(batch), or parameters and state
   */
  async read(batch: Batch, wanted: readonly Tensor[]): Promise<Map<Tensor, HostArray>> {
    const { graph, names } = this.values(batch);
    const found = new Map<Tensor, HostArray>();
    const inside = new Map<string, Tensor>();
    for (const tensor of wanted) {
      const name = names.get(tensor);
      if (name !== undefined) inside.set(name, tensor);
      else if (tensor.kind === 'constant') found.set(tensor, tensor.firstValues()!);
      else if (tensor.kind === 'input') found.set(tensor, inputOf(batch, tensor));
    }
    if (inside.size > 0) {
      const outputs = await this.#run(batchKey(batch), [...inside.keys()])(batch);
      for (const [name, tensor] of inside) found.set(tensor, await outputs[name]!.read());
    }
    for (const tensor of wanted)
      if (tensor.persistent && !graph.producer.has(tensor)) found.set(tensor, await this.#machine.read(tensor));
    return found;
  }

  #run(shapes: string, wanted: readonly string[]): Compiled {
    const key = [shapes, ...wanted].join('\n');
    if (this.#compiled?.key !== key) {
      this.release();
      const names = new Set(wanted);
      const inside = (batch: Record<string, Tensor>): Traced => {
        this.#fn(batch);
        return {};
      };
      this.#compiled = { key, run: this.#machine.compile(inside, { keep: (name) => names.has(name) }) };
    }
    return this.#compiled.run;
  }

  /** Frees what was compiled; it is made anew when something is read. */
  release(): void {
    this.#compiled?.run.release();
    this.#compiled = null;
  }
}

function inputOf(batch: Batch, { name }: Tensor): HostArray {
  const given = batch[name];
  if (given) return given.data;
  throw new InputError(`value "${name}": found a number that is sent with a step, expected one of the batch.`);
}
