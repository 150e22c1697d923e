// Which nodes are dispatched, and which of their neighbours each does in passing: a chosen form may take the node right in front of it
// or right behind it, where nobody else needs what lies between the two.
import type { Graph, Node } from '../autograd/graph.ts';
import { assignOp } from '../ops/copy.ts';
import type { Form, Neighbour, Site } from '../ops/op.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Place, same } from './storage.ts';

/** A node with its form, and what the form is told: neighbours among it. */
export interface Dispatched {
  node: Node;
  form: Form<unknown>;
  site: Site<unknown>;
}

/** @param nodes in the order in which they were written; views, and assignments that move nothing, are left out */
export function withNeighbours(
  graph: Graph,
  nodes: readonly Node[],
  resolve: (t: Tensor) => Place,
  formOf: (node: Node) => Form<unknown>,
): Dispatched[] {
  const uses = new Map<Tensor, number>();
  const use = (t: Tensor) => void uses.set(t, (uses.get(t) ?? 0) + 1);
  for (const node of nodes) for (const t of Object.values(node.inputs)) use(t);
  for (const t of graph.outputs.values()) use(t);

  const root = (t: Tensor) => resolve(t).root;
  /** It makes values, and starts from none that it overwrites. */
  const makes = ({ op, inputs }: Node) =>
    !op.writes && Object.values(op.inPlace ?? {}).every((input) => !inputs[input]);
  /** All that comes of it is `between`, in storage of its own, which one node reads. */
  const onlyMakes = (node: Node, between: Tensor) =>
    makes(node) &&
    root(between) === between &&
    Object.values(node.outputs).every((t) => (uses.get(t) ?? 0) === (t === between ? 1 : 0));

  const moves = (node: Node) => node.op !== assignOp || !same(resolve(node.inputs.state!), resolve(node.inputs.value!));
  const list = nodes.filter((node) => !node.op.view && moves(node));
  const found: Dispatched[] = [];
  for (let i = 0; i < list.length; i++) {
    const node = list[i]!;
    const form = formOf(node);
    const passed: Record<string, Neighbour> = {};
    const takes = (name: string, { op, inputs, outputs, attrs }: Node) => {
      const neighbour = { op: op.name, inputs, outputs, attrs };
      if (!form.takes?.(node, name, neighbour)) return false;
      passed[name] = neighbour;
      return true;
    };

    const before = found.at(-1);
    if (before && before.node === list[i - 1] && Object.keys(before.site.passed!).length === 0) {
      const { op, inputs, outputs } = before.node;
      const made = [...Object.values(outputs), ...(op.writes ?? []).map((state) => inputs[state])];
      const between = Object.entries(node.inputs).find(([, t]) => made.includes(t));
      // State that it wrote others may read as well: whoever does it in passing writes it too.
      const alone = between && (op.writes ? made.length === op.writes.length : onlyMakes(before.node, between[1]));
      if (alone && takes(between[0], before.node)) found.pop();
    }
    const behind = list[i + 1];
    if (behind && makes(behind)) {
      const read = Object.values(behind.inputs);
      const between = Object.entries(node.outputs).find(([, t]) => read.includes(t));
      const kept = new Set([node, ...Object.values(passed)].flatMap(({ inputs }) => Object.values(inputs).map(root)));
      const clear = Object.values(behind.outputs).every((t) => !kept.has(root(t)));
      if (between && clear && onlyMakes(node, between[1]) && takes(between[0], behind)) i++;
    }
    found.push({ node, form, site: { inputs: node.inputs, outputs: node.outputs, attrs: node.attrs, passed } });
  }
  return found;
}
