// What the CPU twin makes of a node from the very values that a kernel was given: each kernel answers for itself alone, not for what
// those before it have rounded.
import type { Graph, Node } from '../autograd/graph.ts';
import { type Numbers, widen } from '../reference/store.ts';
import { runNode } from '../reference/twin.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';

export class Expected {
  readonly #graph: Graph;
  /** As they stood before the node. */
  readonly #given = new Map<Tensor, Numbers>();
  readonly #made = new Map<Tensor, Numbers>();
  /** State as a node leaves it. */
  readonly #written = new Map<Tensor, Numbers>();

  constructor(graph: Graph, given: ReadonlyMap<Tensor, HostArray>) {
    this.#graph = graph;
    for (const [tensor, values] of given) this.#given.set(tensor, widen(values));
  }

  /** A value that a node made, or state that `writers` overwrite; null for what no node of the graph knows, such as scratch. */
  of(tensor: Tensor, writers: readonly Node[]): { values: Numbers; node: Node } | null {
    const writer = writers.find(({ op, inputs }) => op.writes?.some((name) => inputs[name] === tensor));
    if (writer) {
      this.#run(writer);
      return { values: this.#written.get(tensor)!, node: writer };
    }
    const node = this.#graph.producer.get(tensor);
    if (!node) return null;
    // Whatever stood in its place before, it is made here.
    if (!this.#made.has(tensor)) this.#run(node);
    return { values: this.#made.get(tensor)!, node };
  }

  /** @throws Error for a value that nothing was given for: the plan binds all that a kernel reads */
  #value(tensor: Tensor): Numbers {
    const known = this.#given.get(tensor) ?? this.#made.get(tensor);
    if (known) return known;
    const node = this.#graph.producer.get(tensor);
    if (!node) throw new Error(`${tensor}: the kernel binds no such value`);
    this.#run(node);
    return this.#made.get(tensor)!;
  }

  #run(node: Node): void {
    const { inputs, op } = node;
    for (const [output, input] of Object.entries(op.inPlace ?? {})) this.#startOf(inputs[input], node.outputs[output]!);
    // What state held before does not matter to a node that only overwrites it.
    const overwritten = new Set((op.writes ?? []).map((name) => inputs[name]));
    const values = new Map<Tensor, Numbers>();
    for (const tensor of Object.values(inputs)) {
      const known = overwritten.has(tensor) ? this.#given.get(tensor)?.slice() : this.#value(tensor);
      values.set(tensor, known ?? new Float64Array(tensor.size));
    }
    runNode(
      node,
      (tensor) => values.get(tensor)!,
      (tensor, numbers) => this.#made.set(tensor, numbers),
    );
    for (const tensor of overwritten) if (tensor) this.#written.set(tensor, values.get(tensor)!);
  }

  /** What an output starts from stands in its own place, where it was not copied there. */
  #startOf(input: Tensor | undefined, output: Tensor): void {
    const before = this.#given.get(output);
    if (input && before && !this.#given.has(input)) this.#given.set(input, before);
  }
}
