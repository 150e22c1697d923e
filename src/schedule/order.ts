// Graph -> dispatches. Dead nodes are dropped, each live node lists the dispatches of its chosen form, and every value is
// resolved to the storage it lives in: views, in-place outputs and state assignments share storage instead of copying.

import type { Graph, Node } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { copyDispatch } from '../ops/copy.ts';
import { ops } from '../ops/index.ts';
import type { Capabilities, Dispatch, Form, Values } from '../ops/op.ts';
import { Tensor } from '../tensor/tensor.ts';
import { kernel } from './kernel.ts';
import { withNeighbours } from './passing.ts';
import { type Place, same, storage } from './storage.ts';

/**
 * Forms by op name: plain data, an input of the run. An entry is a name or several, `vector,tile`: a node takes the first of
 * them that applies. Where none does, and where an op is missing, the first form that applies and suits the adapter is taken.
 * `portable` stands for the forms that need no feature and were made for no kind of adapter, in the op's order: the same ones
 * everywhere.
 */
export type KernelTable = Readonly<Record<string, string>>;

export interface Step extends Dispatch {
  node: Node;
  form: string;
  /** Scratch and node values by binding name, before `bind` renames. */
  values: Values;
}

export interface Order {
  steps: Step[];
  place(tensor: Tensor): Place;
}

/** The dispatches of a graph, in the order in which its nodes were written, and where its values live. */
export function order(graph: Graph, capabilities: Capabilities, table: KernelTable = {}): Order {
  const nodes = live(graph);
  const places = storage(graph, nodes);
  const steps: Step[] = [];
  const formOf = (node: Node) => chooseForm(node, capabilities, table[node.op.name]);
  for (const { node, form, site } of withNeighbours(graph, nodes, places.resolve, formOf)) {
    for (const [output, input] of Object.entries(node.op.inPlace ?? {})) {
      const from = node.inputs[input];
      if (from && from.dtype !== node.outputs[output]!.dtype)
        throw new Error(
          `${node.op.name}: ${output} is ${node.outputs[output]!.dtype} and starts from ${input}, which is ${from.dtype}`,
        );
      if (!from || same(places.resolve(from), places.resolve(node.outputs[output]!))) continue;
      const values = { x: from, y: node.outputs[output]! };
      steps.push(...apart({ ...copyDispatch(from), node, form: 'copy', values }, places.resolve));
    }
    const scratch: Record<string, Tensor> = {};
    for (const [name, spec] of Object.entries(form.scratch?.(site) ?? {})) {
      scratch[name] = new Tensor({ kind: 'activation', name: `${node.op.name}.${name}`, ...spec });
    }
    const values: Record<string, Tensor> = { ...node.inputs, ...node.outputs, ...scratch };
    for (const between of Object.keys(site.passed ?? {})) delete values[between];
    for (const dispatch of form.dispatches(site, scratch))
      steps.push(...apart({ ...dispatch, node, form: form.name, values }, places.resolve));
  }
  return { steps, place: places.resolve };
}

/** The first form that applies, of those that are tried. */
function chooseForm(node: Node, capabilities: Capabilities, entry: string | undefined): Form<unknown> {
  const form = tried(node.op.forms, capabilities, entry).find((f) => f.when?.(node) ?? true);
  if (!form) throw new Error(`${node.op.name}: no form applies here`);
  return form;
}

/** Forms that run on an adapter, in the order in which a node tries them: those of the table's entry come first. */
export function tried<A>(forms: readonly Form<A>[], capabilities: Capabilities, entry?: string): Form<A>[] {
  const names = entry === undefined ? [] : formNames(entry);
  const wanted = names.flatMap((name) =>
    forms.filter((form) => (name === 'portable' ? !form.runsOn && !form.prefers : form.name === name)),
  );
  const all = names.includes('portable') ? wanted : [...wanted, ...preferred(forms, capabilities)];
  return [...new Set(all)].filter((form) => form.runsOn?.(capabilities) ?? true);
}

/** The names of a table's entry. Text that came from a file may be another value. */
export function formNames(entry: unknown): string[] {
  return String(entry).split(',');
}

/** Forms as they are tried on an adapter: in the op's order, those that were made for other adapters last. */
export function preferred<A>(forms: readonly Form<A>[], capabilities: Capabilities): Form<A>[] {
  const suits = (form: Form<A>) => form.prefers?.(capabilities) ?? true;
  return [...forms.filter(suits), ...forms.filter((form) => !suits(form))];
}

/**
 * WebGPU refuses a buffer that one dispatch reads and writes, even in ranges that do not touch, such as two slices of a slab:
 * there the dispatch reads a copy.
 */
function apart(step: Step, resolve: (t: Tensor) => Place): Step[] {
  const bound = kernel(step.kernel).bindings.map(({ name, access }) => ({
    name,
    access,
    value: step.bind?.[name] ?? step.values[name],
  }));
  const written = new Set(
    bound.flatMap(({ access, value }) => (value && access === 'read_write' ? [resolve(value).root] : [])),
  );
  const copies: Step[] = [];
  const bind: Record<string, Tensor> = { ...step.bind };
  for (const { name, access, value } of bound) {
    if (!value || access !== 'read' || !written.has(resolve(value).root)) continue;
    const copy = new Tensor({ kind: 'activation', name: `${value.name}.copy`, shape: value.shape, dtype: value.dtype });
    copies.push({ ...copyDispatch(value), node: step.node, form: 'copy', values: { x: value, y: copy } });
    bind[name] = copy;
  }
  return copies.length > 0 ? [...copies, { ...step, bind }] : [step];
}

/**
 * @throws InputError if the table names an op or a form that does not exist, or one that does not run on this adapter: a
 *   run that fell back to another form would compute other bits
 */
export function checkTable(table: KernelTable, capabilities: Capabilities): void {
  for (const [name, wanted] of Object.entries(table)) {
    const op = ops.find((o) => o.name === name);
    if (!op)
      throw new InputError(
        `kernel table: found the op "${name}", expected one of ${ops.map((o) => o.name).join(', ')}.`,
      );
    const names = op.forms.map((f) => f.name);
    for (const each of formNames(wanted)) {
      const form = op.forms.find((f) => f.name === each);
      if (!form && each !== 'portable') {
        throw new InputError(
          `kernel table: found the form "${each}" of ${name}, expected portable or one of ${names.join(', ')}.`,
        );
      }
      if (form?.runsOn && !form.runsOn(capabilities)) {
        const others = op.forms.filter((f) => f.runsOn?.(capabilities) ?? true).map((f) => f.name);
        throw new InputError(
          `kernel table: the form ${each} of ${name} does not run on this adapter. Use ${others.join(' or ')}.`,
        );
      }
    }
  }
}

/** Nodes that an output or a piece of state depends on. */
function live(graph: Graph): Node[] {
  const wanted = new Set<Tensor>(graph.outputs.values());
  const keep = graph.nodes
    .slice()
    .reverse()
    .filter((node) => {
      const alive = node.op.writes !== undefined || Object.values(node.outputs).some((t) => wanted.has(t));
      if (alive) for (const t of Object.values(node.inputs)) wanted.add(t);
      return alive;
    });
  return keep.reverse();
}
