// Which kernel made the first value that is not finite? The step's graph is copied with a check behind every value, and replayed:
// two replays find it, and no value needs to be kept. Nothing is written: parameters and moments stay as they were.

import { currentGraph, type Graph, type Node, type Traced } from '../autograd/graph.ts';
import type { Batch, Machine, Scalars } from '../autograd/machine.ts';
import { graphOf } from '../autograd/trace_batch.ts';
import { InputError, RunError } from '../errors.ts';
import { cast } from '../ops/cast.ts';
import { globalNorm } from '../ops/optimizer.ts';
import { scale } from '../ops/scale.ts';
import { Device } from '../runtime/device.ts';
import { startOf, wholeName } from '../tensor/pieces.ts';
import { isReal, type Tensor } from '../tensor/tensor.ts';

/** A value times this has a square that no sum over billions of them overflows: its norm is finite if and only if all of it is. */
const CHECK_FACTOR = 1e-25;

/** One replay that is looked at: a batch and the numbers sent with it; those that the function does not ask for are left out. */
export interface Pass {
  batch: Batch;
  scalars?: Scalars;
}

type Fn = (batch: Record<string, Tensor>) => Traced;

/**
 * Sentences that name the weight and the first value, operation and kernel with a NaN or an infinity, in the order of execution.
 * @param fn what was replayed when it happened, without what it does to parameters and state: loss and gradients
 * @param passes those of the step, in order
 * @param averaged weights that stood in for the parameters
 */
export async function whoMadeIt(
  machine: Machine,
  parameters: readonly Tensor[],
  fn: Fn,
  passes: readonly Pass[],
  averaged: ReadonlyMap<Tensor, Tensor> = new Map(),
): Promise<string> {
  const damaged = await damagedWeight(machine, parameters, averaged);
  try {
    for (const [i, { batch, scalars = {} }] of passes.entries()) {
      const found = await firstIn(machine, graphOf(fn, batch, { parameters: averaged }), batch, scalars);
      const where = passes.length > 1 ? `, in micro-batch ${i + 1} of ${passes.length},` : '';
      if (found) return `${damaged}The first such value${where} is ${found}.`;
    }
    const sums = passes.length > 1 ? 'the sum of the gradients or of their squares' : 'the sum of the squares';
    return `${damaged}Every value of the forward and backward pass is finite by itself: ${sums} overflowed.`;
  } catch (error) {
    if (error instanceof InputError || error instanceof RunError)
      return `${damaged}The kernel that made it cannot be named here: ${error.message}`;
    throw error;
  }
}

/** A weight that is not finite itself, as a sentence with a space behind it; '' if all are. */
async function damagedWeight(
  machine: Machine,
  parameters: readonly Tensor[],
  averaged: ReadonlyMap<Tensor, Tensor>,
): Promise<string> {
  for (const parameter of parameters) {
    const values = (await machine.read(averaged.get(parameter) ?? parameter)) as Float32Array;
    const at = notFinite(values);
    if (at < 0) continue;
    const kind = averaged.has(parameter) ? 'averaged weight' : 'weight';
    return `The ${kind} ${wholeName(parameter)} holds ${values[at]} at element ${startOf(parameter) + at}. `;
  }
  return '';
}

function notFinite(values: Float32Array): number {
  return values.findIndex((v) => !Number.isFinite(v));
}

/** "y of matmul in h.0.mlp (kernel matmul_subgroup8), element 17 (NaN)", or null if all values of a batch are finite. */
async function firstIn(machine: Machine, graph: Graph, batch: Batch, given: Scalars): Promise<string | null> {
  const nodes = liveNodes(graph);
  const scalars = Object.fromEntries(Object.entries(given).filter(([name]) => graph.inputs.has(name)));
  const checks: { node: Node; output: string }[] = [];
  const checked = await replay(machine, batch, scalars, () => {
    checks.length = 0;
    const norms: Traced = {};
    copyNodes(graph, nodes, (node, outputs) => {
      // A view is made by no kernel: what it shows has been checked.
      if (node.op.view) return;
      for (const [output, value] of Object.entries(outputs)) {
        if (!isReal(value.dtype)) continue;
        norms[checks.length] = globalNorm([scale(cast(value, 'f32'), CHECK_FACTOR)]);
        checks.push({ node, output });
      }
    });
    return norms;
  });
  const first = checks.find((_, i) => !Number.isFinite(checked.values[i]![0]));
  if (!first) return null;

  const { node, output } = first;
  let value: Tensor | undefined;
  const upToIt = () => {
    copyNodes(graph, nodes.slice(0, nodes.indexOf(node) + 1), (copied, outputs) => {
      if (copied === node) value = outputs[output];
    });
    return { value: value! };
  };
  const { op, scope } = node;
  const kernels = machine instanceof Device ? writersOf(machine, upToIt, () => value!, batch) : [];
  const words = `${output} of ${op.name}${scope ? ` in ${scope}` : ''} (kernel ${kernels.join(', ') || op.name})`;
  const { values } = await replay(machine, batch, scalars, upToIt);
  const at = notFinite(values.value as Float32Array);
  return at < 0 ? words : `${words}, element ${at} (${values.value![at]})`;
}

/** Nodes that a result depends on and that write to nothing that stays. */
function liveNodes(graph: Graph): Node[] {
  const wanted = new Set<Tensor>(graph.outputs.values());
  return graph.nodes
    .toReversed()
    .filter((node) => {
      if (node.op.writes || !Object.values(node.outputs).some((t) => wanted.has(t))) return false;
      for (const t of Object.values(node.inputs)) wanted.add(t);
      return true;
    })
    .reverse();
}

/** Writes nodes of a graph anew into the one being traced, in their order, and tells of each with its new outputs. */
function copyNodes(
  from: Graph,
  nodes: readonly Node[],
  copied: (node: Node, outputs: Record<string, Tensor>) => void,
): void {
  const to = currentGraph();
  const now = new Map<Tensor, Tensor>();
  for (const t of from.inputs.values()) now.set(t, to.input(t.name, t.shape, t.dtype));
  for (const t of from.constants) now.set(t, to.constant(t.name, t.shape, t.dtype, t.init!));
  for (const node of nodes) {
    const inputs = Object.fromEntries(Object.entries(node.inputs).map(([name, t]) => [name, now.get(t) ?? t]));
    to.inScope(node.scope, () => {
      const outputs = to.push(node.op, inputs, node.attrs);
      for (const [name, t] of Object.entries(node.outputs)) now.set(t, outputs[name]!);
      copied(node, outputs);
    });
  }
}

/** One replay of a function, compiled for the occasion. */
async function replay(machine: Machine, batch: Batch, scalars: Scalars, fn: Fn) {
  const compiled = machine.compile(fn);
  try {
    await compiled(batch, scalars);
    const [only] = await compiled.collect();
    return only!;
  } finally {
    compiled.release();
  }
}

/** The kernels of a plan that write a value, which `value` tells once the plan is made. */
function writersOf(device: Device, fn: () => Traced, value: () => Tensor, batch: Batch): string[] {
  const { dispatches } = device.plan(fn, batch);
  const writes = dispatches.filter(({ bindings }) =>
    bindings.some((b) => b.access === 'read_write' && b.value === value()),
  );
  return [...new Set(writes.map(({ kernel }) => kernel))];
}
