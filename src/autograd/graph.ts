// The graph: an append-only list of nodes in the order in which they were written. Backward appends to the same list.
import { InputError } from '../errors.ts';
import { currentTape, type Op, type Tape, type Values, withTape } from '../ops/op.ts';
import { type Shape, sameShape, show } from '../tensor/shape.ts';
import { type DType, type HostArray, Tensor } from '../tensor/tensor.ts';

export interface Node {
  readonly index: number;
  // biome-ignore lint/suspicious/noExplicitAny: nodes of all ops stand in one list; each op knows its own attributes
  readonly op: Op<any>;
  readonly inputs: Values;
  readonly outputs: Values;
  readonly attrs: unknown;
  /** Where in the model it was written, such as "h.3.attn"; backward nodes end in ".backward", repeated ones in ".again". */
  readonly scope: string;
  /** Nodes of one stretch are written again by backward, so that their values need not be kept until then. See recompute(). */
  readonly stretch: number | null;
}

/** The tape that a function is traced on. */
export class Graph implements Tape {
  readonly nodes: Node[] = [];
  /** Inputs by name, in the order of their first use. */
  readonly inputs = new Map<string, Tensor>();
  readonly constants = new Set<Tensor>();
  readonly outputs = new Map<string, Tensor>();
  /** The node that made an activation. */
  readonly producer = new Map<Tensor, Node>();
  #scopes: string[] = [];
  #stretch: number | null = null;
  #stretches = 0;
  #instead: ReadonlyMap<Tensor, Tensor>;

  /** @param instead tensors that stand in for parameters: the same function over other weights */
  constructor(instead: ReadonlyMap<Tensor, Tensor> = new Map()) {
    this.#instead = instead;
  }

  push<A>(op: Op<A>, given: Record<string, Tensor | undefined>, attrs: A): Record<string, Tensor> {
    const inputs: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      const tensor = this.#instead.get(value) ?? value;
      if (!this.owns(tensor)) {
        throw new InputError(
          `${op.name}: ${name} ${show(tensor.shape)} was made while another function was traced. Pass it as an input.`,
        );
      }
      inputs[name] = tensor;
    }
    if (this.#stretch !== null && op.writes) {
      throw new InputError(
        `${op.name}: found inside recompute(), where it would be done twice. Write to state outside.`,
      );
    }
    const outputs: Record<string, Tensor> = {};
    const scope = this.#scopes.join('.');
    const node: Node = { index: this.nodes.length, op, inputs, outputs, attrs, scope, stretch: this.#stretch };
    for (const [name, spec] of Object.entries(op.outputs(inputs, attrs))) {
      const tensor = new Tensor({ kind: 'activation', name: `${op.name}.${name}`, ...spec });
      outputs[name] = tensor;
      this.producer.set(tensor, node);
    }
    this.nodes.push(node);
    return outputs;
  }

  input(name: string, shape: Shape, dtype: DType): Tensor {
    const known = this.inputs.get(name);
    if (known) {
      if (!sameShape(known.shape, shape) || known.dtype !== dtype) {
        throw new InputError(
          `input "${name}" is used as ${known.dtype} ${show(known.shape)} and as ${dtype} ${show(shape)}.`,
        );
      }
      return known;
    }
    const tensor = new Tensor({ kind: 'input', name, shape, dtype });
    this.inputs.set(name, tensor);
    return tensor;
  }

  constant(name: string, shape: Shape, dtype: DType, init: () => HostArray): Tensor {
    const tensor = new Tensor({ kind: 'constant', name, shape, dtype, init });
    this.constants.add(tensor);
    return tensor;
  }

  /** Parameters and state belong to no graph, everything else to the one that made it. */
  owns(tensor: Tensor): boolean {
    const { persistent, name } = tensor;
    return persistent || this.producer.has(tensor) || this.constants.has(tensor) || this.inputs.get(name) === tensor;
  }

  inScope<T>(name: string, fn: () => T): T {
    this.#scopes.push(name);
    try {
      return fn();
    } finally {
      this.#scopes.pop();
    }
  }

  /** Whatever `fn` writes is one stretch; one inside another belongs to the outer. */
  inStretch<T>(fn: () => T): T {
    if (this.#stretch !== null) return fn();
    this.#stretch = this.#stretches++;
    try {
      return fn();
    } finally {
      this.#stretch = null;
    }
  }
}

/** The graph being traced. @throws InputError outside of tracing */
export function currentGraph(): Graph {
  const tape = currentTape();
  if (!(tape instanceof Graph)) throw new Error('the current tape is not a graph');
  return tape;
}

/** Names the part of a model that `fn` writes, for plans and traces: scope("attn", () => ...). */
export function scope<T>(name: string, fn: () => T): T {
  return currentGraph().inScope(name, fn);
}

/**
 * Values that `fn` makes are not kept for the backward pass but computed again there, by the same nodes with the same attributes
 * (a dropout mask repeats itself), so gradients are the same to the bit. What it reads and what is used outside stays.
 * Source: Chen et al. 2016 (arXiv:1604.06174).
 */
export function recompute<T>(fn: () => T): T {
  return currentGraph().inStretch(fn);
}

/** What a traced function may return: tensors by name. */
export type Traced = Record<string, Tensor>;

/**
 * Runs `fn` once and returns the graph it wrote, its results as outputs.
 * @param instead tensors that stand in for parameters
 * @throws InputError if a result is not a tensor of this graph: a number computed here would be frozen into every replay
 */
export function trace(fn: () => Traced, instead?: ReadonlyMap<Tensor, Tensor>): Graph {
  const graph = new Graph(instead);
  const results: unknown = withTape(graph, fn);
  if (results === null || typeof results !== 'object' || results instanceof Tensor || results instanceof Promise) {
    throw new InputError(
      'compile: the function must return an object of tensors, such as { loss }, and may not be async.',
    );
  }
  for (const [name, value] of Object.entries(results)) {
    if (!(value instanceof Tensor)) {
      throw new InputError(
        `compile: result "${name}" is ${typeof value === 'object' ? 'an object' : `a ${typeof value}`}, not a tensor: it would be frozen. Return tensors.`,
      );
    }
    if (!graph.owns(value)) {
      throw new InputError(
        `compile: result "${name}" ${show(value.shape)} was made while another function was traced. Pass it as an input.`,
      );
    }
    graph.outputs.set(name, value);
  }
  return graph;
}
