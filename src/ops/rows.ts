// A tensor read as a matrix over its last axis: what layer norm, softmax and cross-entropy work on.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Rows and columns of `x`. @throws InputError if x has no axis */
export function rowsOf(op: string, x: Tensor): { R: number; C: number } {
  const C = x.shape.at(-1);
  if (C === undefined) throw new InputError(`${op}: ${x} has shape (), expected one axis or more.`);
  return { R: x.size / C, C };
}
