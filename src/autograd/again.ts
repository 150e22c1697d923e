// What is not kept for the backward pass but made again there: nodes written inside recompute(), and weights in another type.
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
    if (stretch !== null) {
      for (const node of this.#stretches.get(stretch) ?? []) this.#repeat(node);
      this.#stretches.delete(stretch);
    }
    const present = (t: Tensor) => (stretch === null ? this.#castAgain(t) : (this.#repeated.get(t) ?? t));
    return Object.fromEntries(Object.entries(values).map(([name, t]) => [name, present(t)]));
  }

  /** A weight that was cast is made in no time and would be kept the longest: half of all parameters' bytes. */
  #castAgain(t: Tensor): Tensor {
    const maker = this.#graph.producer.get(t);
    if (maker?.op.backward !== 'identity' || !maker.inputs.x!.persistent) return t;
    if (!this.#repeated.has(t)) this.#repeat(maker);
    return this.#repeated.get(t)!;
  }

  #repeat({ op, inputs, outputs, attrs, scope }: Node): void {
    const own = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, this.#repeated.get(t) ?? t]));
    const made = this.#graph.inScope(`${scope}.again`, () => this.#graph.push(op, own, attrs));
    for (const [name, t] of Object.entries(outputs)) this.#repeated.set(t, made[name]!);
  }
}
