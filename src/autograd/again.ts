// Activation checkpointing, seen from the backward pass: nodes written inside recompute() are written once more.
import type { Values } from '../ops/op.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Graph, Node } from './graph.ts';

/** Values as the backward pass reads them: those of a stretch are computed again, once the walk arrives at its end. */
export class Again {
  readonly #graph: Graph;
  readonly #stretches = new Map<number, Node[]>();
  readonly #repeated = new Map<Tensor, Tensor>();

  constructor(graph: Graph, nodes: readonly Node[]) {
    this.#graph = graph;
    for (const node of nodes) {
      if (node.stretch === null) continue;
      const stretch = this.#stretches.get(node.stretch);
      if (stretch) stretch.push(node);
      else this.#stretches.set(node.stretch, [node]);
    }
  }

  values({ stretch }: Node, values: Values): Values {
    if (stretch === null) return values;
    for (const node of this.#stretches.get(stretch) ?? []) this.#repeat(node);
    this.#stretches.delete(stretch);
    return Object.fromEntries(Object.entries(values).map(([name, t]) => [name, this.#repeated.get(t) ?? t]));
  }

  #repeat({ op, inputs, outputs, attrs, scope }: Node): void {
    const own = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, this.#repeated.get(t) ?? t]));
    const made = this.#graph.inScope(`${scope}.again`, () => this.#graph.push(op, own, attrs));
    for (const [name, t] of Object.entries(outputs)) this.#repeated.set(t, made[name]!);
  }
}
