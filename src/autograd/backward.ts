// The reverse walk. Gradients are ordinary nodes on the same graph: they are planned, printed and inspected like the rest.
import { InputError } from '../errors.ts';
import { add } from '../ops/add.ts';
import { cast } from '../ops/cast.ts';
import { constant, type Gradient } from '../ops/op.ts';
import { sumTo } from '../ops/sum.ts';
import { show } from '../tensor/shape.ts';
import { isReal, type Tensor } from '../tensor/tensor.ts';
import { Again } from './again.ts';
import { currentGraph, type Node } from './graph.ts';

/** Gradient by trainable parameter, in the order in which the parameters were first used. */
export type Gradients = Map<Tensor, Tensor>;

export interface BackwardOptions {
  /** d(objective)/d(loss), of the loss's shape; by default 1. */
  seed?: Tensor;
  /** What gradients are added onto, by parameter: those of earlier batches. */
  onto?: ReadonlyMap<Tensor, Tensor>;
}

/**
 * Appends the nodes that compute d(loss)/d(parameter) for every trainable parameter that `loss` depends on.
 * Source: reverse accumulation, Linnainmaa 1976; Baydin et al. 2018 (arXiv:1502.05767), section 3.2.
 * @param loss one number: shape (1) or ()
 * @throws InputError if the loss is not one number, depends on no trainable parameter, or passes an op without derivative
 */
export function backward(loss: Tensor, { seed, onto = new Map() }: BackwardOptions = {}): Gradients {
  const graph = currentGraph();
  if (loss.size !== 1)
    throw new InputError(
      `backward: the loss has shape ${show(loss.shape)}, expected one number. Reduce it with mean().`,
    );
  const nodes = graph.nodes.slice();
  const needed = dependents(nodes);
  if (!needed.has(loss)) throw new InputError('backward: the loss depends on no trainable parameter.');

  const grads = new Map<Tensor, Tensor>();
  const owner = owners(nodes);
  const one = seed ?? constant('one', loss.shape, () => new Float32Array([1]));
  // A loss that was cast is its owner's: what is made of the gradient next is of the owner's type.
  grads.set(owner(loss), cast(one, owner(loss).dtype));
  const again = new Again(graph, nodes);
  for (const node of nodes.reverse()) {
    const upstream = Object.fromEntries(Object.entries(node.outputs).map(([name, t]) => [name, grads.get(owner(t))]));
    const wanted = (input: string) => node.inputs[input] !== undefined && needed.has(node.inputs[input]);
    if (!Object.values(upstream).some(Boolean) || !Object.keys(node.inputs).some(wanted)) continue;
    const before = (input: string) => {
      const target = owner(node.inputs[input]!);
      return grads.get(target) ?? onto.get(target) ?? null;
    };
    const { backward: derivative } = node.op;
    if (derivative === 'identity') continue;
    if (derivative === 'not differentiable')
      throw new InputError(`backward: ${node.op.name} has no derivative, and the loss depends on it.`);
    const [inputs, outputs] = [again.values(node, node.inputs), again.values(node, node.outputs)];
    graph.inScope(`${node.scope}.backward`, () => {
      const parts = derivative({
        inputs,
        outputs,
        attrs: node.attrs,
        grads: upstream,
        needs: wanted,
        accumulated: before,
      });
      for (const [name, gradient] of Object.entries(parts)) {
        if (!gradient || !wanted(name)) continue;
        const target = owner(node.inputs[name]!);
        grads.set(target, sum(before(name), target, gradient));
      }
    });
  }
  return new Map([...needed].filter((t) => t.kind === 'parameter' && grads.has(t)).map((t) => [t, grads.get(t)!]));
}

/**
 * What has been accumulated so far and one contribution, in the target's type: a parameter's is f32, whatever is made of it.
 * Broadcasting is undone here and nowhere else.
 */
function sum(before: Tensor | null, target: Tensor, gradient: Gradient): Tensor {
  if (typeof gradient === 'function' && gradient.length > 0) return cast(gradient(before), target.dtype);
  const made = typeof gradient === 'function' ? gradient(null) : gradient;
  const own = sumTo(made, target.shape, target.dtype);
  return before ? add(before, own) : own;
}

/** Whose gradient a value's is: that of what it was cast from, else its own. */
function owners(nodes: readonly Node[]): (t: Tensor) => Tensor {
  const from = new Map<Tensor, Tensor>();
  const owner = (t: Tensor) => from.get(t) ?? t;
  for (const { op, inputs, outputs } of nodes) if (op.backward === 'identity') from.set(outputs.y!, owner(inputs.x!));
  return owner;
}

/** Trainable parameters and every value that depends on one. */
function dependents(nodes: readonly Node[]): Set<Tensor> {
  const set = new Set<Tensor>();
  for (const node of nodes) {
    let depends = false;
    for (const t of Object.values(node.inputs)) {
      if (t.trainable) set.add(t);
      depends ||= set.has(t);
    }
    if (depends) for (const t of Object.values(node.outputs)) if (isReal(t.dtype)) set.add(t);
  }
  return set;
}
