// State that an optimizer keeps for a parameter.
import { pieceLike } from '../tensor/pieces.ts';
import { type MemoryClass, Tensor } from '../tensor/tensor.ts';

/** State of a parameter's shape, named `prefix.NAME`: its gradient, a moment. */
export function stateLike(parameter: Tensor, prefix: string, memoryClass: MemoryClass): Tensor {
  const { shape, name } = parameter;
  const pieceOf = pieceLike(parameter, prefix);
  return new Tensor({ kind: 'state', shape, name: `${prefix}.${name}`, memoryClass, pieceOf });
}
