// From a function over a batch to its graph, and from a batch to the values of the graph's inputs: the same for every machine.
import { InputError } from '../errors.ts';
import { currentTape } from '../ops/op.ts';
import { type Shape, sameShape, show, sizeOf } from '../tensor/shape.ts';
import type { DType, HostArray, Tensor } from '../tensor/tensor.ts';
import { type Graph, type Traced, trace } from './graph.ts';
import type { Batch, CompileOptions, HostTensor, Scalars } from './machine.ts';

/** The graph of `fn` for inputs of these shapes. Batch entries come first, in the order in which they are given. */
export function graphOf(
  fn: (batch: Record<string, Tensor>) => Traced,
  batch: Batch,
  { keep, parameters }: CompileOptions = {},
): Graph {
  const graph = trace(() => {
    const inputs = Object.entries(batch).map(
      ([name, { shape, data }]) => [name, currentTape().input(name, shape, dtypeOf(data))] as const,
    );
    return fn(Object.fromEntries(inputs));
  }, parameters);
  if (keep) {
    for (const node of graph.nodes) {
      for (const [output, tensor] of Object.entries(node.outputs)) {
        const name = `#${node.index} ${node.scope} ${node.op.name}.${output}`;
        if (keep(name)) graph.outputs.set(name, tensor);
      }
    }
  }
  return graph;
}

/** What must be equal for two batches to share a graph: names, types and shapes. */
export function batchKey(batch: Batch): string {
  return Object.entries(batch)
    .map(([name, { shape, data }]) => `${name} ${dtypeOf(data)} ${show(shape)}`)
    .join('; ');
}

function dtypeOf(data: HostArray): DType {
  return data instanceof Float32Array ? 'f32' : data instanceof Int32Array ? 'i32' : 'u32';
}

/**
 * The values of one input for a replay: the batch's array, or a number that the caller passes by name.
 * @throws InputError if it is missing or has another length
 */
export function inputValue(
  name: string,
  shape: Shape,
  batch: Readonly<Record<string, HostTensor | undefined>>,
  scalars: Scalars,
): HostArray | number {
  const given = batch[name];
  if (given) {
    if (!sameShape(given.shape, shape) || given.data.length !== sizeOf(shape)) {
      throw new InputError(`input "${name}": got ${given.data.length} values for shape ${show(shape)}.`);
    }
    return given.data;
  }
  const number = scalars[name];
  if (number !== undefined) return number;
  throw new InputError(`input "${name}" is missing: pass it with every replay, as { ${name}: ... }.`);
}

/** @throws InputError for a number that the function never asked for: a misspelt name would otherwise do nothing */
export function refuseUnknown(scalars: Scalars, inputs: ReadonlyMap<string, unknown>): void {
  for (const name of Object.keys(scalars)) {
    if (inputs.has(name)) continue;
    throw new InputError(
      `"${name}" was passed, but the function asks for no such number; it asks for: ${[...inputs.keys()].join(', ')}.`,
    );
  }
}
