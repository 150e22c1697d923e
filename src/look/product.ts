// Where one number of a value comes from, if a product of matrices made it: which numbers were multiplied, and what was added. It is
// read off the node that made the value, whatever that is called and however its matrices are stored.
import type { Graph, Node } from '../autograd/graph.ts';
import { matmulBackwardWeightsOp, matmulOp } from '../ops/matmul.ts';
import { dimensions, type MatmulAttrs } from '../ops/matmul_shape.ts';
import type { HostArray, Tensor } from '../tensor/tensor.ts';

/** A row or a column of a tensor, as it is stored: its last axis across, all others down. */
export interface Line {
  tensor: Tensor;
  way: 'row' | 'column';
  /** Number of the row among all rows; of a column among those of its matrix. */
  index: number;
  /** Its elements: the first, how far apart they are, and how many. */
  start: number;
  stride: number;
  count: number;
}

export interface Product {
  left: Line;
  right: Line;
  /** Bias, what goes around the layer, what had been accumulated: an element each. */
  added: readonly { what: 'bias' | 'residual' | 'add'; tensor: Tensor; at: number }[];
}

/** The node that made an element, views followed to what they show, and which element of its output it is. */
export interface Maker {
  node: Node;
  output: string;
  at: number;
}

/** null for what no node made: inputs, constants, parameters. */
export function makerOf(graph: Graph, value: Tensor, at: number): Maker | null {
  const node = graph.producer.get(value);
  if (!node) return null;
  if (node.op.view) return makerOf(graph, node.inputs.x!, at + node.op.view(node.inputs, node.attrs));
  const output = Object.keys(node.outputs).find((name) => node.outputs[name] === value)!;
  return { node, output, at };
}

/** @param at number of the element @returns null where no product of matrices made it */
export function productAt(graph: Graph, value: Tensor, at: number): Product | null {
  const made = makerOf(graph, value, at);
  if (made?.output !== 'y') return null;
  const { op, inputs, attrs } = made.node;
  if (op !== matmulOp && op !== matmulBackwardWeightsOp) return null;
  const { transposeA, transposeB } = attrs as MatmulAttrs;
  const { M, N, K } = dimensions(inputs, attrs as MatmulAttrs);
  const [n, i, j] = [Math.floor(made.at / (M * N)), Math.floor(made.at / N) % M, made.at % N];
  const left = transposeA ? columnOf(inputs.a!, n, i, [K, M]) : rowOf(inputs.a!, n, i, [M, K]);
  const right = transposeB ? rowOf(inputs.b!, n, j, [N, K]) : columnOf(inputs.b!, n, j, [K, N]);
  const added = (['bias', 'residual', 'add'] as const).flatMap((what) => {
    const tensor = inputs[what];
    return tensor ? [{ what, tensor, at: what === 'bias' ? j : made.at }] : [];
  });
  return { left, right, added };
}

/** Row `i` of matrix `n` of (...,rows,columns). */
function rowOf(tensor: Tensor, n: number, i: number, [rows, columns]: readonly [number, number]): Line {
  const index = n * rows + i;
  return { tensor, way: 'row', index, start: index * columns, stride: 1, count: columns };
}

function columnOf(tensor: Tensor, n: number, j: number, [rows, columns]: readonly [number, number]): Line {
  return { tensor, way: 'column', index: j, start: n * rows * columns + j, stride: columns, count: rows };
}

/** The numbers of a line among those of its tensor. */
export function lineOf({ start, stride, count }: Line, values: HostArray): Float32Array {
  return Float32Array.from({ length: count }, (_, k) => values[start + k * stride]!);
}
