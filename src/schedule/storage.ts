// Where values live. Views, in-place outputs and values that are assigned to state share storage instead of being copied.
import type { Graph, Node } from '../autograd/graph.ts';
import { assignOp } from '../ops/copy.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Where a value lives: in the storage of `root`, `offset` elements in. */
export interface Place {
  root: Tensor;
  offset: number;
}

/** Whether two values live in the very same storage. */
export function same(a: Place, b: Place): boolean {
  return a.root === b.root && a.offset === b.offset;
}

/**
 * Decides which values share storage.
 * - A view lives in its input.
 * - An in-place output takes over its input's storage, if that is an activation which nobody reads later.
 * - A value that is assigned to state is made in the state's own storage, if it is an activation, nobody reads the old
 *   state in between, and nobody reads the value after the state has been written again.
 */
export function storage(graph: Graph, nodes: readonly Node[]): { resolve(t: Tensor): Place } {
  const moved = new Map<Tensor, Place>();
  const resolve = (t: Tensor): Place => {
    if (t.slab) return { root: t.slab, offset: t.slabOffset };
    const to = moved.get(t);
    if (!to) return { root: t, offset: 0 };
    const at = resolve(to.root);
    return { root: at.root, offset: at.offset + to.offset };
  };
  for (const node of nodes)
    if (node.op.view)
      moved.set(node.outputs.y!, { root: node.inputs.x!, offset: node.op.view(node.inputs, node.attrs) });

  // Uses of each storage by node index, views resolved. Outputs are read after the last node.
  const reads = new Map<Tensor, number[]>();
  const use = (t: Tensor, at: number) => {
    const { root } = resolve(t);
    const list = reads.get(root);
    if (list) list.push(at);
    else reads.set(root, [at]);
  };
  for (const node of nodes) if (!node.op.view) for (const t of Object.values(node.inputs)) use(t, node.index);
  for (const t of graph.outputs.values()) use(t, Infinity);

  for (const node of nodes) {
    for (const [output, input] of Object.entries(node.op.inPlace ?? {})) {
      const from = node.inputs[input];
      if (!from || from.size !== node.outputs[output]!.size || from.dtype !== node.outputs[output]!.dtype) continue;
      const { root } = resolve(from);
      const takes = Object.values(node.inputs).filter((t) => resolve(t).root === root).length;
      if (root.kind !== 'activation' || root.size !== from.size || takes > 1) continue;
      if (reads.get(root)!.some((at) => at > node.index)) continue;
      const target = node.outputs[output]!;
      moved.set(target, { root: from, offset: 0 });
      reads.set(root, [...reads.get(root)!, ...(reads.get(target) ?? [])]);
    }
  }
  const users = new Users(nodes, resolve);
  for (const node of nodes) {
    if (node.op !== assignOp) continue;
    const { state, value } = node.inputs as { state: Tensor; value: Tensor };
    const from = resolve(value).root;
    if (from.kind !== 'activation' || from.size !== value.size || from.dtype !== state.dtype) continue;
    const own = users.of(from);
    const makers = own.filter((n) => Object.values(n.outputs).some((t) => resolve(t).root === from));
    if (makers.length === 0) continue;
    const first = Math.min(...makers.map((n) => n.index));
    const slot = resolve(state);
    const there = users.at(slot, state.size);
    if (there.some((n) => n.index > first && n.index < node.index)) continue;
    if (own.some((n) => n !== node && mixes(n, from, slot, resolve))) continue;
    const later = there.filter((n) => n.index > node.index && overwrites(n, slot, state.size, resolve));
    const next = Math.min(...later.map((n) => n.index));
    if (reads.get(from)!.some((at) => at > next)) continue;
    moved.set(from, { root: slot.root, offset: slot.offset });
    users.move(own, slot);
  }
  return { resolve };
}

/** Nodes by the storage they use: a question about one slice of a slab must not walk through a graph of thousands. */
class Users {
  /** Users of whole slices, by slab and offset. */
  #slices = new Map<Tensor, Map<number, Set<Node>>>();
  /** All other uses: whole slabs, views, activations. */
  #rest = new Map<Tensor, { node: Node; offset: number; size: number }[]>();

  constructor(nodes: readonly Node[], resolve: (t: Tensor) => Place) {
    for (const node of nodes) {
      for (const t of [...Object.values(node.inputs), ...Object.values(node.outputs)]) {
        const { root, offset } = resolve(t);
        if (t.slab) this.#slice({ root, offset }).add(node);
        else this.#others(root).push({ node, offset, size: t.size });
      }
    }
  }

  /** Nodes that use any part of `size` elements at `slot`. */
  at({ root, offset }: Place, size: number): Node[] {
    const others = this.#others(root).filter((u) => u.offset < offset + size && offset < u.offset + u.size);
    return [...this.#slice({ root, offset }), ...others.map((u) => u.node)];
  }

  /** Nodes that use an activation. */
  of(root: Tensor): Node[] {
    return this.#others(root).map((u) => u.node);
  }

  /** `nodes` use the slice at `slot` from now on. */
  move(nodes: readonly Node[], slot: Place): void {
    const slice = this.#slice(slot);
    for (const node of nodes) slice.add(node);
  }

  #slice({ root, offset }: Place): Set<Node> {
    let slab = this.#slices.get(root);
    if (!slab) this.#slices.set(root, (slab = new Map()));
    let slice = slab.get(offset);
    if (!slice) slab.set(offset, (slice = new Set()));
    return slice;
  }

  #others(root: Tensor) {
    let list = this.#rest.get(root);
    if (!list) this.#rest.set(root, (list = []));
    return list;
  }
}

/** Whether a node writes to any part of `size` elements of state at `slot`. */
function overwrites(node: Node, slot: Place, size: number, resolve: (t: Tensor) => Place): boolean {
  return (node.op.writes ?? []).some((name) => {
    const state = node.inputs[name];
    return state !== undefined && overlaps(state, slot, size, resolve);
  });
}

function overlaps(tensor: Tensor, slot: Place, size: number, resolve: (t: Tensor) => Place): boolean {
  const at = resolve(tensor);
  return at.root === slot.root && at.offset < slot.offset + size && slot.offset < at.offset + tensor.size;
}

/**
 * Whether a node that uses `moved` would read and write one buffer at once, if `moved` were made in the state at `slot`: WebGPU
 * refuses that even for ranges that do not touch. What an in-place output starts from is read only where it has to be copied first.
 */
function mixes(node: Node, moved: Tensor, slot: Place, resolve: (t: Tensor) => Place): boolean {
  if (node.op.view) return false;
  const then = (t: Tensor): Place => {
    const { root, offset } = resolve(t);
    return root === moved ? { root: slot.root, offset: slot.offset + offset } : { root, offset };
  };
  const inSlab = (t: Tensor) => then(t).root === slot.root;
  const starts = Object.entries(node.op.inPlace ?? {}).filter(([, input]) => node.inputs[input]);
  const copied = starts.some(([output, input]) => {
    const [from, to] = [node.inputs[input]!, node.outputs[output]!];
    return inSlab(from) && inSlab(to) && !same(then(from), then(to));
  });
  const written = Object.values(node.outputs);
  const read = Object.entries(node.inputs).flatMap(([name, t]) =>
    starts.some(([, input]) => input === name) ? [] : [t],
  );
  const uses = [...read, ...written].some((t) => resolve(t).root === moved);
  return uses && (copied || (read.some(inSlab) && written.some(inSlab)));
}
