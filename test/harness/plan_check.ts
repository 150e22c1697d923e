// Runs a plan without a GPU: instead of numbers, every buffer holds the name of the value that was last written to it. A dispatch that
// reads a buffer in which another value stands by then is a fault of the order or of the memory plan.
import type { Graph } from '../../src/autograd/graph.ts';
import type { BufferRef, Plan, Region } from '../../src/schedule/plan.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** @returns a sentence a fault */
export function faultsOf(plan: Plan, graph: Graph): string[] {
  const faults: string[] = [];
  /** A view is its input under another shape; anything else stands for itself. */
  const origin = (t: Tensor): Tensor => {
    const node = graph.producer.get(t);
    return node?.op.view ? origin(node.inputs.x!) : t;
  };
  /** Bytes from the start of that value. */
  const windowAt = (t: Tensor): number => {
    const node = graph.producer.get(t);
    return node?.op.view ? windowAt(node.inputs.x!) + 4 * node.op.view(node.inputs, node.attrs) : 0;
  };
  /** What an in-place output was before the kernel ran. */
  const before = new Map<Tensor, Tensor>();
  for (const { op, inputs, outputs } of graph.nodes) {
    for (const [output, input] of Object.entries(op.inPlace ?? {})) {
      if (inputs[input]) before.set(outputs[output]!, origin(inputs[input]));
    }
  }
  const holds = new Map<string, Tensor>();
  const isActivation = (t: Tensor) => t.kind === 'activation';

  plan.dispatches.forEach((d, i) => {
    const said = (what: string) => faults.push(`dispatch ${i} (${d.op}, ${d.kernel}): ${what}`);
    const written = new Set(d.bindings.filter((b) => b.access === 'read_write').map((b) => bufferKey(b.buffer)));
    for (const b of d.bindings) {
      if (b.access !== 'read' || !b.value) continue;
      if (written.has(bufferKey(b.buffer))) said(`reads and writes ${bufferKey(b.buffer)}`);
      const value = origin(b.value);
      const there = holds.get(regionKey(b));
      if (isActivation(value) && there !== value) said(`reads ${value}, but there stands ${there}`);
    }
    for (const b of d.bindings) {
      if (b.access !== 'read_write' || !b.value) continue;
      const earlier = before.get(b.value);
      const there = holds.get(regionKey(b));
      // The copy that precedes an in-place kernel starts from nothing; the kernel itself starts from the copy or from the input.
      const starts = earlier && d.form !== 'copy' && !('kernel' in d && d.kernel === 'fill');
      if (starts && isActivation(earlier) && there !== earlier && there !== b.value)
        said(`starts from ${earlier}, but there stands ${there}`);
      holds.set(regionKey(b), b.value);
    }
  });
  for (const [name, { from }] of plan.outputs) {
    const output = graph.outputs.get(name)!;
    const value = origin(output);
    const there = holds.get(regionKey({ ...from, offset: from.offset - windowAt(output) }));
    if (isActivation(value) && there !== value) faults.push(`output ${name}: there stands ${there}`);
  }
  return faults;
}

function bufferKey(buffer: BufferRef): string {
  if (buffer.kind === 'arena') return `arena ${buffer.slot}`;
  return buffer.kind === 'persistent' ? `state ${buffer.tensor.name}` : buffer.kind;
}

function regionKey({ buffer, offset }: Region): string {
  return `${bufferKey(buffer)} + ${offset}`;
}
