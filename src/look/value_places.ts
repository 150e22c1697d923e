// What there is to look at inside a function, by place: where in the model a value was made, and around which weight.
import type { Graph, Node } from '../autograd/graph.ts';
import { wholeName } from '../tensor/pieces.ts';
import { isReal, type Tensor } from '../tensor/tensor.ts';
import type { TracedValues } from './value_reader.ts';

/** In words: `h.0.attn c_attn matmul.y`, of a parameter or an input its name. */
export function placeOf(graph: Graph, tensor: Tensor): string {
  const node = graph.producer.get(tensor);
  if (!node) return tensor.kind === 'constant' ? `constant ${tensor.name}` : wholeName(tensor);
  if (node.op.view) return placeOf(graph, node.inputs.x!);
  const output = Object.keys(node.outputs).find((name) => node.outputs[name] === tensor)!;
  return [node.scope, weightOf(graph, node), `${node.op.name}.${output}`].filter(Boolean).join(' ');
}

/** `c_attn` of the node that reads `transformer.h.0.attn.c_attn.weight`; '' of one that reads no weight. */
function weightOf(graph: Graph, { inputs }: Node): string {
  for (const input of Object.values(inputs)) {
    const source = shownBy(graph, input);
    if (source.kind === 'parameter') return wholeName(source).split('.').at(-2) ?? '';
  }
  return '';
}

/** Views and casts followed to what they show. */
function shownBy(graph: Graph, tensor: Tensor): Tensor {
  const node = graph.producer.get(tensor);
  return node && (node.op.view || node.op.name === 'cast') ? shownBy(graph, node.inputs.x!) : tensor;
}

/** Values that a kernel makes of real numbers, in the order in which they are made. Copies of a weight in another type are left out. */
export function madeValues({ graph, names }: TracedValues): { name: string; place: string; tensor: Tensor }[] {
  return graph.nodes.flatMap((node) => {
    if (node.op.view || node.op.writes) return [];
    return Object.values(node.outputs)
      .filter((tensor) => isReal(tensor.dtype) && shownBy(graph, tensor).kind !== 'parameter')
      .map((tensor) => ({ name: names.get(tensor)!, place: placeOf(graph, tensor), tensor }));
  });
}
